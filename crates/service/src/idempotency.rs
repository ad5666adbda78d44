//! Requests that may be sent again and are done once.
//!
//! A request with a key is claimed before it is worked on, so that the same again meanwhile is told to wait; its answer
//! is kept in the transaction that makes what it tells of. Only what was done is kept: a refusal has changed nothing,
//! and asking again is harmless.

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

/// How long an answer is kept.
pub const ANSWER_LIFETIME: Duration = Duration::from_hours(24);
/// After this, nobody can be working on a request any more: no handler takes that long.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);
/// How many old requests are forgotten at once.
const CLEAN_UP_BATCH: u32 = 500;

/// A request that carries an idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRequest<'a> {
    /// Who asks; `None` is anybody.
    pub caller: Option<UserId>,
    /// How.
    pub method: &'a str,
    /// For what.
    pub path: &'a str,
    /// Under which key.
    pub key: &'a str,
    /// With what.
    pub body: &'a [u8],
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// The request is new, and is to be done.
    Now(Claim),
    /// It was done before: this was the answer.
    Past(Answer),
}

/// Remembers the requests that carry an idempotency key, for all nodes.
pub struct Idempotency {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    secret: Secret,
}

impl Idempotency {
    /// Puts the parts together. Nodes that share a database share the secret: the digests of requests are made with it,
    /// because some contain passwords.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, secret: Secret) -> Self {
        Self { store, clock, secret }
    }

    /// Claims a request, or gives the answer that it had.
    ///
    /// # Errors
    /// [`IdempotencyInProgress`](Error::IdempotencyInProgress) while it is being done;
    /// [`IdempotencyKeyReused`](Error::IdempotencyKeyReused) if its body is another one than before.
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
            // Or it was abandoned this very moment: then the next attempt will do it.
            Some((_, None)) | None => Err(Error::IdempotencyInProgress),
        }
    }

    /// Forgets requests that are older than their answers are kept, in small statements, and gives how many there were.
    ///
    /// # Errors
    /// Storage's only; what was forgotten before stays so.
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

/// The right to do a request. Dropped without an answer, it is given back, so that the client can try again.
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
        // Where nothing runs any more, the claim is given back by getting old.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let abandoned = async { store.write().await?.idempotency().abandon(&attempt).await };
                if let Err(error) = abandoned.await {
                    tracing::debug!(%error, "an idempotency key stays claimed for a minute");
                }
            });
        }
    }
}

/// Keeps the answer to a request together with what the request makes, if it is to be kept.
pub struct Receipt<T>(Option<Wanted<T>>);

struct Wanted<T> {
    claim: Claim,
    answer: Box<dyn Fn(&T) -> Answer + Send + Sync>,
}

impl<T> Receipt<T> {
    /// Nobody will ask again.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// The answer to the request of this claim, made of what it makes.
    #[must_use]
    pub fn of(claim: Claim, answer: impl Fn(&T) -> Answer + Send + Sync + 'static) -> Self {
        Self(Some(Wanted { claim, answer: Box::new(answer) }))
    }

    /// Whether there is anything to keep.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Keeps the answer, in the transaction that makes this.
    pub(crate) async fn keep(&self, tx: &mut UnitOfWork, made: &T) -> Result<()> {
        let Some(Wanted { claim, answer }) = &self.0 else { return Ok(()) };
        // Somebody has taken over, who thought that nobody could be working on this any more.
        let is_ours = tx.idempotency().answer(&claim.attempt, &answer(made)).await?;
        if is_ours { Ok(()) } else { Err(Error::IdempotencyInProgress) }
    }

    /// Takes note that the transaction is committed: there is no claim to give back.
    pub(crate) fn close(&self) {
        if let Some(Wanted { claim, .. }) = &self.0 {
            claim.is_over.store(true, Ordering::Relaxed);
        }
    }
}
