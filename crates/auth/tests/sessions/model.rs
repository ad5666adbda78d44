//! Compares sessions with a simple model: a list of tokens, and the rules of the contract. The model identifies every
//! token by its text, and does not use digests, generations or stores.
#![expect(clippy::unwrap_used, reason = "the store of this test does not fail where it is unwrapped")]

use std::time::{Duration, SystemTime};

use keepstone_auth::error::{RefreshError, TokenError};
use keepstone_auth::session::{EndReason, EndScope, SessionPolicy};
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use crate::support::*;

const SUBJECTS: [&str; 2] = ["ada", "bob"];
const KEYS: [Option<&str>; 4] = [None, None, Some("k"), Some("other")];

#[derive(Debug, Clone)]
enum Step {
    LogIn(Index),
    /// Any token ever issued.
    Refresh {
        token: Index,
        key: Index,
    },
    /// A session's newest token, as a well-behaved client sends it.
    RefreshNewest {
        session: Index,
        key: Index,
    },
    /// The token consumed last, as a client sends it after a lost response.
    Retry {
        session: Index,
        key: Index,
    },
    Garbage(String),
    LogOut {
        session: Index,
        as_subject: Index,
    },
    EndAll(Index),
    EndAllBut(Index),
    Wait(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let wait =
        prop::sample::select(vec![1, 1, 400, 3_000, 9_999, 10_000, 20_000, 60_000, 60_001, 86_400_000, 500_000_000]);
    let index = any::<Index>;
    prop_oneof![
        2 => index().prop_map(Step::LogIn),
        4 => (index(), index()).prop_map(|(token, key)| Step::Refresh { token, key }),
        8 => (index(), index()).prop_map(|(session, key)| Step::RefreshNewest { session, key }),
        4 => (index(), index()).prop_map(|(session, key)| Step::Retry { session, key }),
        1 => "[a-zA-Z0-9._-]{0,80}".prop_map(Step::Garbage),
        1 => (index(), index()).prop_map(|(session, as_subject)| Step::LogOut { session, as_subject }),
        1 => index().prop_map(Step::EndAll),
        1 => index().prop_map(Step::EndAllBut),
        8 => wait.prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ]
}

fn policy() -> impl Strategy<Value = SessionPolicy> {
    let grace = prop::sample::select(vec![0, 0, 10, 60]).prop_map(Duration::from_secs);
    let idle = prop::option::of(Just(2 * DAY));
    let cap = prop::sample::select(vec![2, 100]);
    (grace, idle, cap).prop_map(|(grace, idle, cap)| SessionPolicy { grace, idle, cap, ..SessionPolicy::default() })
}

/// When a token was consumed, and with which key.
#[derive(Debug, Clone, Copy)]
struct Use {
    at: SystemTime,
    key: Option<&'static str>,
}

#[derive(Debug)]
struct Chain {
    id: Uuid,
    subject: &'static str,
    expires: SystemTime,
    used: SystemTime,
    ended: bool,
    tokens: Vec<(String, Option<Use>)>,
}

impl Chain {
    fn is_live(&self, now: SystemTime) -> bool {
        !self.ended && now < self.expires
    }
}

struct World {
    house: House,
    policy: SessionPolicy,
    chains: Vec<Chain>,
}

impl World {
    fn new(policy: SessionPolicy) -> Self {
        Self { house: house_with(policy, Clock::ticking(Duration::ZERO)), policy, chains: Vec::new() }
    }

    fn now(&self) -> SystemTime {
        self.house.clock.now()
    }

    async fn log_in(&mut self, subject: &'static str) {
        // Of two logins at the same time, the random id determines which counts as older.
        self.house.clock.advance(Duration::from_millis(1));
        let (now, tokens) = (self.now(), self.house.log_in(subject).await);
        let chain = Chain {
            id: tokens.session_id,
            subject,
            expires: SystemTime::UNIX_EPOCH
                + Duration::from_secs(self.house.claims(&refresh_token(&tokens)).expires_at),
            used: now,
            ended: false,
            tokens: vec![(refresh_token(&tokens), None)],
        };
        self.chains.push(chain);
        let mut live = self.chains.iter_mut().filter(|chain| chain.subject == subject && chain.is_live(now)).rev();
        let _ = live.by_ref().take(self.policy.cap).count();
        live.for_each(|chain| chain.ended = true);
    }

    /// Refreshes with the token at this position, and compares the result with that of the model.
    async fn refresh(&mut self, (c, t): (usize, usize), key: Option<&'static str>) {
        let now = self.now();
        let token = self.chains[c].tokens[t].0.clone();
        let answer = self.house.refresh_with(&token, key).await;
        let expected = self.expect((c, t), now, key);
        match (expected, answer) {
            (Expected::Successor, Ok(successor)) => {
                assert!(self.tokens().all(|known| *known != successor), "a successor that already existed");
                let chain = &mut self.chains[c];
                chain.tokens[t].1 = Some(Use { at: now, key });
                chain.tokens.push((successor, None));
                chain.used = now;
            }
            (Expected::Again, Ok(successor)) => assert_eq!(successor, self.chains[c].tokens[t + 1].0),
            (Expected::Refused(expected), Err(refused)) => {
                assert_eq!(refused, expected);
                if refused == Refused::Session(RefreshError::Reused { ended_now: true }) {
                    self.chains[c].ended = true;
                }
            }
            (expected, answer) => panic!("expected {expected:?}, got {answer:?}"),
        }
    }

