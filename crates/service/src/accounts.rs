//! Registration, login and password changes. Changing a password is in [`password_change`](crate::password_change).
//!
//! Hashing a password takes a quarter of a second, so it always happens outside a transaction.

use std::sync::Arc;

use keepstone_auth::{
    password::{PasswordHash, Passwords, Policy, Verdict},
    permission::Roles,
    session::TokenPair,
    token::Secret,
};
use keepstone_domain::{
    AuditEvent, AuditKind, Clock, Credentials, DisplayName, JobId, Login, NewUser, PendingUser, RoleName, Task, User,
    UserId, Username,
};
use keepstone_repository::{Store, UnitOfWork};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Client, Error, NewPassword, Outbox, PasswordGuard, Receipt, Registration, Result, Sessions, closed,
    email_change::refuse_reserved,
};

/// The configuration of accounts.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The rules for a new password.
    pub password_policy: Policy,
    /// The name of the product, which a password must not consist of.
    pub product: String,
    /// Whether sign-up is open to the public.
    pub registration_open: bool,
    /// Whether a sign-up conceals which accounts exist: see [`Accounts::register_quietly`].
    pub conceals_registration: bool,
    /// The role given to new sign-ups.
    pub default_role: RoleName,
    /// Whether users need the current password to change their own address.
    pub email_change_requires_password: bool,
}

/// The dependencies of [`Accounts`].
pub struct AccountParts {
    /// The storage of users.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Slows down password guessing.
    pub guard: PasswordGuard,
    /// The permissions of each role.
    pub roles: Arc<Roles>,
    /// Opens a session for each login.
    pub sessions: Arc<Sessions>,
    /// Queues e-mails.
    pub outbox: Outbox,
    /// The secret under which the audit log identifies the names that people typed.
    pub identifiers: Secret,
    /// The configuration.
    pub rules: Rules,
}

/// Sign-up, login and password changes.
pub struct Accounts {
    pub(crate) parts: Arc<AccountParts>,
}

