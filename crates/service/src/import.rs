//! Accounts from another system, with the hashes of their passwords. What is there already stays as it is, so that an
//! import can be run again.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use keepstone_auth::{password::PasswordHash, permission::Roles};
use keepstone_domain::{AuditEvent, AuditKind, Clock, Credentials, NewUser, RoleName, Timestamp, User, Username};
use keepstone_repository::{Insertion, Store, UnitOfWork};

use crate::{Error, Result, closed};

/// How often a batch is tried when others keep signing up with its names meanwhile.
const ATTEMPTS: u32 = 3;

/// Somebody who has an account elsewhere.
pub struct Newcomer {
    /// Who it is.
    pub user: NewUser,
    /// Whether the owner of the address has shown that it is theirs.
    pub email_verified: bool,
    /// When the account was made; now, if nobody knows.
    pub created_at: Option<Timestamp>,
    /// The hash of the person's password; without one, they log in by no password until they reset it by e-mail.
    pub password_hash: Option<PasswordHash>,
}

/// What [`Import`] is made of.
pub struct ImportParts {
    /// Where they are put.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The roles that they may have.
    pub roles: Arc<Roles>,
}

/// Takes accounts over.
pub struct Import {
    parts: ImportParts,
    /// Whom a rehearsal has seen, by a hash of each name: it puts nobody where the next would be found out.
    seen: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Import {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: ImportParts) -> Self {
        Self { parts, seen: Mutex::default(), hasher: RandomState::new() }
    }

    /// Whether there is such a role.
    #[must_use]
    pub fn knows(&self, role: &RoleName) -> bool {
        self.parts.roles.canonical(role.as_str()).is_some()
    }

    /// Makes these accounts in one transaction, each with its line in the audit log, and tells what became of each.
    ///
    /// # Errors
    /// Storage's only.
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
                // Somebody signed up between the look and the insert: the next look sees it.
                Err(Error::EmailTaken | Error::UsernameTaken) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// What would become of these accounts, and of nobody anything.
    ///
    /// # Errors
    /// Storage's only.
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
