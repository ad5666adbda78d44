//! A test suite for implementations of [`SessionStore`]. It checks exactly the rules in the documentation of the trait.

mod abandoned;
mod exchange;
mod parallel;
mod rule;
mod sessions;
mod subjects;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::{Handle, RuntimeFlavor};
use uuid::{NoContext, Timestamp, Uuid};

pub use self::rule::BrokenRule;
use self::rule::{Checked, Rule};
use crate::session::{
    Client, Digest, EndReason, EndScope, Exchange, Exchanged, NewSession, SessionInfo, SessionStore, Spent,
};
use crate::token::{Secret, TokenChain};

/// A store to test.
#[derive(Debug)]
pub struct Fixture<S> {
    /// The store, without any session.
    pub store: S,
    /// The subjects that the store accepts.
    pub subjects: Subjects,
}

/// The subjects whose sessions a store accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subjects {
    /// Any subject that [`SessionStore`] allows.
    Any,
    /// Only these two subjects, because the store knows its users.
    Only([String; 2]),
}

/// Tests a store against the rules of [`SessionStore`].
///
/// The suite runs a few thousand exchanges, up to 50 of them concurrently. It calls the function for a dozen fresh
/// fixtures.
///
/// ```
/// use keepstone_auth::session::MemorySessionStore;
/// use keepstone_auth::testing::{Fixture, Subjects, session_store_contract};
///
/// # #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
/// # async fn main() {
/// session_store_contract(async || Fixture { store: MemorySessionStore::default(), subjects: Subjects::Any }).await;
/// # }
/// ```
///
/// # Panics
/// Panics if the store breaks a rule, with one line that names the first [broken rule](BrokenRule). Also panics outside
/// a multi-thread tokio runtime, because races between threads would not occur there.
pub async fn session_store_contract<S, F>(fixture: F)
where
    S: SessionStore + 'static,
    F: AsyncFn() -> Fixture<S>,
{
    if let Err(broken) = check_session_store(fixture).await {
        panic!("{broken}");
    }
}

/// Tests a store as [`session_store_contract`] does, but returns the broken rule instead of panicking.
///
/// # Errors
/// The first rule that the store breaks.
///
/// # Panics
/// Panics outside a multi-thread tokio runtime.
pub async fn check_session_store<S, F>(fixture: F) -> Result<(), BrokenRule>
where
    S: SessionStore + 'static,
    F: AsyncFn() -> Fixture<S>,
{
    let runtime = Handle::current();
    assert!(
        runtime.runtime_flavor() == RuntimeFlavor::MultiThread && runtime.metrics().num_workers() > 1,
        "the suite for session stores requires several threads: use #[tokio::test(flavor = \"multi_thread\", worker_threads = 2)]"
    );
    let bench = async || Bench::new(fixture().await);
    sessions::found_as_opened(&bench().await?).await?;
    exchange::check(&bench().await?).await?;
    sessions::ended_by_subject_and_scope(&bench().await?).await?;
    sessions::listed_newest_first(&bench().await?).await?;
    sessions::capped(&bench().await?).await?;
    sessions::removed_when_expired(&bench().await?).await?;
    subjects::check(&bench().await?).await?;
    abandoned::check(&bench().await?).await?;
    parallel::many_exchanges_of_one_token(&bench().await?).await?;
    parallel::an_end_beside_exchanges(&bench().await?).await?;
    parallel::many_ends(&bench().await?).await
}

/// The ended sessions of a call that ended none.
const NONE: [Uuid; 0] = [];

/// Returns a time this many seconds after a fixed moment. It has microseconds, which stores must retain.
fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds) + Duration::from_micros(123_457)
}

/// A store under test, with the values needed to call it.
struct Bench<S> {
    store: Arc<S>,
    chain: Arc<TokenChain>,
    ada: String,
    bob: String,
    accepts_any: bool,
}

