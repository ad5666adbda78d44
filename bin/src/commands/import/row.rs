//! From what a row says to somebody who can be made, or to everything that is wrong with it. No reason shows a value:
//! it may be a hash.

use keepstone_auth::{
    error::Refusal,
    password::{PasswordHash, foreign_scheme},
};
use keepstone_domain::{DisplayName, Email, Invalid, NewUser, RoleName, Timestamp, Username};
use keepstone_service::{Import, Newcomer};

use super::column::{self, Column, NAMES, Place};

/// The longest hash that every database has room for.
const LONGEST_HASH: usize = 255;

/// A value of a row. What is empty or null is no value, and not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Flag(bool),
    /// A number, a list, an object.
    Other,
}

/// The values of a row, by the places of their columns.
pub type Cells = Vec<(Place, Cell)>;

/// What is wrong with a row, and in which column; none if it is about the whole row.
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

/// What holds for every row.
pub struct Rules<'a> {
    pub import: &'a Import,
    /// The role of whoever has none.
    pub default_role: RoleName,
    /// Nobody was made after this.
    pub now: Timestamp,
}

/// Somebody, or every fault.
pub fn read(cells: &Cells, rules: &Rules<'_>) -> Result<Newcomer, Vec<Fault>> {
    let mut row = Row { cells, faults: Vec::new() };
    let email = row.text(Column::Email, |text| Email::parse(text).map_err(words));
    let username = row.text(Column::Username, |text| Username::parse(text.trim()).map_err(words));
    let name = row.text(Column::Name, |text| DisplayName::parse(text).map_err(words));
    let hash = row.hash();
    let is_admin = row.flag(Column::IsAdmin).unwrap_or(false);
    let role = row.text(Column::Role, |text| {
        let role = RoleName::parse(text.trim()).map_err(words)?;
        if rules.import.knows(&role) { Ok(role) } else { Err("there is no such role".to_owned()) }
    });
    let fallback = if is_admin { RoleName::admin() } else { rules.default_role.clone() };
    let is_active = row.flag(Column::IsActive).unwrap_or(true);
    let email_verified = row.flag(Column::EmailVerified).unwrap_or(false);
    let created_at = row.text(Column::CreatedAt, |text| match Timestamp::parse(text) {
        Ok(time) if time > rules.now => Err("must not be in the future".to_owned()),
        time => time.map_err(words),
    });
    row.need(Column::Email);
    row.need(Column::Hash);
    match (email, hash) {
        (Some(email), Some(password_hash)) if row.faults.is_empty() => Ok(Newcomer {
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
    /// The value that counts, and the place of its column.
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
            Cell::Flag(_) | Cell::Other => Err("must be a text".to_owned()),
        };
        parsed.map_err(|reason| self.fault(*place, reason)).ok()
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
            Cell::Other => None,
        };
        if flag.is_none() {
            self.fault(*place, "must be true or false");
        }
        flag
    }

    fn hash(&mut self) -> Option<PasswordHash> {
        let is_called_password =
            self.cell(Column::Hash).is_some_and(|(place, _cell)| column::name(*place) == "password");
        self.text(Column::Hash, |text| {
            let text = text.trim();
            match PasswordHash::parse(text) {
                Ok(_) if text.len() > LONGEST_HASH => Err(format!("must have at most {LONGEST_HASH} characters")),
                Ok(hash) => Ok(hash),
                Err(Refusal::TooExpensive) => Err("asks for more work than a login may cost".to_owned()),
                Err(_) => Err(unknown(text, is_called_password)),
            }
        })
    }
}

/// Why a text is no hash that can be verified.
fn unknown(text: &str, is_called_password: bool) -> String {
    if let Some(name) = foreign_scheme(text) {
        return format!("is a hash that is not verified here: {name}");
    }
    if ["$2a$", "$2b$", "$2y$", "$argon2i$", "$argon2id$"].iter().any(|prefix| text.starts_with(prefix)) {
        return "is a damaged hash".to_owned();
    }
    if is_called_password {
        return "is a password and not its hash: only bcrypt and argon2 hashes are taken over".to_owned();
    }
    "is not a bcrypt or argon2 hash".to_owned()
}
