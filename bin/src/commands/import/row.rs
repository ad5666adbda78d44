//! Converts a row into a user to import, or into its faults. A reason never contains a value, because it may be a hash.

use keepstone_auth::{
    error::Refusal,
    password::{PasswordHash, foreign_scheme},
};
use keepstone_domain::{DisplayName, Email, Invalid, NewUser, RoleName, Timestamp, Username};
use keepstone_service::{Import, Newcomer};

use super::column::{self, Column, NAMES, Place};

/// The maximum length of a hash in every database.
const LONGEST_HASH: usize = 255;

/// A value of a row. Empty and null values are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Flag(bool),
    /// An integer other than 0 and 1.
    Number(i64),
    /// A fraction, a list or an object.
    Other,
}

/// The values of a row, with the places of their columns.
pub type Cells = Vec<(Place, Cell)>;

/// A fault of a row, and its column; `None` if it concerns the whole row.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub column: Option<&'static str>,
    pub reason: String,
}

impl Fault {
    pub fn of_row(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into() }
    }
}

/// The rules for all rows.
pub struct Rules<'a> {
    pub import: &'a Import,
    /// The role of users without one.
    pub default_role: RoleName,
    /// The current time: no account can be created later than this.
    pub now: Timestamp,
}

/// The limit of seconds since 1970 (the year 5138); a number above it is milliseconds.
const MOST_SECONDS: i64 = 100_000_000_000;
/// The role that Supabase assigns to every logged-in user.
const SUPABASE_ROLE: &str = "authenticated";

/// Returns the user to import, or every fault of the row.
pub fn read(cells: &Cells, rules: &Rules<'_>) -> Result<Newcomer, Vec<Fault>> {
    let mut row = Row { cells, faults: Vec::new() };
    let email = row.text(Column::Email, |text| Email::parse(text).map_err(words));
    let username = row.username();
    let name = row.name();
    let password_hash = row.hash();
    let is_admin = row.flag(Column::IsAdmin).unwrap_or(false);
    let role = row.role(rules);
    let fallback = if is_admin { RoleName::admin() } else { rules.default_role.clone() };
    let is_active = row.flag(Column::IsActive).unwrap_or(true)
        && !row.flag(Column::IsBlocked).unwrap_or(false)
        && !row.is_blocked_at(rules.now);
    let email_verified =
        row.flag(Column::EmailVerified).unwrap_or(false) || row.cell(Column::EmailVerifiedAt).is_some();
    let created_at = row.created_at(rules.now);
    row.refuse_deleted();
    row.need(Column::Email);
    match email {
        Some(email) if row.faults.is_empty() => Ok(Newcomer {
            user: NewUser { email, username, name, role: role.unwrap_or(fallback), is_active },
            email_verified,
            created_at,
            password_hash,
        }),
        _ => Err(row.faults),
    }
}

fn words(invalid: Invalid) -> String {
    invalid.to_string()
}

struct Row<'a> {
    cells: &'a Cells,
    faults: Vec<Fault>,
}

