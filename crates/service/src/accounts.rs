//! Getting an account, and getting in.
//!
//! Hashing a password takes a quarter of a second, so it always happens outside a transaction.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use keepstone_auth::{
    error::PolicyViolation,
    password::{PasswordHash, Passwords, Policy, Verdict},
    permission::Roles,
    token::{AccessGrant, Issuer, RefreshClaims, TokenChain},
};
use keepstone_domain::{
    Clock, Credentials, DisplayName, Email, Login, NewUser, RefreshToken, RoleName, Session, SessionId, SessionState,
    Timestamp, User, UserId, Username,
};
use keepstone_repository::Store;
use secrecy::{ExposeSecret, SecretString};

use crate::{Caller, Error, Result};

/// What is configured about accounts.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What a new password must be like.
    pub password_policy: Policy,
    /// Whether anybody can sign up.
    pub registration_open: bool,
    /// The role of whoever signs up.
    pub default_role: RoleName,
    /// How long a session lasts from login.
    pub session_lifetime: Duration,
}

/// What [`Accounts`] is made of.
pub struct Parts {
    /// Where users and sessions are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Signs and verifies tokens.
    pub issuer: Arc<Issuer>,
    /// Names the refresh tokens of a session.
    pub chain: TokenChain,
    /// What each role may do.
    pub roles: Arc<Roles>,
    /// What is configured.
    pub rules: Rules,
}

/// Signing up, logging in, and knowing who asks.
pub struct Accounts {
    parts: Parts,
}

/// A password that may be set.
#[derive(Debug, Clone)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// Judges a password as it is, spaces and all.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(password: SecretString, policy: &Policy) -> Result<Self, PolicyViolation> {
        policy.check(password.expose_secret()).map(|()| Self(password))
    }
}

/// What somebody sends to make an account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where mail goes.
    pub email: Email,
    /// The password to log in with.
    pub password: NewPassword,
    /// The other name to log in with.
    pub username: Option<Username>,
    /// What the person is called.
    pub name: Option<DisplayName>,
    /// The role that is asked for.
    pub role: Option<RoleName>,
    /// Whether the person is to be able to log in, as is usual.
    pub is_active: Option<bool>,
}

impl Registration {
    /// The account that this asks for, and its password.
    pub(crate) fn into_parts(self, default_role: impl FnOnce() -> RoleName) -> (NewUser, NewPassword) {
        let user = NewUser {
            email: self.email,
            username: self.username,
            name: self.name,
            role: self.role.unwrap_or_else(default_role),
            is_active: self.is_active.unwrap_or(true),
        };
        (user, self.password)
    }
}

/// Where a login comes from, for the list of sessions.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address of the client, or of the proxy that is trusted least.
    pub ip: Option<String>,
    /// What the client calls itself; cut to 512 characters when kept.
    pub user_agent: Option<String>,
}

/// What a login gives (RFC 6749 section 5.1).
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// For the `Authorization` header.
    pub access_token: SecretString,
    /// For the next pair, once.
    pub refresh_token: SecretString,
    /// How long the access token is good, in seconds.
    pub expires_in: u64,
    /// What the role permits at this moment, separated by spaces.
    pub scope: String,
}

impl Accounts {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// What is configured about accounts.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// Signs somebody up.
    ///
    /// # Errors
    /// [`RegistrationClosed`](Error::RegistrationClosed), [`InsufficientPermissions`](Error::InsufficientPermissions) for
    /// a role or a state of one's own choice, [`EmailAlreadyRegistered`](Error::EmailAlreadyRegistered),
    /// [`UsernameTaken`](Error::UsernameTaken).
    pub async fn register(&self, registration: Registration) -> Result<User> {
        let rules = &self.parts.rules;
        if !rules.registration_open {
            return Err(Error::RegistrationClosed);
        }
        let (user, password) = registration.into_parts(|| rules.default_role.clone());
        if user.role != rules.default_role || !user.is_active {
            return Err(Error::InsufficientPermissions);
        }
        self.provision(user, password).await.map_err(|error| match error {
            Error::EmailTaken => Error::EmailAlreadyRegistered,
            other => other,
        })
    }

    /// Makes an account of any role. Who may is for the caller of this to know: the command line's operator, or
    /// [`Users::create`](crate::Users::create) on behalf of a user.
    ///
    /// # Errors
    /// [`UnknownRole`](Error::UnknownRole), [`EmailTaken`](Error::EmailTaken), [`UsernameTaken`](Error::UsernameTaken).
    pub async fn provision(&self, user: NewUser, password: NewPassword) -> Result<User> {
        if self.parts.roles.canonical(user.role.as_str()).is_none() {
            return Err(Error::UnknownRole);
        }
        let hash = self.parts.passwords.hash(password.0).await?;
        let hash = SecretString::from(hash.as_str());
        let user = user.into_user(self.parts.clock.now());
        self.parts.store.transaction(async |tx| tx.users().insert(&user, &hash).await.map_err(Error::from)).await?;
        Ok(user)
    }