    /// Returns the result that the contract requires.
    fn expect(&self, (c, t): (usize, usize), now: SystemTime, key: Option<&str>) -> Expected {
        let chain = &self.chains[c];
        let refuse = |error| Expected::Refused(Refused::Session(error));
        if now >= chain.expires {
            return Expected::Refused(Refused::Token(TokenError::Expired));
        }
        if chain.ended {
            return refuse(RefreshError::Revoked);
        }
        let Some(used) = chain.tokens[t].1 else {
            let idle = self.policy.idle.is_some_and(|idle| now > chain.used + idle);
            return if idle { refuse(RefreshError::Expired) } else { Expected::Successor };
        };
        let minute = Duration::from_mins(1);
        if key.is_some() && key == used.key && now <= used.at + minute {
            return Expected::Again;
        }
        let is_predecessor = t + 2 == chain.tokens.len();
        if !self.policy.grace.is_zero() && is_predecessor && now <= used.at + self.policy.grace {
            return Expected::Again;
        }
        refuse(RefreshError::Reused { ended_now: true })
    }

    fn tokens(&self) -> impl Iterator<Item = &String> {
        self.chains.iter().flat_map(|chain| &chain.tokens).map(|(token, _)| token)
    }

    async fn end(&mut self, subject: &str, scope: EndScope) {
        let now = self.now();
        let ended = self.house.sessions.end(subject, scope, EndReason::Revoked).await.unwrap();
        for chain in &mut self.chains {
            let meant = chain.subject == subject && scope.contains(chain.id);
            if chain.is_live(now) {
                assert_eq!(ended.contains(&chain.id), meant);
            }
            chain.ended |= meant;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::LogIn(subject) => self.log_in(SUBJECTS[subject.index(2)]).await,
            Step::Wait(time) => self.house.clock.advance(time),
            Step::EndAll(subject) => self.end(SUBJECTS[subject.index(2)], EndScope::All).await,
            Step::Garbage(text) => {
                let refused = self.house.refresh(&text).await;
                assert!(matches!(refused, Err(Refused::Token(TokenError::Invalid(_)))));
            }
            _ if self.chains.is_empty() => {}
            Step::Refresh { token, key } => {
                let all: Vec<_> = self
                    .chains
                    .iter()
                    .enumerate()
                    .flat_map(|(c, chain)| (0..chain.tokens.len()).map(move |t| (c, t)))
                    .collect();
                self.refresh(all[token.index(all.len())], *key.get(&KEYS)).await;
            }
            Step::RefreshNewest { session, key } => {
                let c = session.index(self.chains.len());
                self.refresh((c, self.chains[c].tokens.len() - 1), *key.get(&KEYS)).await;
            }
            Step::Retry { session, key } => {
                let c = session.index(self.chains.len());
                let t = self.chains[c].tokens.len().saturating_sub(2);
                self.refresh((c, t), *key.get(&KEYS)).await;
            }
            Step::LogOut { session, as_subject } => {
                let id = self.chains[session.index(self.chains.len())].id;
                self.end(SUBJECTS[as_subject.index(2)], EndScope::One(id)).await;
            }
            Step::EndAllBut(session) => {
                let (id, subject) = {
                    let chain = session.get(&self.chains);
                    (chain.id, chain.subject)
                };
                self.end(subject, EndScope::AllBut(id)).await;
            }
        }
    }

    /// Checks that the list equals that of the model, and that other sessions are not live.
    async fn compare(&self) {
        let now = self.now();
        for subject in SUBJECTS {
            let mut listed: Vec<_> = self.house.sessions.list(subject).await.unwrap();
            listed.sort_by_key(|info| info.id);
            let idle = |chain: &Chain| self.policy.idle.is_some_and(|idle| now > chain.used + idle);
            let live = |chain: &&Chain| chain.subject == subject && chain.is_live(now) && !idle(chain);
            let mut expected: Vec<_> = self.chains.iter().filter(live).map(|chain| (chain.id, chain.used)).collect();
            expected.sort();
            assert_eq!(listed.iter().map(|info| (info.id, info.last_used_at)).collect::<Vec<_>>(), expected);
        }
    }
}

#[derive(Debug)]
enum Expected {
    /// A token that was never returned before.
    Successor,
    /// The existing successor, byte for byte.
    Again,
    Refused(Refused),
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250) })]

    #[test]
    fn no_sequence_of_requests_violates_the_contract(policy in policy(), steps in prop::collection::vec(step(), 10..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(policy);
            for step in steps {
                world.step(step).await;
                world.compare().await;
            }
            // Finally uses every token, newest first: the replay of an old token would end the session of a fresh one.
            for c in 0..world.chains.len() {
                for t in (0..world.chains[c].tokens.len()).rev() {
                    world.refresh((c, t), None).await;
                }
            }
            world.compare().await;
        });
    }
}
