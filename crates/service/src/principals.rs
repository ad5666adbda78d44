//! Whom live sessions belong to, remembered for a few seconds, so that most requests ask the database nothing.
//!
//! Whoever changes what is remembered here forgets it, after the commit and before the answer: on this node a change
//! takes effect with the next request, on others when their memory is too old.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keepstone_domain::{SessionId, Timestamp, User};
use quick_cache::sync::Cache;

use crate::Result;

/// How many sessions are remembered: about 1 KiB each.
const CAPACITY: usize = 10_000;

/// A session that was live, and its user, who was active.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account, as it was when it was looked up.
    pub user: Arc<User>,
    /// When the session ends, whatever happens.
    pub session_expires_at: Timestamp,
}

/// The memory.
pub struct Principals {
    cache: Cache<SessionId, (Instant, Principal)>,
    ttl: Duration,
}

impl Principals {
    /// Remembers for this long; zero is not at all.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self { cache: Cache::new(CAPACITY), ttl }
    }

    /// What is remembered of a session, or else what `load` finds. Of many that ask at once one loads.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn find(
        &self,
        id: SessionId,
        load: impl Future<Output = Result<Option<Principal>>>,
    ) -> Result<Option<Principal>> {
        if let Some((at, principal)) = self.cache.get(&id) {
            if at.elapsed() < self.ttl {
                return Ok(Some(principal));
            }
            self.cache.remove_if(&id, |(at, _)| at.elapsed() >= self.ttl);
        }
        if self.ttl.is_zero() {
            return load.await;
        }
        match self.cache.get_value_or_guard_async(&id).await {
            Ok((_, principal)) => Ok(Some(principal)),
            Err(guard) => {
                let at = Instant::now();
                let principal = load.await?;
                if let Some(principal) = &principal {
                    // Refused if the session was forgotten meanwhile: then this may already be wrong.
                    drop(guard.insert((at, principal.clone())));
                }
                Ok(principal)
            }
        }
    }

    /// Forgets these sessions.
    pub fn forget<'a>(&self, ids: impl IntoIterator<Item = &'a SessionId>) {
        for id in ids {
            self.cache.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::ready};

    use keepstone_domain::{Email, NewUser, RoleName};

    use super::*;

    fn principal(name: &str) -> Principal {
        let now = Timestamp::from_micros(0).unwrap();
        let user = NewUser {
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            username: None,
            name: None,
            role: RoleName::viewer(),
            is_active: true,
        };
        Principal { user: Arc::new(user.into_user(now)), session_expires_at: now }
    }

    fn email(found: Option<&Principal>) -> &str {
        found.unwrap().user.email.as_str()
    }

    #[tokio::test]
    async fn what_is_remembered_is_not_loaded_again() {
        let principals = Principals::new(Duration::from_mins(1));
        let (id, loads) = (SessionId::generate(), Cell::new(0));
        for _ in 0..3 {
            let load = async {
                loads.set(loads.get() + 1);
                Ok(Some(principal("ada")))
            };
            assert_eq!(email(principals.find(id, load).await.unwrap().as_ref()), "ada@example.com");
        }
        assert_eq!(loads.get(), 1);
    }

    #[tokio::test]
    async fn what_was_forgotten_while_it_was_loaded_is_not_remembered() {
        let principals = Principals::new(Duration::from_mins(1));
        let id = SessionId::generate();
        let load = async {
            let found = Ok(Some(principal("old")));
            principals.forget([&id]);
            found
        };
        principals.find(id, load).await.unwrap();
        let now = principals.find(id, ready(Ok(Some(principal("new"))))).await.unwrap();
        assert_eq!(email(now.as_ref()), "new@example.com");
    }

    #[tokio::test]
    async fn nothing_is_remembered_for_longer_than_it_may_be() {
        let principals = Principals::new(Duration::ZERO);
        let id = SessionId::generate();
        principals.find(id, ready(Ok(Some(principal("old"))))).await.unwrap();
        let now = principals.find(id, ready(Ok(Some(principal("new"))))).await.unwrap();
        assert_eq!(email(now.as_ref()), "new@example.com");
    }

    #[tokio::test]
    async fn a_session_that_is_none_is_looked_for_again() {
        let principals = Principals::new(Duration::from_mins(1));
        let id = SessionId::generate();
        assert!(principals.find(id, ready(Ok(None))).await.unwrap().is_none());
        assert!(principals.find(id, ready(Ok(Some(principal("ada"))))).await.unwrap().is_some());
    }
}
