//! A cache of live sessions and their users for a few seconds, so that most requests need no database query.
//!
//! Code that changes cached data must remove it after the commit and before the response. Then a change takes effect on
//! this node with the next request, and on other nodes when their entries expire.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keepstone_domain::{SessionId, Timestamp, User};
use quick_cache::sync::Cache;
use tokio::time::timeout;

use crate::Result;

/// The capacity in sessions, of about 1 KiB each.
const CAPACITY: usize = 10_000;

/// How long a request waits for a concurrent load of the same session. If the database does not respond, each load
/// fails after seconds, and requests that wait for one another would add up these times.
const WAIT_FOR_ANOTHER_LOAD: Duration = Duration::from_millis(250);

/// A session that was live, and its user, who was active, at the time of the lookup.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account at the time of the lookup.
    pub user: Arc<User>,
    /// When the session expires at the latest.
    pub session_expires_at: Timestamp,
}

/// The cache.
pub struct Principals {
    cache: Cache<SessionId, (Instant, Principal)>,
    ttl: Duration,
}

impl Principals {
    /// Creates a cache with this lifetime of its entries; zero disables it.
    #[must_use]
    pub fn new(ttl: Duration) -> Self {
        Self { cache: Cache::new(CAPACITY), ttl }
    }

    /// Returns the cached session, or else the result of `load`. Of several concurrent calls one loads, unless that
    /// takes too long.
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
        match timeout(WAIT_FOR_ANOTHER_LOAD, self.cache.get_value_or_guard_async(&id)).await {
            Err(_elapsed) => load.await,
            Ok(Ok((_, principal))) => Ok(Some(principal)),
            Ok(Err(guard)) => {
                let at = Instant::now();
                let principal = load.await?;
                if let Some(principal) = &principal {
                    // The cache rejects this if the session was removed meanwhile, because the loaded data may already
                    // be outdated.
                    drop(guard.insert((at, principal.clone())));
                }
                Ok(principal)
            }
        }
    }

    /// Removes these sessions from the cache.
    pub fn forget<'a>(&self, ids: impl IntoIterator<Item = &'a SessionId>) {
        for id in ids {
            self.cache.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use futures_util::future::join_all;
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
    async fn a_cached_session_is_not_loaded_again() {
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
    async fn of_concurrent_lookups_one_loads() {
        let principals = Principals::new(Duration::from_mins(1));
        let (id, loads) = (SessionId::generate(), Cell::new(0));
        let found = join_all((0..50).map(|_| {
            principals.find(id, async {
                loads.set(loads.get() + 1);
                tokio::task::yield_now().await;
                Ok(Some(principal("ada")))
            })
        }));
        assert!(found.await.iter().all(|found| email(found.as_ref().unwrap().as_ref()) == "ada@example.com"));
        assert_eq!(loads.get(), 1);
    }

    #[tokio::test]
    async fn a_slow_load_does_not_block_other_lookups() {
        let principals = Principals::new(Duration::from_mins(1));
        let id = SessionId::generate();
        let finds = async {
            tokio::task::yield_now().await;
            principals.find(id, ready(Ok(Some(principal("ada"))))).await
        };
        tokio::select! {
            biased;
            _ = principals.find(id, pending()) => panic!("a pending load returned"),
            found = finds => assert_eq!(email(found.unwrap().as_ref()), "ada@example.com"),
        }
    }

    #[tokio::test]
    async fn a_session_removed_during_its_load_is_not_cached() {
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
    async fn a_lifetime_of_zero_caches_nothing() {
        let principals = Principals::new(Duration::ZERO);
        let id = SessionId::generate();
        principals.find(id, ready(Ok(Some(principal("old"))))).await.unwrap();
        let now = principals.find(id, ready(Ok(Some(principal("new"))))).await.unwrap();
        assert_eq!(email(now.as_ref()), "new@example.com");
    }

    #[tokio::test]
    async fn a_missing_session_is_looked_up_again() {
        let principals = Principals::new(Duration::from_mins(1));
        let id = SessionId::generate();
        assert!(principals.find(id, ready(Ok(None))).await.unwrap().is_none());
        assert!(principals.find(id, ready(Ok(Some(principal("ada"))))).await.unwrap().is_some());
    }
}
