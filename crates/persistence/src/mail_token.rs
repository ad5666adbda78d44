//! Database access to tokens that are sent by e-mail.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{Email, MailPurpose, MailToken, MailTokenId, Timestamp, UserId};
use keepstone_repository::{MailTokenRepository, Result, StorageError};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::{
        mail_tokens::{self, table},
        users,
    },
    types::{Id, Time},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_tokens)]
struct MailTokenRow {
    public_id: Id,
    purpose: String,
    email: String,
    digest: Vec<u8>,
    expires_at: Time,
}

impl MailTokenRow {
    fn into_token(self, user_id: Id) -> Result<MailToken> {
        let id: MailTokenId = self.public_id.get();
        let corrupt = |what: &str| StorageError::Corrupt(format!("mail token {id}: {what}"));
        Ok(MailToken {
            id,
            purpose: MailPurpose::from_name(&self.purpose).ok_or_else(|| corrupt("no known purpose"))?,
            user_id: user_id.get(),
            email: Email::parse(&self.email).map_err(|_| corrupt("no address"))?,
            digest: self.digest.try_into().map_err(|_| corrupt("no digest"))?,
            expires_at: self.expires_at.0,
        })
    }
}

/// Finds the token that meets a condition, with the id of its user.
macro_rules! find {
    ($repositories:expr, $condition:expr) => {{
        let found: Option<(MailTokenRow, Id)> = on!($repositories, |conn| {
            table
                .inner_join(users::table)
                .filter($condition)
                .select((MailTokenRow::as_select(), users::public_id))
                .first(conn)
                .await
                .optional()
        })?;
        found.map(|(row, user_id)| row.into_token(user_id)).transpose()
    }};
}

#[async_trait]
impl MailTokenRepository for DieselRepositories {
    async fn replace(&mut self, token: &MailToken) -> Result<()> {
        self.delete_of(token.user_id, &[token.purpose]).await?;
        let user = users::table.filter(users::public_id.eq(Id::of(token.user_id))).filter(users::deleted_at.is_null());
        let user = user.select(users::id);
        let row = (
            mail_tokens::public_id.eq(Id::of(token.id)),
            mail_tokens::user_id.eq(user.single_value().assume_not_null()),
            mail_tokens::purpose.eq(token.purpose.name()),
            mail_tokens::email.eq(token.email.as_str()),
            mail_tokens::digest.eq(token.digest.as_slice()),
            mail_tokens::expires_at.eq(Time(token.expires_at)),
        );
        on!(self, |conn| diesel::insert_into(table).values(row).execute(conn).await).map(drop)
    }

    async fn find(&mut self, id: MailTokenId) -> Result<Option<MailToken>> {
        find!(self, mail_tokens::public_id.eq(Id::of(id)))
    }

    async fn find_by_digest(&mut self, digest: &[u8; 32]) -> Result<Option<MailToken>> {
        find!(self, mail_tokens::digest.eq(digest.as_slice()))
    }

    async fn find_of(&mut self, user_id: UserId, purpose: MailPurpose) -> Result<Option<MailToken>> {
        find!(self, users::public_id.eq(Id::of(user_id)).and(mail_tokens::purpose.eq(purpose.name())))
    }

    async fn consume(&mut self, id: MailTokenId) -> Result<bool> {
        let consumed = on!(self, |conn| {
            diesel::delete(table.filter(mail_tokens::public_id.eq(Id::of(id)))).execute(conn).await
        })?;
        Ok(consumed == 1)
    }

    async fn delete_of(&mut self, user_id: UserId, purposes: &[MailPurpose]) -> Result<()> {
        let names: Vec<&str> = purposes.iter().map(|purpose| purpose.name()).collect();
        let user = users::table.filter(users::public_id.eq(Id::of(user_id))).select(users::id);
        on!(self, |conn| {
            let theirs = table.filter(mail_tokens::user_id.nullable().eq(user.single_value()));
            diesel::delete(theirs.filter(mail_tokens::purpose.eq_any(&names))).execute(conn).await
        })
        .map(drop)
    }

    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize> {
        let ids: Vec<i64> = on!(self, |conn| {
            table
                .filter(mail_tokens::expires_at.lt(Time(before)))
                .order(mail_tokens::expires_at)
                .limit(limit.into())
                .select(mail_tokens::id)
                .load(conn)
                .await
        })?;
        on!(self, |conn| diesel::delete(table.filter(mail_tokens::id.eq_any(&ids))).execute(conn).await)
    }
}