    /// Logs somebody in: a new session and its first tokens. `login` is `None` when what was typed can be nobody's name.
    ///
    /// A name that nobody has costs the same statements and the same time as a wrong password.
    ///
    /// # Errors
    /// [`InvalidCredentials`](Error::InvalidCredentials); with the right password [`UserInactive`](Error::UserInactive).
    pub async fn login(&self, login: Option<&Login>, password: SecretString, client: Client) -> Result<TokenPair> {
        let user = self.verify(login, password).await?;
        if !user.is_active {
            return Err(Error::UserInactive);
        }
        let now = self.parts.clock.now();
        let session = Session {
            id: SessionId::generate(),
            user_id: user.id,
            created_at: now,
            last_used_at: now,
            expires_at: now + self.parts.rules.session_lifetime,
            ended: None,
            ip: client.ip,
            user_agent: client.user_agent.map(|agent| agent.chars().take(512).collect()),
        };
        let token_id = self.parts.chain.token_id(session.id.into(), 0);
        let token = RefreshToken::first(session.id, TokenChain::digest(&token_id), now);
        let pair = self.issue(&user, &session, token_id, now)?;
        self.parts
            .store
            .transaction(async |tx| tx.sessions().insert(&session, &token).await.map_err(Error::from))
            .await?;
        Ok(pair)
    }

    /// Finds out who sent this access token, and whether the session and the account behind it still count.
    ///
    /// # Errors
    /// [`TokenInvalid`](Error::TokenInvalid), [`TokenExpired`](Error::TokenExpired),
    /// [`TokenRevoked`](Error::TokenRevoked).
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let now = self.parts.clock.now();
        let claims = self.parts.issuer.verifier().verify_access_at(token, DateTime::<Utc>::from(now).into())?;
        let user_id: UserId = claims.subject.parse().map_err(|_| Error::TokenInvalid)?;
        let session_id = SessionId::from(claims.session_id);
        let found = self.parts.store.read().await?.sessions().find_with_user(session_id).await?;
        let Some((session, user)) = found.filter(|(session, _)| session.user_id == user_id) else {
            return Err(Error::TokenRevoked);
        };
        if session.state(now) != SessionState::Live || !user.is_active || user.deleted_at.is_some() {
            return Err(Error::TokenRevoked);
        }
        Ok(Caller { user, session_id, roles: Arc::clone(&self.parts.roles) })
    }

    /// The user whose name and password these are.
    async fn verify(&self, login: Option<&Login>, password: SecretString) -> Result<User> {
        let mut found = None;
        let mut repositories = self.parts.store.read().await?;
        if let Some(login) = login {
            found = repositories.users().find_credentials(login).await?;
        }
        // A connection is for others while a password is hashed.
        drop(repositories);
        let stored = found.as_ref().map(|found| PasswordHash::from_storage(found.password_hash.expose_secret()));
        let verdict = self.parts.passwords.verify(password.clone(), stored).await?;
        match (found, verdict) {
            (Some(credentials), Verdict::Match) => Ok(credentials.user),
            (Some(credentials), Verdict::MatchOutdated) => {
                if let Err(error) = self.rehash(&credentials, password).await {
                    tracing::warn!(user_id = %credentials.user.id, %error, "kept an outdated password hash");
                }
                Ok(credentials.user)
            }
            (Some(credentials), Verdict::Refused(refusal)) => {
                tracing::error!(user_id = %credentials.user.id, %refusal, "a stored password hash cannot be verified");
                Err(Error::InvalidCredentials)
            }
            (_, _) => Err(Error::InvalidCredentials),
        }
    }

    /// Replaces a hash of an older scheme or weaker parameters, unless it has been replaced meanwhile.
    async fn rehash(&self, old: &Credentials, password: SecretString) -> Result<()> {
        let hash = self.parts.passwords.hash(password).await?;
        let hash = SecretString::from(hash.as_str());
        self.parts
            .store
            .transaction(async |tx| {
                tx.users().replace_password_hash(old.user.id, &old.password_hash, &hash).await.map_err(Error::from)
            })
            .await
            .map(drop)
    }

    fn issue(&self, user: &User, session: &Session, token_id: String, now: Timestamp) -> Result<TokenPair> {
        let subject = user.id.to_string();
        let role = user.role.as_str();
        let scope = self.parts.roles.scope(role).unwrap_or_default();
        let session_id = session.id.into();
        let access = self
            .parts
            .issuer
            .access(&AccessGrant { subject: &subject, role, scope, session_id }, DateTime::<Utc>::from(now).into())?;
        let seconds = |time: Timestamp| u64::try_from(time.as_secs()).unwrap_or_default();
        let refresh = self.parts.issuer.refresh(&RefreshClaims {
            subject,
            session_id,
            token_id,
            issued_at: seconds(now),
            expires_at: seconds(session.expires_at),
        })?;
        Ok(TokenPair {
            access_token: access.token.into(),
            refresh_token: refresh.into(),
            expires_in: access.expires_in,
            scope: scope.to_owned(),
        })
    }
}
