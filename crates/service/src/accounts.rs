//! Getting an account, and getting in. Changing a password is in [`password_change`](crate::password_change).
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

/// What is configured about accounts.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What a new password must be like.
    pub password_policy: Policy,
    /// What the product is called: no good password.
    pub product: String,
    /// Whether anybody can sign up.
    pub registration_open: bool,
    /// Whether nobody learns from a sign-up who has an account: see [`Accounts::register_quietly`].
    pub conceals_registration: bool,
    /// The role of whoever signs up.
    pub default_role: RoleName,
    /// Whether changing one's own address needs the current password.
    pub email_change_requires_password: bool,
}

/// What [`Accounts`] is made of.
pub struct AccountParts {
    /// Where users are kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Slows down who guesses passwords.
    pub guard: PasswordGuard,
    /// What each role may do.
    pub roles: Arc<Roles>,
    /// Where logins lead.
    pub sessions: Arc<Sessions>,
    /// What is said by e-mail.
    pub outbox: Outbox,
    /// Under which the audit log knows the names that people typed.
    pub identifiers: Secret,
    /// What is configured.
    pub rules: Rules,
}

/// Signing up, logging in, and changing passwords.
pub struct Accounts {
    pub(crate) parts: Arc<AccountParts>,
}

impl Accounts {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: AccountParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// What is configured about accounts.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// Signs somebody up.
    ///
    /// # Errors
    /// [`RegistrationClosed`](Error::RegistrationClosed), [`InsufficientPermissions`](Error::InsufficientPermissions)
    /// for a role or a state of one's own choice, [`EmailAlreadyRegistered`](Error::EmailAlreadyRegistered),
    /// [`UsernameTaken`](Error::UsernameTaken).
    pub async fn register(&self, registration: Registration, client: &Client, receipt: Receipt<User>) -> Result<User> {
        let (user, password) = self.admit(registration)?;
        self.provision(user, password, None, client, receipt).await.map_err(|error| match error {
            Error::EmailTaken => Error::EmailAlreadyRegistered,
            other => other,
        })
    }

    /// Signs somebody up so that nobody learns who has an account: whether the address and the user name are taken
    /// changes neither the answer nor what is done before it. A job makes the account, or has an e-mail sent that says
    /// why not. Nobody gets in before the address is confirmed: a login would tell.
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

    /// What a sign-up asks for, if anybody may.
    fn admit(&self, registration: Registration) -> Result<(NewUser, NewPassword)> {
        let rules = &self.parts.rules;
        if !rules.registration_open {
            return Err(Error::RegistrationClosed);
        }
        let (user, password) = registration.into_parts(|| rules.default_role.clone());
        if user.role != rules.default_role || !user.is_active {
            tracing::warn!(role = user.role.as_str(), is_active = user.is_active, "refused a sign-up with privileges");
            return Err(Error::InsufficientPermissions);
        }
        Ok((user, password))
    }

    /// Makes an account of any role. Who may is for the caller of this to know: the command line's operator, or
    /// [`Users::create`](crate::Users::create) on behalf of the actor.
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

    /// Logs somebody in: a new session and its first tokens. `login` is `None` when what was typed can be nobody's
    /// name.
    ///
    /// A name that nobody has costs the same statements and the same time as a wrong password.
    ///
    /// # Errors
    /// [`InvalidCredentials`](Error::InvalidCredentials); with the right password
    /// [`UserInactive`](Error::UserInactive); [`TooManyRequests`](Error::TooManyRequests) after too many wrong ones.
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
        // The account says more than a digest of its name.
        let unknown = login.filter(|_| user_id.is_none());
        let event = match unknown.and_then(|login| self.identifier(login)) {
            Some(identifier) => event.with("identifier", identifier),
            None => event,
        };
        let event = AuditEvent { user_id, ..event };
        self.parts.store.transaction(async |tx| tx.audit().insert(&event).await.map_err(Error::from)).await?;
        Err(error)
    }

    /// What somebody typed as their name, so that the same is recognised and none can be read.
    fn identifier(&self, login: &Login) -> Option<String> {
        let name = match login {
            Login::Email(email) => email.key().to_owned(),
            Login::Username(username) => username.key(),
        };
        let digest = self.parts.identifiers.derive(&name);
        let bytes = digest.expose().first_chunk()?;
        Some(format!("{:016x}", u64::from_be_bytes(*bytes)))
    }

    /// Refuses a password that is made of what everybody knows of its owner, if the policy has a blocklist.
    pub(crate) fn refuse_similar(&self, password: &NewPassword, user: &User) -> Result<()> {
        let rules = &self.parts.rules;
        let (local, domain) = user.email.key().split_once('@').unwrap_or_default();
        let mut words = vec![rules.product.as_str(), local];
        words.extend(domain.split('.'));
        words.extend(user.username.as_ref().map(Username::as_str));
        words.extend(user.name.as_ref().map(DisplayName::as_str));
        rules.password_policy.check_in_context(password.expose_secret(), &words).map_err(Error::Password)
    }

    /// The user whose name and password these are, and the hash that says so. `tried` is the account with that name, right
    /// password or not.
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
        // A connection is for others while a password is hashed.
        drop(repositories);
        // One that is closed costs as much as that of nobody, and tells no more.
        let kept = found.as_ref().map(|found| &found.password_hash).filter(|kept| !closed::is_closed(kept));
        let stored = kept.map(|kept| PasswordHash::from_storage(kept.expose_secret()));
        let verdict = self.parts.passwords.verify(password.clone(), stored).await?;
        match (found, verdict) {
            (Some(Credentials { user, password_hash }), Verdict::Match) => Ok((user, password_hash)),
            (Some(credentials), Verdict::MatchOutdated) => {
                match self.rehash(&credentials, password.clone()).await {
                    Ok(Some(hash)) => Ok((credentials.user, hash)),
                    // Another login was faster, or the password has just been changed: which of the two, its hash
                    // tells.
                    Ok(None) => Box::pin(self.verify(login, password, tried)).await,
                    Err(error) => {
                        tracing::warn!(user_id = %credentials.user.id, %error, "kept an outdated password hash");
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

    /// Replaces a hash of an older scheme or weaker parameters, and gives the new one; `None` if it was replaced
    /// meanwhile.
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
