//! Users as rows: what is read of one, and what is written.
#![expect(clippy::ref_option_ref, reason = "the derives of Insertable and AsChangeset make them")]

use diesel::{dsl::Eq, prelude::*};
use keepstone_domain::{DisplayName, Email, Invalid, RoleName, Timestamp, User, UserId, Username, Version};
use keepstone_repository::{Result, StorageError};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    schema::users,
    search_key,
    types::{Id, Time},
};

/// A row without what is there for the database only: the integer id and the canonical keys.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    public_id: Id,
    email: String,
    pending_email: Option<String>,
    username: Option<String>,
    name: Option<String>,
    role: String,
    is_active: bool,
    email_verified: bool,
    created_at: Time,
    updated_at: Time,
    deleted_at: Option<Time>,
    version: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<Self> {
        let corrupt = |error: Invalid| StorageError::Corrupt(format!("user {} {error}", row.public_id.get::<UserId>()));
        Ok(Self {
            id: row.public_id.get(),
            email: Email::parse(&row.email).map_err(corrupt)?,
            pending_email: row.pending_email.as_deref().map(Email::parse).transpose().map_err(corrupt)?,
            username: row.username.as_deref().map(Username::parse).transpose().map_err(corrupt)?,
            name: row.name.as_deref().map(DisplayName::parse).transpose().map_err(corrupt)?,
            role: RoleName::parse(&row.role).map_err(corrupt)?,
            is_active: row.is_active,
            email_verified: row.email_verified,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            deleted_at: row.deleted_at.map(|time| time.0),
            version: Version::from(row.version),
        })
    }
}

/// A row to insert, or to change one to, without the password's hash.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct NewUserRow<'a> {
    public_id: Id,
    email: &'a str,
    email_key: Option<&'a str>,
    pending_email: Option<&'a str>,
    username: Option<&'a str>,
    username_key: Option<String>,
    name: Option<&'a str>,
    role: &'a str,
    is_active: bool,
    email_verified: bool,
    created_at: Time,
    updated_at: Time,
    version: i64,
    search_key: String,
}

impl<'a> From<&'a User> for NewUserRow<'a> {
    fn from(user: &'a User) -> Self {
        let username = user.username.as_ref().map(Username::as_str);
        let name = user.name.as_ref().map(DisplayName::as_str);
        Self {
            public_id: Id::of(user.id),
            email: user.email.as_str(),
            email_key: Some(user.email.key()),
            pending_email: user.pending_email.as_ref().map(Email::as_str),
            username,
            username_key: user.username.as_ref().map(Username::key),
            name,
            role: user.role.as_str(),
            is_active: user.is_active,
            email_verified: user.email_verified,
            created_at: Time(user.created_at),
            updated_at: Time(user.updated_at),
            version: user.version.get(),
            search_key: search_key::of_user(user.email.as_str(), username, name),
        }
    }
}

impl NewUserRow<'_> {
    /// The next version of the row.
    pub fn changed(self, now: Timestamp) -> Self {
        Self { updated_at: Time(now), version: self.version + 1, ..self }
    }
}

/// A row to insert.
pub fn hashed_row<'a>(user: &'a User, hash: &'a SecretString) -> (NewUserRow<'a>, Eq<users::password_hash, &'a str>) {
    (NewUserRow::from(user), users::password_hash.eq(hash.expose_secret()))
}