impl<'a> Row<'a> {
    /// Returns the value that counts, and the place of its column.
    fn cell(&self, column: Column) -> Option<&'a (Place, Cell)> {
        let cells = self.cells.iter().filter(|(place, _cell)| NAMES.get(*place).is_some_and(|known| known.1 == column));
        cells.min_by_key(|(place, _cell)| *place)
    }

    fn need(&mut self, column: Column) {
        if self.cell(column).is_none() {
            let name = NAMES.iter().find(|known| known.1 == column).map(|known| known.0);
            self.faults.push(Fault { column: name, reason: "is missing".to_owned() });
        }
    }

    fn fault(&mut self, place: Place, reason: impl Into<String>) {
        self.faults.push(Fault { column: Some(column::name(place)), reason: reason.into() });
    }

    fn text<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (place, cell) = self.cell(column)?;
        let parsed = match cell {
            Cell::Text(text) => parse(text),
            Cell::Flag(_) | Cell::Number(_) | Cell::Other => Err("must be a text".to_owned()),
        };
        parsed.map_err(|reason| self.fault(*place, reason)).ok()
    }

    /// Returns the username, unless it equals the e-mail address, as in many Django projects.
    fn username(&mut self) -> Option<Username> {
        let is_address = match (self.cell(Column::Username), self.cell(Column::Email)) {
            (Some((_, Cell::Text(username))), Some((_, Cell::Text(email)))) => {
                username.contains('@') && username.trim().eq_ignore_ascii_case(email.trim())
            }
            _ => false,
        };
        if is_address {
            return None;
        }
        self.text(Column::Username, |text| Username::parse(text.trim()).map_err(words))
    }

    /// Returns the name, or the first and the last name joined.
    fn name(&mut self) -> Option<DisplayName> {
        if self.cell(Column::Name).is_some() {
            return self.text(Column::Name, |text| DisplayName::parse(text).map_err(words));
        }
        let first = self.text(Column::FirstName, |text| Ok(text.trim().to_owned()));
        let last = self.text(Column::LastName, |text| Ok(text.trim().to_owned()));
        let name = [first, last].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return None;
        }
        let (place, _cell) = self.cell(Column::FirstName).or_else(|| self.cell(Column::LastName))?;
        DisplayName::parse(&name).map_err(|invalid| self.fault(*place, words(invalid))).ok()
    }

    fn role(&mut self, rules: &Rules<'_>) -> Option<RoleName> {
        let role = self.text(Column::Role, |text| {
            let role = RoleName::parse(text.trim()).map_err(words)?;
            match rules.import.knows(&role) {
                true => Ok(Some(role)),
                false if role.as_str() == SUPABASE_ROLE => Ok(None),
                false => Err("there is no such role".to_owned()),
            }
        });
        role.flatten()
    }

    /// Returns whether the account is blocked until a time after `now`, or indefinitely.
    fn is_blocked_at(&self, now: Timestamp) -> bool {
        self.cell(Column::BlockedUntil).is_some_and(|(_place, cell)| time(cell).is_none_or(|until| until > now))
    }

    fn created_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let (place, cell) = self.cell(Column::CreatedAt)?;
        let created_at = match time(cell) {
            Some(time) if time > now => Err("must not be in the future".to_owned()),
            Some(time) => Ok(time),
            None => match cell {
                Cell::Text(text) => Timestamp::parse(text).map_err(words),
                Cell::Flag(_) | Cell::Number(_) | Cell::Other => Err("must be a time".to_owned()),
            },
        };
        created_at.map_err(|reason| self.fault(*place, reason)).ok()
    }

    fn refuse_deleted(&mut self) {
        if let Some((place, _cell)) = self.cell(Column::DeletedAt) {
            self.fault(*place, "the account is deleted in the other system, so it is not imported");
        }
    }

    fn flag(&mut self, column: Column) -> Option<bool> {
        let (place, cell) = self.cell(column)?;
        let flag = match cell {
            Cell::Flag(flag) => Some(*flag),
            Cell::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "1" | "yes" | "y" | "on" => Some(true),
                "false" | "f" | "0" | "no" | "n" | "off" => Some(false),
                _ => None,
            },
            Cell::Number(_) | Cell::Other => None,
        };
        if flag.is_none() {
            self.fault(*place, "must be true or false");
        }
        flag
    }

    /// Returns the password hash. `None` also for an account without a usable password, which is not a fault.
    fn hash(&mut self) -> Option<PasswordHash> {
        if self.cell(Column::FirebaseId).is_some() {
            return None;
        }
        let is_called_password =
            self.cell(Column::Hash).is_some_and(|(place, _cell)| column::name(*place) == "password");
        let hash = self.text(Column::Hash, |text| {
            let text = text.trim();
            if is_unusable(text) {
                return Ok(None);
            }
            match PasswordHash::parse(text) {
                Ok(_) if text.len() > LONGEST_HASH => Err(format!("must have at most {LONGEST_HASH} characters")),
                Ok(hash) => Ok(Some(hash)),
                Err(Refusal::TooExpensive) => Err("would make a login too expensive".to_owned()),
                Err(_) => Err(unknown(text, is_called_password)),
            }
        });
        hash.flatten()
    }
}

/// Returns whether a stored text means "no password": empty, `*` as in `/etc/shadow`, or starting with `!` as in
/// Django.
fn is_unusable(hash: &str) -> bool {
    hash.starts_with('!') || matches!(hash, "" | "*" | "*0" | "*1")
}

/// Parses a time: a text, or seconds or milliseconds since 1970.
fn time(cell: &Cell) -> Option<Timestamp> {
    let number = match cell {
        Cell::Number(number) => *number,
        Cell::Text(text) => match text.trim().parse() {
            Ok(number) => number,
            Err(_) => return Timestamp::parse(text).ok(),
        },
        Cell::Flag(_) | Cell::Other => return None,
    };
    let micros = number.checked_mul(if number < MOST_SECONDS { 1_000_000 } else { 1_000 })?;
    Timestamp::from_micros(micros).filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// Returns why a text is not a hash that can be verified.
fn unknown(text: &str, is_called_password: bool) -> String {
    if let Some(scheme) = foreign_scheme(text) {
        let name = scheme.name;
        return if scheme.is_verified {
            format!("is a damaged hash of {name}")
        } else {
            format!("is a hash of an unsupported format: {name}")
        };
    }
    if ["$2a$", "$2b$", "$2y$", "$argon2i$", "$argon2id$"].iter().any(|prefix| text.starts_with(prefix)) {
        return "is a damaged hash".to_owned();
    }
    if is_called_password {
        return "is a password and not a hash: only hashes are imported".to_owned();
    }
    "is not a hash of a known format".to_owned()
}
