//! Session lifecycle: open, authenticate, refresh, revoke.
//!
//! [`RequestStore`] removes each ended session from [`Principals`] before the response is sent.

use std::{sync::Arc, time::SystemTime};

use keepstone_auth::{
    error::{OpenError, RefreshError, SessionPolicyError},
    permission::Roles,
    session::{self, EndReason, EndScope, Grant, SessionInfo, SessionPolicy, TokenPair},
    token::{Keyring, TokenChain},
};
use keepstone_domain::{Clock, Page, PageRequest, Position, SessionId, SessionState, Start, User, UserId};
use keepstone_repository::Store;
use secrecy::SecretString;

use crate::{
    Caller, Client, Error, Key, Limit, Outbox, Principal, Principals, RateLimits, Result, permission,
    session_store::RequestStore,
};

/// The number of expired sessions that one statement deletes.
const CLEAN_UP_BATCH: usize = 500;

/// The dependencies of [`Sessions`].
pub struct SessionParts {
    /// The storage of sessions.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Signs and verifies tokens with the current keys.
    pub keyring: Arc<Keyring>,
    /// Derives the refresh tokens of a session.
    pub chain: Arc<TokenChain>,
    /// The permissions of each role.
    pub roles: Arc<Roles>,
    /// The lifetimes of sessions, and the grace period of refreshes.
    pub policy: SessionPolicy,
    /// The cache of recently authenticated sessions.
    pub principals: Arc<Principals>,
    /// Limits the refreshes of a session.
    pub limits: RateLimits,
    /// Queues e-mails.
    pub outbox: Outbox,
}

/// The sessions of all users.
pub struct Sessions {
    parts: SessionParts,
}

impl Sessions {
    /// Creates the service.
    #[must_use]
    pub const fn new(parts: SessionParts) -> Self {
        Self { parts }
    }

    /// Opens a session for a user whose password was verified against this hash.
    ///
    /// # Errors
    /// [`InvalidCredentials`](Error::InvalidCredentials) if the password was changed, or the account closed, since
    /// then.
    pub async fn open(&self, user: &User, password_hash: &SecretString, client: &Client) -> Result<TokenPair> {
        let origin = session::Client { ip: client.ip.map(|ip| ip.to_string()), user_agent: client.user_agent.clone() };
        let rotation = self.rotation(self.storage(client).verified(password_hash))?;
        let opened = rotation.open(&user.id.to_string(), &self.grant(user), origin).await;
        opened.map(|opened| opened.tokens).map_err(|error| match error {
            OpenError::Store(error) => error.into(),
            OpenError::Issue(error) => error.into(),
        })
    }

