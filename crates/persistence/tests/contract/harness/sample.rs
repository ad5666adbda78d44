//! Sample data.

use std::time::Duration;

use keepstone_domain::{
    Credentials, Description, DisplayName, Email, Item, ItemId, RefreshToken, RoleName, Session, SessionId, Timestamp,
    Title, User, UserId, Username, Version,
};
use secrecy::SecretString;
use uuid::Uuid;

/// Returns a point in time, in microseconds since 1970.
pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

pub fn hash(text: &str) -> SecretString {
    text.into()
}

/// Returns these users, all with this password hash.
pub fn hashed(users: &[User], text: &str) -> Vec<Credentials> {
    users.iter().map(|user| Credentials { user: user.clone(), password_hash: hash(text) }).collect()
}

/// Returns the next version.
pub fn next(version: Version) -> Version {
    Version::from(version.get() + 1)
}

/// Creates a user whose address and user name are derived from this name.
pub fn user(name: &str) -> User {
    User {
        id: UserId::generate(),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        pending_email: None,
        username: Some(Username::parse(name).unwrap()),
        name: None,
        role: RoleName::viewer(),
        is_active: true,
        email_verified: false,
        created_at: at(1_800_000_000_000_000),
        updated_at: at(1_800_000_000_000_000),
        deleted_at: None,
        version: Version::FIRST,
    }
}

/// Creates a user with this display name.
pub fn named(name: &str) -> User {
    let id = UserId::generate();
    User { name: Some(DisplayName::parse(name).unwrap()), username: None, id, ..user(&format!("u-{id}")) }
}

/// Creates a user with this id and display name, and a short address.
pub fn person(id: Uuid, name: &str) -> User {
    let email = Email::parse(&format!("{}@x.example", id.simple())).unwrap();
    User { id: id.into(), email, username: None, name: Some(DisplayName::parse(name).unwrap()), ..user("person") }
}

/// Creates an item of this user with this title.
pub fn item(owner: &User, title: &str) -> Item {
    Item {
        id: ItemId::generate(),
        title: Title::parse(title).unwrap(),
        description: None,
        owner_id: owner.id,
        created_at: at(1_800_000_000_000_002),
        updated_at: at(1_800_000_000_000_002),
        version: Version::FIRST,
    }
}

/// Creates an item with a description.
pub fn described(owner: &User, title: &str, description: &str) -> Item {
    Item { description: Some(Description::parse(description).unwrap()), ..item(owner, title) }
}

/// Creates a session and its first refresh token.
pub fn session(user: &User) -> (Session, RefreshToken) {
    let (id, now) = (SessionId::generate(), at(1_800_000_000_000_001));
    let session = Session {
        id,
        user_id: user.id,
        created_at: now,
        last_used_at: now,
        expires_at: now + Duration::from_hours(1),
        ended: None,
        ip: None,
        user_agent: None,
    };
    let bytes = Uuid::from(id).into_bytes();
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&bytes);
    digest[16..].copy_from_slice(&bytes);
    (session, RefreshToken::fresh(id, 0, digest, now))
}
