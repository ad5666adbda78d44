//! Importing accounts and their password hashes from another system. Existing accounts stay unchanged, so an import can
//! be repeated.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use keepstone_auth::{password::PasswordHash, permission::Roles};
use keepstone_domain::{AuditEvent, AuditKind, Clock, Credentials, NewUser, RoleName, Timestamp, User, Username};
use keepstone_repository::{Insertion, Store, UnitOfWork};

use crate::{Error, Result, closed};

/// How often a batch is tried when concurrent sign-ups take its names.
const ATTEMPTS: u32 = 3;

/// A user of another system.
pub struct Newcomer {
    /// The account to create.
    pub user: NewUser,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// When the account was created; the time of the import, if unknown.
    pub created_at: Option<Timestamp>,
    /// The hash of the user's password; without it, the user must reset the password by e-mail before the first login.
    pub password_hash: Option<PasswordHash>,
}

/// The dependencies of [`Import`].
pub struct ImportParts {
    /// The storage of users.
    pub store: Arc<dyn Store>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// The roles that imported users may have.
    pub roles: Arc<Roles>,
}

/// Imports accounts.
pub struct Import {
    parts: ImportParts,
    /// The names that a dry run has already seen, by hash. A dry run inserts nothing, so the database cannot detect a
    /// duplicate among them.
    seen: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Import {
    /// Creates the import.
    #[must_use]
    pub fn new(parts: ImportParts) -> Self {
        Self { parts, seen: Mutex::default(), hasher: RandomState::new() }
    }

    /// Returns whether the role is configured.
    #[must_use]
    pub fn knows(&self, role: &RoleName) -> bool {
        self.parts.roles.canonical(role.as_str()).is_some()
    }

    /// Creates these accounts in one transaction, each with an audit event, and returns the outcome of each.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn add(&self, newcomers: Vec<Newcomer>) -> Result<Vec<Insertion>> {
        let people = self.people(newcomers);
        let now = self.parts.clock.now();
        let insert = async |tx: &mut UnitOfWork| {
            let outcomes = tx.users().insert_missing(&people, now).await?;
            let made = people.iter().zip(&outcomes).filter(|(_person, outcome)| **outcome == Insertion::Made);
            let events: Vec<AuditEvent> = made.map(|(person, _outcome)| self.event(&person.user)).collect();
            tx.audit().insert_all(&events).await?;
            Ok(outcomes)
        };
        let mut attempt = 1;
        loop {
            match self.parts.store.transaction(insert).await {
                // A sign-up took a name between the check and the insert: the next check sees it.
                Err(Error::EmailTaken | Error::UsernameTaken) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Returns what [`add`](Self::add) would do with each of these accounts, without changing anything.
    ///
    /// # Errors
    /// Only storage errors.
    pub async fn rehearse(&self, newcomers: Vec<Newcomer>) -> Result<Vec<Insertion>> {
        let people = self.people(newcomers);
        let foreseen = self.parts.store.read().await?.users().foresee(&people, self.parts.clock.now()).await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = |(person, outcome): (&Credentials, Insertion)| {
            let (email, username) = (person.user.email.key(), person.user.username.as_ref().map(Username::key));
            if outcome != Insertion::Made || seen.contains(&self.hasher.hash_one(email)) {
                return if outcome == Insertion::Made { Insertion::EmailTaken } else { outcome };
            }
            if username.is_some_and(|username| !seen.insert(self.hasher.hash_one(username))) {
                return Insertion::UsernameTaken;
            }
            seen.insert(self.hasher.hash_one(email));
            Insertion::Made
        };
        Ok(people.iter().zip(foreseen).map(outcome).collect())
    }

    fn people(&self, newcomers: Vec<Newcomer>) -> Vec<Credentials> {
        let now = self.parts.clock.now();
        let person = |newcomer: Newcomer| {
            let created_at = newcomer.created_at.unwrap_or(now);
            let user = User {
                email_verified: newcomer.email_verified,
                updated_at: created_at,
                ..newcomer.user.into_user(created_at)
            };
            let password_hash =
                newcomer.password_hash.map_or_else(closed::for_ever, |password| password.as_str().into());
            Credentials { user, password_hash }
        };
        newcomers.into_iter().map(person).collect()
    }

    fn event(&self, user: &User) -> AuditEvent {
        let event = AuditEvent::new(AuditKind::UserCreated, self.parts.clock.now());
        AuditEvent { user_id: Some(user.id), ..event }.with("role", user.role.as_str()).with("source", "import")
    }
}
