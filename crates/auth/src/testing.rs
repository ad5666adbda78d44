//! What any session store must do, for whoever writes one. The rule: only what [`SessionStore`] promises is asked, and
//! every part has a store of its own.
#![expect(clippy::expect_used, clippy::panic, reason = "a promise that is not kept is a panic: these are tests")]

mod chain;
mod parallel;
mod sessions;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::{NoContext, Timestamp, Uuid};

use crate::session::{Client, Digest, EndReason, EndScope, Exchange, Exchanged, NewSession, SessionStore, Spent};
use crate::token::{Secret, TokenChain};

/// A store to test.
#[derive(Debug)]
pub struct Fixture<S> {
    /// Without any session.
    pub store: S,
    /// Two subjects that the store takes sessions of.
    pub subjects: [String; 2],
}

/// Tests a store against everything that [`SessionStore`] promises; some thousand exchanges, a few of them 50 at once,
/// in parallel if the runtime has several threads. It asks for a fresh fixture a dozen times.
///
/// ```
/// use keepstone_auth::session::MemorySessionStore;
/// use keepstone_auth::testing::{Fixture, session_store_contract};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// session_store_contract(async || Fixture {
///     store: MemorySessionStore::default(),
///     subjects: ["ada".to_owned(), "bob".to_owned()],
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
/// At the first promise that is not kept.
pub async fn session_store_contract<S, F>(fixture: F)
where
    S: SessionStore + 'static,
    F: AsyncFn() -> Fixture<S>,
{
    let bench = async || Bench::new(fixture().await);
    chain::a_token_is_exchanged_once(&bench().await).await;
    chain::a_spent_token_tells_what_became_of_it(&bench().await).await;
    chain::what_is_not_there_is_unknown(&bench().await).await;
    chain::a_session_expires(&bench().await).await;
    chain::an_idle_session_expires(&bench().await).await;
    sessions::a_session_is_found_as_it_was_kept(&bench().await).await;
    sessions::ending_is_for_the_subject_and_the_scope(&bench().await).await;
    sessions::the_newest_comes_first(&bench().await).await;
    sessions::the_oldest_give_way(&bench().await).await;
    sessions::only_expired_sessions_are_removed(&bench().await).await;
    parallel::many_exchanges_of_one_token_have_one_successor(&bench().await).await;
    parallel::an_end_beside_exchanges_leaves_no_usable_token(&bench().await).await;
    parallel::many_ends_tell_of_a_session_once(&bench().await).await;
}

/// What ended, when nothing did.
const NONE: [Uuid; 0] = [];

/// Some point in time, this much later: with microseconds, which have to be kept.
fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds) + Duration::from_micros(123_457)
}

/// A store, and what is needed to talk to it.
struct Bench<S> {
    store: Arc<S>,
    chain: Arc<TokenChain>,
    ada: String,
    bob: String,
}

impl<S: SessionStore + 'static> Bench<S> {
    fn new(fixture: Fixture<S>) -> Self {
        let secret = Secret::new([7; 32]).expect("32 bytes");
        let [ada, bob] = fixture.subjects;
        Self { store: Arc::new(fixture.store), chain: Arc::new(TokenChain::new(&secret)), ada, bob }
    }

    fn digest(&self, session_id: Uuid, generation: u32) -> Digest {
        TokenChain::digest(&self.chain.token_id(session_id, generation))
    }

    /// A session of this subject that begins `created` and expires `expires` seconds later.
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

    /// Opens a session of Ada's at 0 that expires at 1,000.
    async fn open(&self) -> NewSession {
        let session = self.session(&self.ada, 0, 1_000);
        assert_eq!(self.keep(&session, 100).await, NONE, "one session of a hundred ended another");
        session
    }

    async fn keep(&self, session: &NewSession, cap: usize) -> Vec<Uuid> {
        self.store.open(session, cap).await.expect("open")
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

    /// Comes with the token of this generation.
    async fn exchange(&self, session: &NewSession, generation: u32, now: u64) -> Exchanged {
        self.ask(&self.request(session.id, generation, now)).await
    }

    async fn ask(&self, exchange: &Exchange) -> Exchanged {
        self.store.exchange(exchange).await.expect("exchange")
    }

    async fn spent(&self, session: &NewSession, generation: u32, now: u64) -> Spent {
        match self.exchange(session, generation, now).await {
            Exchanged::Spent(spent) => spent,
            other => panic!("generation {generation} was consumed, and still it was {other:?}"),
        }
    }

    async fn end(&self, subject: &str, scope: EndScope) -> Vec<Uuid> {
        let mut ended = self.store.end(subject, scope, EndReason::Logout, at(500)).await.expect("end");
        ended.sort();
        ended
    }

    async fn listed(&self, subject: &str, now: u64) -> Vec<Uuid> {
        let list = self.store.list(subject, at(now)).await.expect("list");
        list.into_iter().map(|session| session.id).collect()
    }
}