    /// Authenticates an access token, and checks that its session and account are still valid.
    ///
    /// # Errors
    /// [`TokenInvalid`](Error::TokenInvalid), [`TokenExpired`](Error::TokenExpired),
    /// [`TokenRevoked`](Error::TokenRevoked).
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let now = self.parts.clock.now();
        let claims = self.parts.keyring.current().verifier().verify_access_at(token, now.into())?;
        let user_id: UserId = claims.subject.parse().map_err(|_| Error::TokenInvalid)?;
        let session_id = SessionId::from(claims.session_id);
        let principal = self.parts.principals.find(session_id, self.load(session_id)).await?;
        match principal {
            Some(principal) if principal.user.id == user_id && now < principal.session_expires_at => {
                Ok(Caller { user: principal.user, session_id, roles: Arc::clone(&self.parts.roles) })
            }
            _ => Err(Error::TokenRevoked),
        }
    }

    /// Returns the public keys of this server's access tokens, for services that verify them themselves (RFC 7517). A
    /// shared secret is never included.
    #[must_use]
    pub fn public_keys(&self) -> String {
        self.parts.keyring.current().verifier().keys().to_jwks().to_json()
    }

    /// Exchanges a refresh token for its successor: one read and one transaction.
    ///
    /// Returns the same successor again for a consumed token within the grace period of the policy, and for a minute
    /// with the `idempotency_key` of the request that consumed it.
    ///
    /// # Errors
    /// [`TokenInvalid`](Error::TokenInvalid), [`TokenExpired`](Error::TokenExpired),
    /// [`TokenRevoked`](Error::TokenRevoked); [`RefreshTokenReused`](Error::RefreshTokenReused), and the session has
    /// ended, if it was consumed before; [`TooManyRequests`](Error::TooManyRequests).
    pub async fn refresh(&self, token: &str, idempotency_key: Option<&str>, client: &Client) -> Result<TokenPair> {
        let presented = self.rotation(self.storage(client))?.verify_refresh(token);
        let session = presented.as_ref().map(|presented| Key::Session(presented.session_id().into()));
        self.parts.limits.require(Limit::Refresh, session.unwrap_or(Key::address(client.ip))).await?;
        let presented = presented?;
        let session_id = SessionId::from(presented.session_id());
        let found = self.parts.store.read().await?.sessions().find_for_refresh(session_id, &presented.digest()).await?;
        let (user, generation) = found.filter(|(user, _)| counts(user)).ok_or(Error::TokenRevoked)?;
        let rotation = self.rotation(self.storage(client).with_generation(generation))?;
        let refreshed = rotation.refresh(&presented, &self.grant(&user), idempotency_key).await;
        refreshed.map_err(|error| match error {
            RefreshError::Reused { .. } => {
                tracing::warn!(user_id = %user.id, %session_id, "a consumed refresh token was used again; its session has ended");
                Error::RefreshTokenReused
            }
            RefreshError::Revoked => Error::TokenRevoked,
            RefreshError::Expired => Error::TokenExpired,
            RefreshError::Issue(error) => error.into(),
            RefreshError::Store(error) => error.into(),
        })
    }

    /// Ends the session of an access token, and that of a refresh token if it belongs to the same user. Unknown and
    /// ended sessions count as logged out, so logging out is idempotent.
    ///
    /// # Errors
    /// [`NotAuthenticated`](Error::NotAuthenticated) without any token; the error of the access token if there is no
    /// refresh token.
    pub async fn log_out(
        &self,
        caller: Result<Option<Caller>>,
        refresh_token: Option<&str>,
        client: &Client,
    ) -> Result<()> {
        let caller = match (caller, refresh_token) {
            (Ok(None), None) => return Err(Error::NotAuthenticated),
            (Ok(caller), _) => caller,
            (Err(Error::TokenRevoked), _) | (Err(Error::TokenExpired | Error::TokenInvalid), Some(_)) => None,
            (Err(error), _) => return Err(error),
        };
        if let Some(caller) = &caller {
            self.end(&caller.user.id, EndScope::One(caller.session_id.into()), EndReason::Logout, client, None).await?;
        }
        let rotation = self.rotation(self.storage(client))?;
        let presented = refresh_token.and_then(|token| rotation.verify_refresh(token).ok());
        if let Some(presented) = presented
            && let Ok(user_id) = presented.subject().parse::<UserId>()
            && caller.is_none_or(|caller| caller.user.id == user_id)
        {
            self.end(&user_id, EndScope::One(presented.session_id()), EndReason::Logout, client, None).await?;
        }
        Ok(())
    }

    /// Ends the session of an access or refresh token (RFC 7009). An invalid token has no session to end.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn revoke(&self, token: &str, client: &Client) -> Result<()> {
        match self.authenticate(token).await {
            Ok(caller) => self.log_out(Ok(Some(caller)), None, client).await,
            Err(Error::TokenInvalid | Error::TokenExpired | Error::TokenRevoked) => {
                self.log_out(Err(Error::TokenRevoked), Some(token), client).await
            }
            Err(error) => Err(error),
        }
    }

    /// Ends every session of the caller. A caller whose session has already ended has nothing to end.
    ///
    /// # Errors
    /// The error of the access token.
    pub async fn log_out_everywhere(&self, caller: Result<Option<Caller>>, client: &Client) -> Result<()> {
        match caller {
            Ok(Some(caller)) => {
                self.end(&caller.user.id, EndScope::All, EndReason::Logout, client, None).await.map(drop)
            }
            Ok(None) => Err(Error::NotAuthenticated),
            Err(Error::TokenRevoked) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lists the caller's live sessions, newest first.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn list(&self, caller: &Caller, page: &PageRequest) -> Result<Page<SessionInfo>> {
        let sessions = self.rotation(self.storage(&Client::default()))?.list(&caller.user.id.to_string()).await?;
        let all = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let comes_after = |session: &SessionInfo| match page.start {
            Start::Skip(_) => true,
            Start::After(start) => (place(session).created_at, session.id) < (start.created_at, start.id),
        };
        let rows = sessions.into_iter().filter(comes_after).skip(count(page.skip())).take(count(page.limit) + 1);
        let part = Page::of(rows.collect(), page, place);
        Ok(Page { total: page.with_total.then_some(all), ..part })
    }

    /// Ends one of the caller's own sessions.
    ///
    /// # Errors
    /// [`SessionNotFound`](Error::SessionNotFound) if the caller has no live session with this ID.
    pub async fn end_own(&self, caller: &Caller, id: SessionId, client: &Client) -> Result<()> {
        let scope = EndScope::One(id.into());
        let ended = self.end(&caller.user.id, scope, EndReason::Revoked, client, None).await?;
        if ended.is_empty() { Err(Error::SessionNotFound) } else { Ok(()) }
    }

    /// Ends every session of a user. Requires `users:manage`.
    ///
    /// # Errors
    /// [`InsufficientPermissions`](Error::InsufficientPermissions), [`UserNotFound`](Error::UserNotFound).
    pub async fn end_all_of(&self, caller: &Caller, user_id: UserId, client: &Client) -> Result<()> {
        caller.require(&permission::USERS_MANAGE)?;
        self.parts.store.read().await?.users().find(user_id).await?.ok_or(Error::UserNotFound)?;
        self.end(&user_id, EndScope::All, EndReason::Revoked, client, Some(caller.user.id)).await.map(drop)
    }

    /// Deletes expired sessions in small transactions, and returns their number. Consumed refresh tokens stay as long
    /// as their session, because without them a reuse could not be detected.
    ///
    /// # Errors
    /// Only storage errors. Sessions deleted before an error stay deleted.
    pub async fn clean_up(&self) -> Result<usize> {
        let rotation = self.rotation(self.storage(&Client::default()))?;
        let mut total = 0;
        loop {
            let deleted = rotation.clean_up(CLEAN_UP_BATCH).await?;
            total += deleted;
            if deleted < CLEAN_UP_BATCH {
                return Ok(total);
            }
        }
    }

    /// Removes these sessions from the cache, because they have ended or their user has changed.
    pub(crate) fn forget(&self, ids: &[SessionId]) {
        self.parts.principals.forget(ids);
    }

    async fn end(
        &self,
        user_id: &UserId,
        scope: EndScope,
        reason: EndReason,
        client: &Client,
        actor: Option<UserId>,
    ) -> Result<Vec<SessionId>> {
        let rotation = self.rotation(self.storage(client).by(actor))?;
        let ended = rotation.end(&user_id.to_string(), scope, reason).await?;
        Ok(ended.into_iter().map(SessionId::from).collect())
    }

    /// Returns the session's user, if both are still valid.
    async fn load(&self, id: SessionId) -> Result<Option<Principal>> {
        let found = self.parts.store.read().await?.sessions().find_with_user(id).await?;
        let Some((session, user)) = found else { return Ok(None) };
        if session.state(self.parts.clock.now()) != SessionState::Live || !counts(&user) {
            return Ok(None);
        }
        Ok(Some(Principal { user: Arc::new(user), session_expires_at: session.expires_at }))
    }

    fn grant<'a>(&'a self, user: &'a User) -> Grant<'a> {
        let role = user.role.as_str();
        Grant { role, scope: self.parts.roles.scope(role).unwrap_or_default() }
    }

    fn storage(&self, client: &Client) -> RequestStore {
        let SessionParts { store, principals, outbox, .. } = &self.parts;
        RequestStore::new(Arc::clone(store), Arc::clone(principals), outbox.clone(), client.clone())
    }

    /// Returns the refresh-token rotation engine for one request.
    fn rotation(&self, store: RequestStore) -> Result<session::Sessions<RequestStore>> {
        let (issuer, chain) = (self.parts.keyring.current(), Arc::clone(&self.parts.chain));
        let clock = Arc::clone(&self.parts.clock);
        let rotation = session::Sessions::new(store, issuer, chain, self.parts.policy)
            .map_err(|error: SessionPolicyError| Error::Internal(Box::new(error)))?;
        Ok(rotation.with_clock(move || SystemTime::from(clock.now())))
    }
}

fn place(session: &SessionInfo) -> Position {
    Position { created_at: session.created_at.into(), id: session.id }
}

/// Returns whether a user may use the application at all.
fn counts(user: &User) -> bool {
    user.is_active && user.deleted_at.is_none()
}
