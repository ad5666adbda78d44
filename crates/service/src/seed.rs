//! Sample users and items, in the number that a benchmark needs.
//!
//! The ID of bulk data follows from its number, so a repeated run creates only what is missing.

use std::{ops::Range, sync::Arc};

use keepstone_auth::{password::Passwords, permission::Roles};
use keepstone_domain::{
    Clock, Credentials, Description, DisplayName, Email, Invalid, Item, Login, RoleName, Timestamp, Title, User,
    UserId, Username, Version,
};
use keepstone_repository::{Insertion, Store, UnitOfWork};
use secrecy::SecretString;
use uuid::{Builder, Uuid};

use crate::{Error, NewPassword, Result, permission};

/// 2025-01-01T00:00:00Z, the creation time of the first row of bulk data. Each further row is one second younger.
const EPOCH_SECONDS: u64 = 1_735_689_600;
const ADJECTIVES: [&str; 16] = [
    "amber", "brisk", "calm", "deep", "early", "fair", "green", "high", "ivory", "light", "mellow", "narrow", "old",
    "quiet", "round", "warm",
];
const NOUNS: [&str; 16] = [
    "arch", "bridge", "column", "door", "floor", "gate", "hall", "keystone", "lintel", "mortar", "pillar", "roof",
    "stair", "tower", "vault", "wall",
];

/// The dependencies of [`Seed`].
pub struct SeedParts {
    /// The storage.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Hashes the common password.
    pub passwords: Passwords,
    /// The roles, each of which gets one user.
    pub roles: Arc<Roles>,
}

/// Creates sample users and items.
pub struct Seed {
    parts: SeedParts,
}

impl Seed {
    /// Creates the generator.
    #[must_use]
    pub const fn new(parts: SeedParts) -> Self {
        Self { parts }
    }

    /// Hashes the password of all new accounts.
    ///
    /// # Errors
    /// [`Overloaded`](Error::Overloaded), which is unlikely.
    pub async fn hash(&self, password: NewPassword) -> Result<SecretString> {
        Ok(self.parts.passwords.hash(password.into_secret()).await?.as_str().into())
    }

    /// Creates a user of each role, `<role>@example.com`, unless the address exists. Returns the number of new users,
    /// and the IDs of all of these users, new or not, who may have items.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn people(&self, hash: &SecretString) -> Result<(usize, Vec<UserId>)> {
        let (mut created, mut owners) = (0, Vec::new());
        for role in self.parts.roles.names() {
            let mut user = self.person(role).map_err(|invalid| Error::Internal(Box::new(invalid)))?;
            if let Some(username) = user.username.take() {
                // A user name that is taken stays with its account.
                let login = Login::Username(username.clone());
                let taken = self.parts.store.write().await?.users().find_credentials(&login).await?;
                user.username = taken.is_none().then_some(username);
            }
            let login = Login::Email(user.email.clone());
            created += self.insert_users(vec![user], hash).await?;
            let found = self.parts.store.write().await?.users().find_credentials(&login).await?;
            if self.parts.roles.permits(role, &permission::ITEMS_WRITE) {
                owners.extend(found.map(|found| found.user.id));
            }
        }
        Ok((created, owners))
    }

    /// Creates those users with these numbers that are missing, all with the same password, and returns their number.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn users(&self, numbers: Range<u32>, hash: &SecretString) -> Result<usize> {
        let users = numbers.map(numbered_user).collect::<Result<Vec<_>, _>>();
        self.insert_users(users.map_err(|invalid| Error::Internal(Box::new(invalid)))?, hash).await
    }

    /// Creates those items with these numbers that are missing, owned by these users in turn, and returns their number.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn items(&self, numbers: Range<u32>, owners: &[UserId]) -> Result<usize> {
        let start = usize::try_from(numbers.start).unwrap_or_default() % owners.len().max(1);
        let items = numbers.zip(owners.iter().cycle().skip(start)).map(|(number, owner)| numbered_item(number, *owner));
        let items = items.collect::<Result<Vec<_>, _>>().map_err(|invalid| Error::Internal(Box::new(invalid)))?;
        let insert = async |tx: &mut UnitOfWork| tx.items().insert_missing(&items).await.map_err(Error::from);
        self.parts.store.transaction(insert).await
    }

    async fn insert_users(&self, users: Vec<User>, hash: &SecretString) -> Result<usize> {
        let users: Vec<_> = users.into_iter().map(|user| Credentials { user, password_hash: hash.clone() }).collect();
        let now = self.parts.clock.now();
        let insert = async |tx: &mut UnitOfWork| tx.users().insert_missing(&users, now).await.map_err(Error::from);
        let outcomes = self.parts.store.transaction(insert).await?;
        Ok(outcomes.iter().filter(|outcome| **outcome == Insertion::Made).count())
    }

    fn person(&self, role: &str) -> Result<User, Invalid> {
        let now = self.parts.clock.now();
        Ok(User {
            id: UserId::generate(),
            email: Email::parse(&format!("{role}@example.com"))?,
            pending_email: None,
            // A role's name may be shorter than a user name.
            username: Username::parse(role).ok(),
            name: Some(DisplayName::parse(&format!("The {role}"))?),
            role: RoleName::parse(role)?,
            is_active: true,
            email_verified: true,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            version: Version::FIRST,
        })
    }
}

/// Returns the ID of the user with this number.
#[must_use]
pub fn numbered_user_id(number: u32) -> UserId {
    numbered_id(number, 1).into()
}

fn numbered_user(number: u32) -> Result<User, Invalid> {
    let created_at = numbered_time(number);
    Ok(User {
        id: numbered_user_id(number),
        email: Email::parse(&format!("user-{number:06}@seed.example"))?,
        pending_email: None,
        username: Some(Username::parse(&format!("user-{number:06}"))?),
        name: Some(DisplayName::parse(&format!("User {number}"))?),
        role: RoleName::parse("user")?,
        is_active: true,
        email_verified: true,
        created_at,
        updated_at: created_at,
        deleted_at: None,
        version: Version::FIRST,
    })
}

fn numbered_item(number: u32, owner_id: UserId) -> Result<Item, Invalid> {
    let created_at = numbered_time(number);
    let (adjective, noun) = (word(&ADJECTIVES, number, 7), word(&NOUNS, number / 16, 5));
    Ok(Item {
        id: numbered_id(number, 2).into(),
        title: Title::parse(&format!("{adjective} {noun} {number:07}"))?,
        description: Some(Description::parse(&format!("The {noun} is {adjective}."))?),
        owner_id,
        created_at,
        updated_at: created_at,
        version: Version::FIRST,
    })
}

fn word(words: &[&'static str; 16], number: u32, step: u32) -> &'static str {
    usize::try_from(number.wrapping_mul(step) % 16).map_or("", |index| words[index])
}

fn numbered_time(number: u32) -> Timestamp {
    let seconds = i64::try_from(EPOCH_SECONDS).unwrap_or_default() + i64::from(number);
    Timestamp::from_micros(seconds * 1_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Returns a UUIDv7 with the creation time of a row. Its random part is the number and the kind of the row.
fn numbered_id(number: u32, kind: u8) -> Uuid {
    let mut bytes = [0; 10];
    bytes[5] = kind;
    bytes[6..].copy_from_slice(&number.to_be_bytes());
    Builder::from_unix_timestamp_millis((EPOCH_SECONDS + u64::from(number)) * 1_000, &bytes).into_uuid()
}
