//! The sessions and refresh tokens in the database.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{RefreshToken, RefreshTokenState, Session, SessionEnd, SessionId, User, UserId};
use keepstone_repository::{Result, SessionRepository, StorageError};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::{refresh_tokens, sessions, users},
    types::{Id, Time},
    user::UserRow,
};

/// A row without what is there for the database only. Whose it is comes from the user's row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    public_id: Id,
    created_at: Time,
    last_used_at: Time,
    expires_at: Time,
    ended_at: Option<Time>,
    end_reason: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl SessionRow {
    fn into_session(self, user_id: UserId) -> Result<Session> {
        let ended = match (self.ended_at, self.end_reason.as_deref()) {
            (None, _) => None,
            (Some(at), reason) => Some((
                at.0,
                reason.and_then(read_end).ok_or_else(|| {
                    StorageError::Corrupt(format!(
                        "session {} ended for no known reason",
                        self.public_id.get::<SessionId>()
                    ))
                })?,
            )),
        };
        Ok(Session {
            id: self.public_id.get(),
            user_id,
            created_at: self.created_at.0,
            last_used_at: self.last_used_at.0,
            expires_at: self.expires_at.0,
            ended,
            ip: self.ip,
            user_agent: self.user_agent,
        })
    }
}

const fn write_end(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Logout => "logout",
        SessionEnd::Reuse => "reuse",
        SessionEnd::Revoked => "revoked",
    }
}

fn read_end(text: &str) -> Option<SessionEnd> {
    [SessionEnd::Logout, SessionEnd::Reuse, SessionEnd::Revoked].into_iter().find(|end| write_end(*end) == text)
}

#[async_trait]
impl SessionRepository for DieselRepositories {
    async fn insert(&mut self, session: &Session, token: &RefreshToken) -> Result<()> {
        let user = users::table.filter(users::public_id.eq(Id::of(session.user_id))).select(users::id);
        let row = (
            sessions::public_id.eq(Id::of(session.id)),
            sessions::user_id.eq(user.single_value().assume_not_null()),
            sessions::created_at.eq(Time(session.created_at)),
            sessions::last_used_at.eq(Time(session.last_used_at)),
            sessions::expires_at.eq(Time(session.expires_at)),
            sessions::ended_at.eq(session.ended.map(|(at, _)| Time(at))),
            sessions::end_reason.eq(session.ended.map(|(_, end)| write_end(end))),
            sessions::ip.eq(session.ip.as_deref()),
            sessions::user_agent.eq(session.user_agent.as_deref()),
        );
        on!(self, |conn| diesel::insert_into(sessions::table).values(row).execute(conn).await)?;
        insert_token(self, token).await
    }

    async fn find_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>> {
        let found = on!(self, |conn| {
            sessions::table
                .inner_join(users::table)
                .filter(sessions::public_id.eq(Id::of(id)))
                .select((SessionRow::as_select(), UserRow::as_select()))
                .first(conn)
                .await
                .optional()
        })?;
        let Some((session, user)) = found else { return Ok(None) };
        let user = User::try_from(user)?;
        Ok(Some((session.into_session(user.id)?, user)))
    }
}

async fn insert_token(repositories: &mut DieselRepositories, token: &RefreshToken) -> Result<()> {
    let generation = i32::try_from(token.generation)
        .map_err(|_| StorageError::Corrupt("a chain of refresh tokens is too long to be counted".to_owned()))?;
    let consumed_at = match token.state {
        RefreshTokenState::Fresh => None,
        RefreshTokenState::Consumed { at } => Some(Time(at)),
    };
    let session = sessions::table.filter(sessions::public_id.eq(Id::of(token.session_id))).select(sessions::id);
    let row = (
        refresh_tokens::session_id.eq(session.single_value().assume_not_null()),
        refresh_tokens::digest.eq(token.digest.as_slice()),
        refresh_tokens::generation.eq(generation),
        refresh_tokens::issued_at.eq(Time(token.issued_at)),
        refresh_tokens::consumed_at.eq(consumed_at),
    );
    on!(repositories, |conn| diesel::insert_into(refresh_tokens::table).values(row).execute(conn).await).map(drop)
}
