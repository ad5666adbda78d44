//! Database access to changes of e-mail addresses that can still be undone.
//!
//! A row names its account by the public id and not by a foreign key, because it outlives the account.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{Email, EmailChange, MailTokenId, Timestamp, UserId};
use keepstone_repository::{EmailChangeRepository, Result, StorageError};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::email_changes::{self, table},
    types::{Id, Time},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = email_changes)]
struct EmailChangeRow {
    public_id: Id,
    user_id: Id,
    old_email: String,
    digest: Vec<u8>,
    expires_at: Time,
}

impl TryFrom<EmailChangeRow> for EmailChange {
    type Error = StorageError;

    fn try_from(row: EmailChangeRow) -> Result<Self> {
        let id: MailTokenId = row.public_id.get();
        let corrupt = |what: &str| StorageError::Corrupt(format!("email change {id}: {what}"));
        Ok(Self {
            id,
            user_id: row.user_id.get(),
            old_email: Email::parse(&row.old_email).map_err(|_| corrupt("no address"))?,
            digest: row.digest.try_into().map_err(|_| corrupt("no digest"))?,
            expires_at: row.expires_at.0,
        })
    }
}

/// Finds the change that meets a condition.
macro_rules! find {
    ($repositories:expr, $condition:expr) => {{
        let found: Option<EmailChangeRow> = on!($repositories, |conn| {
            table.filter($condition).select(EmailChangeRow::as_select()).first(conn).await.optional()
        })?;
        found.map(EmailChange::try_from).transpose()
    }};
}

#[async_trait]
impl EmailChangeRepository for DieselRepositories {
    async fn insert(&mut self, change: &EmailChange) -> Result<()> {
        let row = (
            email_changes::public_id.eq(Id::of(change.id)),
            email_changes::user_id.eq(Id::of(change.user_id)),
            email_changes::old_email.eq(change.old_email.as_str()),
            email_changes::old_email_key.eq(change.old_email.key()),
            email_changes::digest.eq(change.digest.as_slice()),
            email_changes::expires_at.eq(Time(change.expires_at)),
        );
        on!(self, |conn| diesel::insert_into(table).values(row).execute(conn).await).map(drop)
    }

    async fn find(&mut self, id: MailTokenId) -> Result<Option<EmailChange>> {
        find!(self, email_changes::public_id.eq(Id::of(id)))
    }

    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<EmailChange>> {
        find!(self, email_changes::digest.eq(digest.as_slice()))
    }

    async fn find_owner(&mut self, email: &Email, now: Timestamp) -> Result<Option<UserId>> {
        let owner: Option<Id> = on!(self, |conn| {
            let reserved = table.filter(email_changes::old_email_key.eq(email.key()));
            let reserved = reserved.filter(email_changes::expires_at.gt(Time(now)));
            reserved.select(email_changes::user_id).first(conn).await.optional()
        })?;
        Ok(owner.map(Id::get))
    }

    async fn list_of(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<EmailChange>> {
        let rows: Vec<EmailChangeRow> = on!(self, |conn| {
            let theirs = table.filter(email_changes::user_id.eq(Id::of(user_id)));
            let open = theirs.filter(email_changes::expires_at.gt(Time(now))).order(email_changes::id.desc());
            open.select(EmailChangeRow::as_select()).load(conn).await
        })?;
        rows.into_iter().map(EmailChange::try_from).collect()
    }

    async fn undo(&mut self, id: MailTokenId) -> Result<bool> {
        let found: Option<(i64, Id)> = on!(self, |conn| {
            let change = table.filter(email_changes::public_id.eq(Id::of(id)));
            change.select((email_changes::id, email_changes::user_id)).first(conn).await.optional()
        })?;
        let Some((first, user)) = found else { return Ok(false) };
        let undone = on!(self, |conn| {
            let theirs = table.filter(email_changes::user_id.eq(user)).filter(email_changes::id.ge(first));
            diesel::delete(theirs).execute(conn).await
        })?;
        Ok(undone > 0)
    }

    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize> {
        let ids: Vec<i64> = on!(self, |conn| {
            let expired = table.filter(email_changes::expires_at.lt(Time(before))).order(email_changes::expires_at);
            expired.limit(limit.into()).select(email_changes::id).load(conn).await
        })?;
        on!(self, |conn| diesel::delete(table.filter(email_changes::id.eq_any(&ids))).execute(conn).await)
    }
}
