//! Database access to users.

mod many;
mod row;

use async_trait::async_trait;
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    Credentials, Login, Page, PageRequest, Position, RoleName, Timestamp, User, UserFilter, UserId,
};
use keepstone_repository::{Insertion, Purged, Result, UserRepository};
use secrecy::{ExposeSecret, SecretString};

pub use row::UserRow;
use row::{NewUserRow, hashed_row};

use crate::{
    connection::on,
    list::{self, ESCAPE, RECENT, Reach, coalesce, part, recent},
    purge,
    repositories::DieselRepositories,
    schema::users,
    search_key,
    types::{Id, Time, UtcDateTime},
};

/// Applies a filter to a select of users, as a boxed query. Deleted users never match.
macro_rules! meant {
    ($select:expr, $filter:expr, $reach:expr, $trigrams:expr) => {{
        let mut query = $select.filter(users::deleted_at.is_null()).into_boxed();
        if let Some(role) = &$filter.role {
            query = query.filter(users::role.eq(role.as_str()));
        }
        if let Some(search) = &$filter.search {
            let pattern = list::pattern(search);
            query = match $reach {
                // `coalesce` keeps the planner from using an index of this column: the recent rows are few, so it
                // should read them.
                Reach::Recent => query.filter(coalesce(users::search_key.nullable(), "").like(pattern).escape(ESCAPE)),
                Reach::Everything => query.filter(users::search_key.like(pattern).escape(ESCAPE)),
            };
        }
        if let Some(trigrams) = $trigrams {
            let candidates = sql::<Bool>("users.id IN (SELECT rowid FROM users_search WHERE users_search MATCH ");
            query = query.filter(candidates.bind::<Text, _>(trigrams).sql(")"));
        }
        query
    }};
}

impl DieselRepositories {
    /// Selects the rows of a page within this reach, and one more if it exists.
    async fn users(&mut self, filter: &UserFilter, page: &PageRequest, reach: Reach) -> Result<Vec<User>> {
        let trigrams = list::trigrams(self, filter.search.as_ref(), reach);
        let is_scan = list::is_scan(self, filter.search.as_ref(), reach);
        let rows: Vec<UserRow> = on!(self, |conn| {
            let mut query = meant!(users::table.select(UserRow::as_select()), filter, reach, trigrams);
            if reach == Reach::Recent {
                let newest = users::table.filter(users::deleted_at.is_null());
                query = recent!(query, newest, page, users::created_at);
            }
            let mut part = part!(query, page, users::created_at, users::public_id);
            if is_scan {
                let time = sql::<UtcDateTime>("users.created_at + INTERVAL 0 SECOND");
                part = part.order((time.desc(), users::public_id.desc()));
            }
            part.load(conn).await
        })?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn count_users(&mut self, filter: &UserFilter) -> Result<u64> {
        if filter.role.is_none() && filter.search.is_none() {
            return list::count(self, "users").await;
        }
        let trigrams = list::trigrams(self, filter.search.as_ref(), Reach::Everything);
        let count =
            on!(self, |conn| meant!(users::table.count(), filter, Reach::Everything, trigrams).get_result(conn).await)?;
        Ok(list::as_count(count))
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
        // Two statements that differ in one column, so each is prepared once. Deleted users have no keys.
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

    async fn find_password_hash(&mut self, id: UserId) -> Result<Option<SecretString>> {
        let found: Option<String> = on!(self, |conn| {
            users::table
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .select(users::password_hash)
                .first(conn)
                .await
                .optional()
        })?;
        Ok(found.map(SecretString::from))
    }

    async fn list(&mut self, filter: &UserFilter, page: &PageRequest) -> Result<Page<User>> {
        let mut rows = Vec::new();
        for reach in Reach::of(filter.search.as_ref()) {
            rows = self.users(filter, page, *reach).await?;
            if reach.is_enough(rows.len(), page) {
                break;
            }
        }
        let mut found = Page::of(rows, page, |user| Position { created_at: user.created_at, id: user.id.into() });
        if page.with_total && found.total.is_none() {
            found.total = Some(self.count_users(filter).await?);
        }
        Ok(found)
    }

    async fn insert(&mut self, user: &User, password_hash: &SecretString) -> Result<()> {
        let row = hashed_row(user, password_hash);
        on!(self, |conn| diesel::insert_into(users::table).values(row).execute(conn).await).map(drop)
    }

    async fn insert_missing(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>> {
        let outcomes = self.foresee(users, now).await?;
        let made = users.iter().zip(&outcomes).filter(|(_user, outcome)| **outcome == Insertion::Made);
        self.insert_users(made.map(|(user, _outcome)| user.clone()).collect()).await?;
        Ok(outcomes)
    }

    async fn foresee(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>> {
        self.foresee_users(users, now).await
    }

    async fn hold(&mut self, id: UserId) -> Result<Option<User>> {
        // An update that changes nothing is a row lock on every database.
        on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .set(users::version.eq(users::version))
                .execute(conn)
                .await
        })?;
        UserRepository::find(self, id).await
    }

    async fn hold_active_admins(&mut self) -> Result<usize> {
        on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::role.eq(RoleName::admin().as_str()))
                .filter(users::is_active.eq(true))
                .filter(users::deleted_at.is_null())
                .set(users::version.eq(users::version))
                .execute(conn)
                .await
        })
    }

    async fn update(&mut self, user: &User, now: Timestamp) -> Result<bool> {
        let next = NewUserRow::from(user).changed(now);
        let changed = on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(user.id)))
                .filter(users::deleted_at.is_null())
                .filter(users::version.eq(user.version.get()))
                .set(next)
                .execute(conn)
                .await
        })?;
        Ok(changed == 1)
    }

    async fn delete(&mut self, id: UserId, now: Timestamp) -> Result<bool> {
        let deleted = on!(self, |conn| {
            diesel::update(users::table)
                .filter(users::public_id.eq(Id::of(id)))
                .filter(users::deleted_at.is_null())
                .set((
                    users::deleted_at.eq(Some(Time(now))),
                    users::updated_at.eq(Time(now)),
                    users::version.eq(users::version + 1),
                    users::email_key.eq(None::<String>),
                    users::pending_email.eq(None::<String>),
                    users::username_key.eq(None::<String>),
                ))
                .execute(conn)
                .await
        })?;
        Ok(deleted == 1)
    }

    async fn list_deleted(&mut self, before: Timestamp, limit: u32) -> Result<Vec<UserId>> {
        let ids: Vec<Id> = on!(self, |conn| {
            let deleted = users::table.filter(users::deleted_at.le(Time(before))).order(users::deleted_at);
            deleted.limit(limit.into()).select(users::public_id).load(conn).await
        })?;
        Ok(ids.into_iter().map(Id::get).collect())
    }

    async fn purge(&mut self, id: UserId, deleted_before: Timestamp, limit: u32) -> Result<Purged> {
        purge::step(self, Id::of(id), Time(deleted_before), limit).await
    }

    async fn forget_searches(&mut self, first: bool) -> Result<bool> {
        purge::forget_searches(self, first).await
    }

    async fn renew_search_keys(&mut self, after: Option<UserId>, limit: u32) -> Result<Option<UserId>> {
        Ok(search_key::renew_users(self, after.map(Id::of), limit).await?.map(Id::get))
    }

    async fn hold_for_login(&mut self, id: UserId, password_hash: &SecretString) -> Result<bool> {
        // An update that changes nothing is a row lock on every database.
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
