//! Idempotent requests: a client may send them again, and they are executed once.
//!
//! A request with a key is claimed before it is executed, so a concurrent duplicate is rejected and can be retried
//! later. The response is stored in the transaction of the work. Only successful requests are recorded: a failed
//! request has no effect, so executing it again is harmless.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keepstone_auth::token::Secret;
use keepstone_domain::{Answer, Attempt, Clock, UserId};
use keepstone_repository::{StorageError, Store, UnitOfWork};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{Error, Result};

/// How long a response is stored.
pub const ANSWER_LIFETIME: Duration = Duration::from_hours(24);
/// After this time a claim counts as abandoned, because no handler takes that long.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);
/// The number of old requests that one statement deletes.
const CLEAN_UP_BATCH: u32 = 500;

/// A request that carries an idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRequest<'a> {
    /// The caller; `None` for anonymous requests.
    pub caller: Option<UserId>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The idempotency key.
    pub key: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// How to proceed with a request.
#[derive(Debug)]
pub enum Turn {
    /// The request is new and must be executed.
    Now(Claim),
    /// The request was executed before: its stored response.
    Past(Answer),
}

/// The record of requests with an idempotency key, shared by all nodes.
pub struct Idempotency {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    secret: Secret,
}

impl Idempotency {
    /// Creates the service. Nodes that share a database must share the secret. It keys the digests of requests, because
    /// some requests contain passwords.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, secret: Secret) -> Self {
        Self { store, clock, secret }
    }

    /// Claims a request, or returns its stored response.
    ///
    /// # Errors
    /// [`IdempotencyInProgress`](Error::IdempotencyInProgress) while it is being executed;
    /// [`IdempotencyKeyReused`](Error::IdempotencyKeyReused) if the body differs from the first request's.
    pub async fn take_turn(&self, request: &KeyedRequest<'_>) -> Result<Turn> {
        let now = self.clock.now();
        let attempt = self.attempt(request);
        match self.store.write().await?.idempotency().begin(&attempt, now).await {
            Ok(()) => return Ok(Turn::Now(self.claim(attempt))),
            Err(StorageError::Duplicate { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut repositories = self.store.write().await?;
        let requests = repositories.idempotency();
        let (abandoned, answered) = (now - ABANDONED_AFTER, now - ANSWER_LIFETIME);
        if requests.take_over(&attempt, abandoned, answered, now).await? {
            return Ok(Turn::Now(self.claim(attempt)));
        }
        match requests.find(&attempt.request).await? {
            Some((first, _)) if first.body != attempt.body => Err(Error::IdempotencyKeyReused),
            Some((_, Some(answer))) => Ok(Turn::Past(answer)),
            // `None` means that the claim was abandoned at this very moment: the next attempt will execute it.
            Some((_, None)) | None => Err(Error::IdempotencyInProgress),
        }
    }

    /// Deletes requests whose responses have expired, in small statements, and returns their number.
    ///
    /// # Errors
    /// Only storage errors. Requests deleted before an error stay deleted.
    pub async fn clean_up(&self) -> Result<usize> {
        let before = self.clock.now() - ANSWER_LIFETIME;
        let mut total = 0;
        loop {
            let deleted = self.store.write().await?.idempotency().delete_old(before, CLEAN_UP_BATCH).await?;
            total += deleted;
            if deleted == 0 {
                return Ok(total);
            }
        }
    }

    fn claim(&self, attempt: Attempt) -> Claim {
        Claim { attempt, store: Arc::clone(&self.store), is_over: AtomicBool::new(false) }
    }

    fn attempt(&self, request: &KeyedRequest<'_>) -> Attempt {
        let caller = request.caller.map(|id| *Uuid::from(id).as_bytes()).unwrap_or_default();
        let names = [request.method, request.path, request.key].map(str::as_bytes);
        let request_mac = self.secret.mac(&[&caller, names[0], names[1], names[2]]);
        Attempt { request: request_mac, body: self.secret.mac(&[request.body]), id: Uuid::now_v7() }
    }
}

/// The right to execute a request. Dropping it without a response releases the claim, so the client can retry.
pub struct Claim {
    attempt: Attempt,
    store: Arc<dyn Store>,
    is_over: AtomicBool,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("attempt", &self.attempt.id).finish_non_exhaustive()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let (store, attempt) = (Arc::clone(&self.store), self.attempt.clone());
        // Without a runtime, the claim expires by its age.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let abandoned = async { store.write().await?.idempotency().abandon(&attempt).await };
                if let Err(error) = abandoned.await {
                    tracing::debug!(%error, "could not release an idempotency key: it stays claimed for a minute");
                }
            });
        }
    }
}

/// Stores the response to a request in the same transaction as its effect, if the request has an idempotency key.
pub struct Receipt<T>(Option<Wanted<T>>);

struct Wanted<T> {
    claim: Claim,
    answer: Box<dyn Fn(&T) -> Answer + Send + Sync>,
}

impl<T> Receipt<T> {
    /// Creates a receipt that stores nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Creates a receipt that stores the response to the claimed request. `answer` builds the response from the result.
    #[must_use]
    pub fn of(claim: Claim, answer: impl Fn(&T) -> Answer + Send + Sync + 'static) -> Self {
        Self(Some(Wanted { claim, answer: Box::new(answer) }))
    }

    /// Returns whether there is a response to store.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Stores the response, in the transaction of the effect.
    pub(crate) async fn keep(&self, tx: &mut UnitOfWork, made: &T) -> Result<()> {
        let Some(Wanted { claim, answer }) = &self.0 else { return Ok(()) };
        // Another node may have taken the claim over, because this one looked abandoned.
        let is_ours = tx.idempotency().answer(&claim.attempt, &answer(made)).await?;
        if is_ours { Ok(()) } else { Err(Error::IdempotencyInProgress) }
    }

    /// Records that the transaction is committed: the claim need not be released.
    pub(crate) fn close(&self) {
        if let Some(Wanted { claim, .. }) = &self.0 {
            claim.is_over.store(true, Ordering::Relaxed);
        }
    }
}
