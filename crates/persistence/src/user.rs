//! The users in the database.
#![expect(clippy::ref_option_ref, reason = "the derive of AsChangeset makes them")]

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    Credentials, DisplayName, Email, Invalid, Login, Page, PageRequest, RoleName, Timestamp, User, UserId, UserPatch,
    Username,
};
use keepstone_repository::{Result, StorageError, UserRepository};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::users,
    types::{Id, Time},
};

/// A row without what is there for the database only: the integer id and the canonical keys.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    public_id: Id,
    email: String,
    username: Option<String>,
    name: Option<String>,
    role: String,
    is_active: bool,
    email_verified: bool,
    created_at: Time,
    updated_at: Time,
    deleted_at: Option<Time>,
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<Self> {
        let corrupt = |error: Invalid| StorageError::Corrupt(format!("user {} {error}", row.public_id.get::<UserId>()));
        Ok(Self {
            id: row.public_id.get(),
            email: Email::parse(&row.email).map_err(corrupt)?,
            username: row.username.as_deref().map(Username::parse).transpose().map_err(corrupt)?,
            name: row.name.as_deref().map(DisplayName::parse).transpose().map_err(corrupt)?,
            role: RoleName::parse(&row.role).map_err(corrupt)?,
            is_active: row.is_active,
            email_verified: row.email_verified,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            deleted_at: row.deleted_at.map(|time| time.0),
        })
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct UserChanges<'a> {
    email: Option<&'a str>,
    email_key: Option<&'a str>,
    email_verified: Option<bool>,
    username: Option<Option<&'a str>>,
    username_key: Option<Option<String>>,
    name: Option<Option<&'a str>>,
    role: Option<&'a str>,
    is_active: Option<bool>,
    updated_at: Time,
}

impl<'a> UserChanges<'a> {
    fn new(patch: &'a UserPatch, now: Timestamp) -> Self {
        Self {
            email: patch.email.as_ref().map(Email::as_str),
            email_key: patch.email.as_ref().map(Email::key),
            email_verified: patch.email.as_ref().map(|_| false),
            username: patch.username.as_ref().map(|name| name.as_ref().map(Username::as_str)),
            username_key: patch.username.as_ref().map(|name| name.as_ref().map(Username::key)),
            name: patch.name.as_ref().map(|name| name.as_ref().map(DisplayName::as_str)),
            role: patch.role.as_ref().map(RoleName::as_str),
            is_active: patch.is_active,
            updated_at: Time(now),
        }
    }
}

#[async_trait]
impl UserRepository for DieselRepositories {
    async fn find(&mut self, id: UserId) -> Result<Option<User>> {
        let row = on!(self, |conn| {
            users::table
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .select(UserRow::as_select())
                .first(conn)
                .await
                .optional()
        })?;
        row.map(User::try_from).transpose()
    }

    async fn find_credentials(&mut self, login: &Login) -> Result<Option<Credentials>> {
        // Two statements that differ in one column, so that each is prepared once. Deleted users have no keys.
        let found: Option<(UserRow, String)> = match login {
            Login::Email(email) => on!(self, |conn| {
                users::table
                    .filter(users::email_key.eq(email.key()))
                    .select((UserRow::as_select(), users::password_hash))
                    .first(conn)
                    .await
                    .optional()
            }),
            Login::Username(username) => on!(self, |conn| {
                users::table
                    .filter(users::username_key.eq(username.key()))
                    .select((UserRow::as_select(), users::password_hash))
                    .first(conn)
                    .await
                    .optional()
            }),
        }?;
        let credentials =
            |(row, hash): (UserRow, String)| Ok(Credentials { user: row.try_into()?, password_hash: hash.into() });
        found.map(credentials).transpose()
    }

    async fn list(&mut self, page: PageRequest) -> Result<Page<User>> {
        let rows: Vec<UserRow> = on!(self, |conn| {
            users::table
                .filter(users::deleted_at.is_null())
                .order((users::created_at.desc(), users::id.desc()))
                .offset(page.skip.into())
                .limit(page.limit.into())
                .select(UserRow::as_select())
                .load(conn)
                .await
        })?;
        let total: i64 =
            on!(self, |conn| users::table.filter(users::deleted_at.is_null()).count().get_result(conn).await)?;
        Ok(Page {
            items: rows.into_iter().map(User::try_from).collect::<Result<_>>()?,
            total: u64::try_from(total).unwrap_or_default(),
        })
    }

    async fn insert(&mut self, user: &User, password_hash: &SecretString) -> Result<()> {
        let row = (
            users::public_id.eq(Id::of(user.id)),
            users::email.eq(user.email.as_str()),
            users::email_key.eq(user.email.key()),
            users::username.eq(user.username.as_ref().map(Username::as_str)),
            users::username_key.eq(user.username.as_ref().map(Username::key)),
            users::name.eq(user.name.as_ref().map(DisplayName::as_str)),
            users::role.eq(user.role.as_str()),
            users::is_active.eq(user.is_active),
            users::email_verified.eq(user.email_verified),
            users::password_hash.eq(password_hash.expose_secret()),
            users::created_at.eq(Time(user.created_at)),
            users::updated_at.eq(Time(user.updated_at)),
        );
        on!(self, |conn| diesel::insert_into(users::table).values(row).execute(conn).await).map(drop)
    }

    async fn update(&mut self, id: UserId, patch: &UserPatch, now: Timestamp) -> Result<bool> {
        let changed = on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .set(UserChanges::new(patch, now))
                .execute(conn)
                .await
        })?;
        Ok(changed == 1)
    }

    async fn hold_for_login(&mut self, id: UserId, password_hash: &SecretString) -> Result<bool> {
        // An update that changes nothing is a lock that every database has.
        let held = on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .filter(users::is_active.eq(true))
                .filter(users::password_hash.eq(password_hash.expose_secret()))
                .set(users::is_active.eq(true))
                .execute(conn)
                .await
        })?;
        Ok(held == 1)
    }

    async fn replace_password_hash(&mut self, id: UserId, old: &SecretString, new: &SecretString) -> Result<bool> {
        let changed = on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .filter(users::password_hash.eq(old.expose_secret()))
                .set(users::password_hash.eq(new.expose_secret()))
                .execute(conn)
                .await
        })?;
        Ok(changed == 1)
    }
}
