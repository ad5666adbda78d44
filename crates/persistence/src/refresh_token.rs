//! Database access to the refresh tokens of sessions.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{RefreshToken, RefreshTokenState, SessionId};
use keepstone_repository::{Result, StorageError};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::{refresh_tokens, sessions},
    types::{Id, Time},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct RefreshTokenRow {
    session_id: i64,
    digest: Vec<u8>,
    generation: i32,
    issued_at: Time,
    consumed_at: Option<Time>,
    retry_key: Option<Vec<u8>>,
}

impl RefreshTokenRow {
    fn into_token(self, session_id: SessionId) -> Result<RefreshToken> {
        let digest = |bytes: Vec<u8>| {
            bytes.try_into().map_err(|_| StorageError::Corrupt("a digest does not have 32 bytes".to_owned()))
        };
        let state = match self.consumed_at {
            None => RefreshTokenState::Fresh,
            Some(at) => RefreshTokenState::Consumed { at: at.0, retry_key: self.retry_key.map(digest).transpose()? },
        };
        Ok(RefreshToken {
            session_id,
            digest: digest(self.digest)?,
            generation: generation(self.generation)?,
            issued_at: self.issued_at.0,
            state,
        })
    }
}

pub fn generation(number: i32) -> Result<u32> {
    u32::try_from(number).map_err(|_| out_of_range())
}

fn out_of_range() -> StorageError {
    StorageError::Corrupt("the generation of a refresh token is out of range".to_owned())
}

pub async fn insert(repositories: &mut DieselRepositories, token: &RefreshToken) -> Result<()> {
    let generation = i32::try_from(token.generation).map_err(|_| out_of_range())?;
    let session = sessions::table.filter(sessions::public_id.eq(Id::of(token.session_id))).select(sessions::id);
    let row = (
        refresh_tokens::session_id.eq(session.single_value().assume_not_null()),
        refresh_tokens::digest.eq(token.digest.as_slice()),
        refresh_tokens::generation.eq(generation),
        refresh_tokens::issued_at.eq(Time(token.issued_at)),
    );
    on!(repositories, |conn| diesel::insert_into(refresh_tokens::table).values(row).execute(conn).await).map(drop)
}

pub async fn find(
    repositories: &mut DieselRepositories,
    digest: &[u8; 32],
) -> Result<Option<(RefreshToken, Option<RefreshToken>)>> {
    let found: Option<(RefreshTokenRow, Id)> = on!(repositories, |conn| {
        refresh_tokens::table
            .inner_join(sessions::table)
            .filter(refresh_tokens::digest.eq(digest.as_slice()))
            .select((RefreshTokenRow::as_select(), sessions::public_id))
            .first(conn)
            .await
            .optional()
    })?;
    let Some((row, session_id)) = found else { return Ok(None) };
    if row.consumed_at.is_none() {
        return Ok(Some((row.into_token(session_id.get())?, None)));
    }
    let successor: Option<RefreshTokenRow> = on!(repositories, |conn| {
        refresh_tokens::table
            .filter(refresh_tokens::session_id.eq(row.session_id))
            .filter(refresh_tokens::generation.eq(row.generation + 1))
            .select(RefreshTokenRow::as_select())
            .first(conn)
            .await
            .optional()
    })?;
    let successor = successor.map(|row| row.into_token(session_id.get())).transpose()?;
    Ok(Some((row.into_token(session_id.get())?, successor)))
}

pub async fn exchange(
    repositories: &mut DieselRepositories,
    digest: &[u8; 32],
    retry_key: Option<&[u8; 32]>,
    successor: &RefreshToken,
) -> Result<bool> {
    let consumed = on!(repositories, |conn| {
        diesel::update(refresh_tokens::table)
            .filter(refresh_tokens::digest.eq(digest.as_slice()))
            .filter(refresh_tokens::consumed_at.is_null())
            .set((
                refresh_tokens::consumed_at.eq(Time(successor.issued_at)),
                refresh_tokens::retry_key.eq(retry_key.map(<[u8; 32]>::as_slice)),
            ))
            .execute(conn)
            .await
    })?;
    if consumed == 1 {
        insert(repositories, successor).await?;
    }
    Ok(consumed == 1)
}