impl<S: SessionStore + 'static> Bench<S> {
    fn new(fixture: Fixture<S>) -> Checked<Self> {
        let secret = Secret::new([7; 32]).map_err(|error| Rule::NoErrors.breaks(error.to_string()))?;
        let accepts_any = fixture.subjects == Subjects::Any;
        let [ada, bob] = match fixture.subjects {
            Subjects::Any => ["ada", "bob"].map(str::to_owned),
            Subjects::Only(known) => known,
        };
        Ok(Self { store: Arc::new(fixture.store), chain: Arc::new(TokenChain::new(&secret)), ada, bob, accepts_any })
    }

    fn digest(&self, session_id: Uuid, generation: u32) -> Digest {
        TokenChain::digest(&self.chain.token_id(session_id, generation))
    }

    /// Creates a session of this subject that begins at `created` and expires `expires` seconds later.
    fn session(&self, subject: &str, created: u64, expires: u64) -> NewSession {
        let created_at = at(created);
        let since_epoch = created_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = Uuid::new_v7(Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos()));
        NewSession {
            id,
            subject: subject.to_owned(),
            created_at,
            expires_at: at(created + expires),
            digest: self.digest(id, 0),
            client: Client { ip: Some("192.0.2.7".to_owned()), user_agent: Some("Contract/1 ☂".to_owned()) },
        }
    }

    /// Opens a session for Ada at 0 that expires at 1,000.
    async fn open(&self) -> Checked<NewSession> {
        let session = self.session(&self.ada, 0, 1_000);
        Rule::OpenCap.is(&*self.keep(&session, 10_000).await?, &NONE, "fewer sessions than the cap")?;
        Ok(session)
    }

    async fn keep(&self, session: &NewSession, cap: usize) -> Checked<Vec<Uuid>> {
        works("open", self.store.open(session, cap).await)
    }

    fn request(&self, session_id: Uuid, generation: u32, now: u64) -> Exchange {
        Exchange {
            session_id,
            digest: self.digest(session_id, generation),
            retry_key: None,
            used_since: None,
            now: at(now),
            chain: Arc::clone(&self.chain),
        }
    }

    /// Exchanges the token of this generation.
    async fn exchange(&self, session: &NewSession, generation: u32, now: u64) -> Checked<Exchanged> {
        self.ask(&self.request(session.id, generation, now)).await
    }

    async fn ask(&self, exchange: &Exchange) -> Checked<Exchanged> {
        works("exchange", self.store.exchange(exchange).await)
    }

    /// Exchanges the token of this generation, which must succeed.
    async fn done(&self, session: &NewSession, generation: u32, now: u64, case: &str) -> Checked {
        let done = Exchanged::Done { generation: generation + 1 };
        Rule::Done.is(self.exchange(session, generation, now).await?, done, case)
    }

    async fn spent(&self, session: &NewSession, generation: u32, now: u64) -> Checked<Spent> {
        match self.exchange(session, generation, now).await? {
            Exchanged::Spent(spent) => Ok(spent),
            other => Err(Rule::Spent.breaks(format!("token {generation}, consumed before, was {other:?}"))),
        }
    }

    async fn end(&self, subject: &str, scope: EndScope) -> Checked<Vec<Uuid>> {
        let mut ended = works("end", self.store.end(subject, scope, EndReason::Logout, at(500)).await)?;
        ended.sort();
        Ok(ended)
    }

    async fn find(&self, id: Uuid) -> Checked<Option<SessionInfo>> {
        works("find", self.store.find(id).await)
    }

    async fn found(&self, id: Uuid) -> Checked<SessionInfo> {
        let found = self.find(id).await?;
        found.ok_or_else(|| Rule::Find.breaks(format!("session {id} was not found")))
    }

    async fn listed(&self, subject: &str, now: u64) -> Checked<Vec<Uuid>> {
        let list = works("list", self.store.list(subject, at(now)).await)?;
        Ok(list.into_iter().map(|session| session.id).collect())
    }

    async fn remove(&self, before: u64, limit: usize) -> Checked<usize> {
        works("remove_expired", self.store.remove_expired(at(before), limit).await)
    }
}

fn works<T, E: std::error::Error>(method: &str, result: Result<T, E>) -> Checked<T> {
    result.map_err(|error| Rule::NoErrors.breaks(format!("{method} failed: {error}")))
}
