//! Database access to sessions. Refresh tokens are in [`refresh_token`](crate::refresh_token).

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    Page, PageRequest, Position, RefreshToken, Session, SessionEnd, SessionId, SessionScope, Timestamp, User, UserId,
};
use keepstone_repository::{Result, SessionRepository, StorageError};

use crate::{
    connection::on,
    list::part,
    refresh_token,
    repositories::DieselRepositories,
    schema::{refresh_tokens, sessions, users},
    types::{Id, Time},
    user::UserRow,
};

/// A row without database-only columns. The user comes from the row of the user.
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
        let id: SessionId = self.public_id.get();
        let unknown = || StorageError::Corrupt(format!("session {id} ended for an unknown reason"));
        let reason = self.end_reason.as_deref().and_then(SessionEnd::from_name);
        let ended = self.ended_at.map(|at| reason.map(|reason| (at.0, reason)).ok_or_else(unknown)).transpose()?;
        Ok(Session {
            id,
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
            sessions::end_reason.eq(session.ended.map(|(_, reason)| reason.name())),
            sessions::ip.eq(session.ip.as_deref()),
            sessions::user_agent.eq(session.user_agent.as_deref()),
        );
        on!(self, |conn| diesel::insert_into(sessions::table).values(row).execute(conn).await)?;
        refresh_token::insert(self, token).await
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

    async fn find_for_refresh(&mut self, id: SessionId, digest: &[u8; 32]) -> Result<Option<(User, Option<u32>)>> {
        let is_this_token =
            refresh_tokens::session_id.eq(sessions::id).and(refresh_tokens::digest.eq(digest.as_slice()));
        let found: Option<(UserRow, Option<i32>)> = on!(self, |conn| {
            sessions::table
                .inner_join(users::table)
                .left_join(refresh_tokens::table.on(is_this_token))
                .filter(sessions::public_id.eq(Id::of(id)))
                .select((UserRow::as_select(), refresh_tokens::generation.nullable()))
                .first(conn)
                .await
                .optional()
        })?;
        let Some((user, generation)) = found else { return Ok(None) };
        Ok(Some((user.try_into()?, generation.map(refresh_token::generation).transpose()?)))
    }

    async fn list_live(&mut self, user_id: UserId, now: Timestamp) -> Result<Vec<Session>> {
        let rows: Vec<SessionRow> = on!(self, |conn| {
            sessions::table
                .inner_join(users::table)
                .filter(users::public_id.eq(Id::of(user_id)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Time(now)))
                .order((sessions::created_at.desc(), sessions::public_id.desc()))
                .limit(1000)
                .select(SessionRow::as_select())
                .load(conn)
                .await
        })?;
        rows.into_iter().map(|row| row.into_session(user_id)).collect()
    }

    async fn list(&mut self, user_id: UserId, page: &PageRequest) -> Result<Page<Session>> {
        let rows: Vec<SessionRow> = on!(self, |conn| {
            let user = users::table.filter(users::public_id.eq(Id::of(user_id))).select(users::id);
            let sessions = sessions::table
                .filter(sessions::user_id.eq(user.single_value().assume_not_null()))
                .select(SessionRow::as_select())
                .into_boxed();
            part!(sessions, page, sessions::created_at, sessions::public_id).load(conn).await
        })?;
        let sessions = rows.into_iter().map(|row| row.into_session(user_id)).collect::<Result<_>>()?;
        let place = |session: &Session| Position { created_at: session.created_at, id: session.id.into() };
        Ok(Page::of(sessions, page, place))
    }

    async fn touch(&mut self, id: SessionId, used_since: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        let touched = on!(self, |conn| {
            diesel::update(sessions::table)
                .filter(sessions::public_id.eq(Id::of(id)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Time(now)))
                .filter(sessions::last_used_at.ge(Time(used_since.unwrap_or(Timestamp::UNIX_EPOCH))))
                .set(sessions::last_used_at.eq(Time(now)))
                .execute(conn)
                .await
        })?;
        Ok(touched == 1)
    }

    async fn end(
        &mut self,
        user_id: UserId,
        scope: SessionScope,
        reason: SessionEnd,
        now: Timestamp,
    ) -> Result<Vec<SessionId>> {
        let rows: Vec<Id> = on!(self, |conn| {
            let selected = sessions::table
                .inner_join(users::table)
                .filter(users::public_id.eq(Id::of(user_id)))
                .filter(sessions::ended_at.is_null())
                .order(sessions::id)
                .select(sessions::public_id)
                .into_boxed();
            let selected = match scope {
                SessionScope::One(id) => selected.filter(sessions::public_id.eq(Id::of(id))),
                SessionScope::All => selected,
                SessionScope::AllBut(id) => selected.filter(sessions::public_id.ne(Id::of(id))),
            };
            selected.load(conn).await
        })?;
        end_each(self, rows, reason, now).await
    }

    async fn end_surplus(
        &mut self,
        user_id: UserId,
        besides: SessionId,
        keep: u32,
        now: Timestamp,
    ) -> Result<Vec<SessionId>> {
        let rows: Vec<Id> = on!(self, |conn| {
            sessions::table
                .inner_join(users::table)
                .filter(users::public_id.eq(Id::of(user_id)))
                .filter(sessions::public_id.ne(Id::of(besides)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Time(now)))
                .order((sessions::created_at.desc(), sessions::public_id.desc()))
                .offset(keep.into())
                .limit(1000)
                .select(sessions::public_id)
                .load(conn)
                .await
        })?;
        end_each(self, rows, SessionEnd::Superseded, now).await
    }

    async fn delete_expired(&mut self, before: Timestamp, limit: u32) -> Result<usize> {
        let ids: Vec<i64> = on!(self, |conn| {
            sessions::table
                .filter(sessions::expires_at.lt(Time(before)))
                .order(sessions::expires_at)
                .limit(limit.into())
                .select(sessions::id)
                .load(conn)
                .await
        })?;
        on!(self, |conn| diesel::delete(sessions::table.filter(sessions::id.eq_any(&ids))).execute(conn).await)
    }

    async fn find_token(&mut self, digest: &[u8; 32]) -> Result<Option<(RefreshToken, Option<RefreshToken>)>> {
        refresh_token::find(self, digest).await
    }

    async fn exchange(
        &mut self,
        digest: &[u8; 32],
        retry_key: Option<&[u8; 32]>,
        successor: &RefreshToken,
    ) -> Result<bool> {
        refresh_token::exchange(self, digest, retry_key, successor).await
    }
}

/// Ends sessions one by one, because only the count of rows shows which of several concurrent calls ended a session.
async fn end_each(
    repositories: &mut DieselRepositories,
    ids: Vec<Id>,
    reason: SessionEnd,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    let mut ended = Vec::new();
    for id in ids {
        let count = on!(repositories, |conn| {
            diesel::update(sessions::table)
                .filter(sessions::public_id.eq(id))
                .filter(sessions::ended_at.is_null())
                .set((sessions::ended_at.eq(Time(now)), sessions::end_reason.eq(reason.name())))
                .execute(conn)
                .await
        })?;
        if count == 1 {
            ended.push(id.get());
        }
    }
    Ok(ended)
}