impl Accounts {
    /// Creates the service.
    #[must_use]
    pub fn new(parts: AccountParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Returns the configuration of accounts.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// Registers a new account.
    ///
    /// # Errors
    /// [`RegistrationClosed`](Error::RegistrationClosed), [`InsufficientPermissions`](Error::InsufficientPermissions)
    /// if the request specifies another role or state, [`EmailAlreadyRegistered`](Error::EmailAlreadyRegistered),
    /// [`UsernameTaken`](Error::UsernameTaken).
    pub async fn register(&self, registration: Registration, client: &Client, receipt: Receipt<User>) -> Result<User> {
        let (user, password) = self.admit(registration)?;
        self.provision(user, password, None, client, receipt).await.map_err(|error| match error {
            Error::EmailTaken => Error::EmailAlreadyRegistered,
            other => other,
        })
    }

    /// Registers a new account without revealing which accounts exist. Whether the address or the user name is taken
    /// changes neither the response nor the work before it. A job then creates the account, or sends an e-mail that
    /// explains why it was not created. Login is impossible before the address is confirmed, because a successful login
    /// would reveal the account.
    ///
    /// # Errors
    /// [`RegistrationClosed`](Error::RegistrationClosed), [`InsufficientPermissions`](Error::InsufficientPermissions).
    pub async fn register_quietly(
        &self,
        registration: Registration,
        client: &Client,
        receipt: Receipt<()>,
    ) -> Result<()> {
        let (user, password) = self.admit(registration)?;
        let now = self.parts.clock.now();
        self.refuse_similar(&password, &user.clone().into_user(now))?;
        let hash = SecretString::from(self.parts.passwords.hash(password.into_secret()).await?.as_str());
        let user = PendingUser {
            email: user.email,
            username: user.username,
            name: user.name,
            role: user.role,
            password_hash: hash.into(),
            ip: client.ip,
            request_id: client.request_id.clone(),
        };
        let task = Task::FinishRegistration { user };
        let finish = async |tx: &mut UnitOfWork| {
            tx.jobs().insert(JobId::generate(), &task, now).await?;
            receipt.keep(tx, &()).await
        };
        self.parts.store.transaction(finish).await?;
        receipt.close();
        Ok(())
    }

    /// Returns the requested account if sign-up is open and requests no privileges.
    fn admit(&self, registration: Registration) -> Result<(NewUser, NewPassword)> {
        let rules = &self.parts.rules;
        if !rules.registration_open {
            return Err(Error::RegistrationClosed);
        }
        let (user, password) = registration.into_parts(|| rules.default_role.clone());
        if user.role != rules.default_role || !user.is_active {
            tracing::warn!(role = user.role.as_str(), is_active = user.is_active, "rejected a sign-up with privileges");
            return Err(Error::InsufficientPermissions);
        }
        Ok((user, password))
    }

    /// Creates an account of any role. The caller of this function must check permissions: the command line's operator,
    /// or [`Users::create`](crate::Users::create) on behalf of the actor.
    ///
    /// # Errors
    /// [`UnknownRole`](Error::UnknownRole), [`EmailTaken`](Error::EmailTaken), [`UsernameTaken`](Error::UsernameTaken).
    pub async fn provision(
        &self,
        user: NewUser,
        password: NewPassword,
        actor: Option<UserId>,
        client: &Client,
        receipt: Receipt<User>,
    ) -> Result<User> {
        if self.parts.roles.canonical(user.role.as_str()).is_none() {
            return Err(Error::UnknownRole);
        }
        let now = self.parts.clock.now();
        let user = user.into_user(now);
        self.refuse_similar(&password, &user)?;
        let hash = SecretString::from(self.parts.passwords.hash(password.into_secret()).await?.as_str());
        let event = AuditEvent { actor, user_id: Some(user.id), ..client.event(AuditKind::UserCreated, now) };
        let event = event.with("role", user.role.as_str());
        self.parts
            .store
            .transaction(async |tx| {
                tx.users().insert(&user, &hash).await?;
                refuse_reserved(tx, &user.email, user.id, now).await?;
                receipt.keep(tx, &user).await?;
                self.parts.outbox.ask_to_verify(tx, &user, now).await?;
                tx.audit().insert(&event).await.map_err(Error::from)
            })
            .await?;
        receipt.close();
        Ok(user)
    }

    /// Logs a user in: opens a new session and returns its first tokens. `login` is `None` when the typed text cannot
    /// be the name of any account.
    ///
    /// An unknown name costs the same statements and the same time as a wrong password.
    ///
    /// # Errors
    /// [`InvalidCredentials`](Error::InvalidCredentials); with the right password
    /// [`UserInactive`](Error::UserInactive); [`TooManyRequests`](Error::TooManyRequests) after too many failures.
    pub async fn login(&self, login: Option<&Login>, password: SecretString, client: &Client) -> Result<TokenPair> {
        let mut tried = None;
        let verify = self.verify(login, password, &mut tried);
        let verified = self.parts.guard.watch(login, client.ip, verify).await;
        let (error, user_id, reason) = match verified {
            Ok((user, hash)) if user.is_active => return self.parts.sessions.open(&user, &hash, client).await,
            Ok((user, _)) => (Error::UserInactive, Some(user.id), "inactive"),
            Err(Error::InvalidCredentials) => (Error::InvalidCredentials, tried, "credentials"),
            Err(other) => return Err(other),
        };
        let event = client.event(AuditKind::LoginFailed, self.parts.clock.now()).with("reason", reason);
        // The account identifies the attempt better than a digest of its name.
        let unknown = login.filter(|_| user_id.is_none());
        let event = match unknown.and_then(|login| self.identifier(login)) {
            Some(identifier) => event.with("identifier", identifier),
            None => event,
        };
        let event = AuditEvent { user_id, ..event };
        self.parts.store.transaction(async |tx| tx.audit().insert(&event).await.map_err(Error::from)).await?;
        Err(error)
    }

    /// Returns a keyed digest of the typed name: equal names can be recognized, but no name can be read.
    fn identifier(&self, login: &Login) -> Option<String> {
        let name = match login {
            Login::Email(email) => email.key().to_owned(),
            Login::Username(username) => username.key(),
        };
        let digest = self.parts.identifiers.derive(&name);
        let bytes = digest.expose().first_chunk()?;
        Some(format!("{:016x}", u64::from_be_bytes(*bytes)))
    }

    /// Rejects a password that consists of publicly known facts about its owner, if the policy has a blocklist.
    pub(crate) fn refuse_similar(&self, password: &NewPassword, user: &User) -> Result<()> {
        let rules = &self.parts.rules;
        let (local, domain) = user.email.key().split_once('@').unwrap_or_default();
        let mut words = vec![rules.product.as_str(), local];
        words.extend(domain.split('.'));
        words.extend(user.username.as_ref().map(Username::as_str));
        words.extend(user.name.as_ref().map(DisplayName::as_str));
        rules.password_policy.check_in_context(password.expose_secret(), &words).map_err(Error::Password)
    }

    /// Returns the user with this name and password, and the verified hash. Sets `tried` to the account with that name,
    /// whether or not the password is right.
    async fn verify(
        &self,
        login: Option<&Login>,
        password: SecretString,
        tried: &mut Option<UserId>,
    ) -> Result<(User, SecretString)> {
        let mut found = None;
        let mut repositories = self.parts.store.read().await?;
        if let Some(login) = login {
            found = repositories.users().find_credentials(login).await?;
        }
        *tried = found.as_ref().map(|found| found.user.id);
        // Releases the connection while a password is hashed.
        drop(repositories);
        // A closed password takes as long as an unknown account and reveals no more.
        let kept = found.as_ref().map(|found| &found.password_hash).filter(|kept| !closed::is_closed(kept));
        let stored = kept.map(|kept| PasswordHash::from_storage(kept.expose_secret()));
        let verdict = self.parts.passwords.verify(password.clone(), stored).await?;
        match (found, verdict) {
            (Some(Credentials { user, password_hash }), Verdict::Match) => Ok((user, password_hash)),
            (Some(credentials), Verdict::MatchOutdated) => {
                match self.rehash(&credentials, password.clone()).await {
                    Ok(Some(hash)) => Ok((credentials.user, hash)),
                    // Another login was faster, or the password has just been changed: verifying the new hash decides
                    // which.
                    Ok(None) => Box::pin(self.verify(login, password, tried)).await,
                    Err(error) => {
                        tracing::warn!(user_id = %credentials.user.id, %error, "did not upgrade a password hash");
                        Ok((credentials.user, credentials.password_hash))
                    }
                }
            }
            (Some(credentials), Verdict::Refused(refusal)) => {
                tracing::error!(user_id = %credentials.user.id, %refusal, "a stored password hash cannot be verified");
                Err(Error::InvalidCredentials)
            }
            (_, _) => Err(Error::InvalidCredentials),
        }
    }

    /// Replaces a hash of an older scheme or weaker parameters, and returns the new hash; `None` if another request
    /// replaced it meanwhile.
    async fn rehash(&self, old: &Credentials, password: SecretString) -> Result<Option<SecretString>> {
        let hash = SecretString::from(self.parts.passwords.hash(password).await?.as_str());
        let replace = async |tx: &mut UnitOfWork| {
            let users = tx.users();
            users.replace_password_hash(old.user.id, &old.password_hash, &hash).await.map_err(Error::from)
        };
        let is_replaced = self.parts.store.transaction(replace).await?;
        Ok(is_replaced.then_some(hash))
    }
}
