//! Consecutive wrong passwords, counted in this process. The first five are free. Each further one doubles the delay
//! before the next attempt, and is counted before it is verified, so concurrent attempts gain nothing.

use std::time::Duration;

use async_trait::async_trait;
use governor::clock::Clock;
use keepstone_service::{Admission, Decision, Guess, LoginThrottle, Outcome, Target};

use crate::{
    table::{CAPACITY, Fading, Table},
    uptime::Uptime,
};

/// The number of free failures in a row, because users mistype.
const FREE: u32 = 5;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(15);
/// How long free failures are stored: waiting this long gains no more than continuing slowly would.
const FORGET_FREE: Duration = Duration::from_hours(1);
const FORGET: Duration = Duration::from_hours(24);

/// A login throttle that counts in this process.
pub struct ProcessLoginThrottle<C: Clock<Instant = Duration> = Uptime> {
    table: Table<Target, Failures>,
    clock: C,
}

/// Consecutive failures.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Duration,
    closed_until: Duration,
}

impl Failures {
    const NONE: Self = Self { count: 0, last: Duration::ZERO, closed_until: Duration::ZERO };

    fn one_more(self, now: Duration) -> Self {
        Self { count: self.count.saturating_add(1), ..self }.closed_from(now)
    }

    /// Starts the delay now.
    fn closed_from(self, now: Duration) -> Self {
        let delay = self.count.checked_sub(FREE).map(|doublings| SHORTEST * (1 << doublings.min(10)));
        Self { last: now, closed_until: now + delay.unwrap_or_default().min(LONGEST), ..self }
    }

    /// Removes the last failure.
    fn one_less(self, now: Duration) -> Self {
        Self { count: self.count.saturating_sub(1), closed_until: now, ..self }
    }
}

impl Fading for Failures {
    fn fades_at(&self) -> Duration {
        self.last + if self.count < FREE { FORGET_FREE } else { FORGET }
    }
}

impl Default for ProcessLoginThrottle {
    fn default() -> Self {
        Self::with_clock(Uptime::default())
    }
}

impl<C: Clock<Instant = Duration>> ProcessLoginThrottle<C> {
    fn with_clock(clock: C) -> Self {
        Self { table: Table::new(CAPACITY), clock }
    }
}

#[async_trait]
impl<C: Clock<Instant = Duration> + Send + Sync> LoginThrottle for ProcessLoginThrottle<C> {
    async fn admit(&self, target: &Target) -> Result<Admission, Decision> {
        let now = self.clock.now();
        self.table.sweep(now);
        self.table.update(target, |failures| match failures.filter(|failures| now < failures.fades_at()) {
            Some(failures) if now < failures.closed_until => {
                let retry_after = failures.closed_until.saturating_sub(now);
                let outcome = Outcome::Refused { retry_after };
                (Err(Decision { outcome, limit: FREE, remaining: 0, reset: retry_after }), Some(failures))
            }
            Some(failures) if failures.count >= FREE => (Ok(Admission::Charged), Some(failures.one_more(now))),
            failures => (Ok(Admission::Free), failures),
        })
    }

    async fn settle(&self, target: &Target, admission: Admission, guess: Guess) {
        let now = self.clock.now();
        self.table.update(target, |failures| {
            let next = match (guess, admission) {
                (Guess::Right, _) => None,
                (Guess::Wrong, Admission::Free) => Some(failures.unwrap_or(Failures::NONE).one_more(now)),
                (Guess::Wrong, Admission::Charged) => failures.map(|failures| failures.closed_from(now)),
                (Guess::Unknown, Admission::Free) => failures,
                (Guess::Unknown, Admission::Charged) => failures.map(|failures| failures.one_less(now)),
            };
            ((), next)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{future::ready, net::IpAddr, sync::Arc};

    use keepstone_domain::Login;
    use keepstone_service::{Error, PasswordGuard};

    use super::*;
    use crate::uptime::fake::Moved;

    const HERE: &str = "192.0.2.1";
    const THERE: &str = "192.0.2.2";

    /// A server whose accounts all have the password "right".
    struct Server {
        guard: PasswordGuard,
        clock: Moved,
    }

    impl Server {
        fn new() -> Self {
            let clock = Moved::default();
            let throttle = Arc::new(ProcessLoginThrottle::with_clock(clock.clone()));
            Self { guard: PasswordGuard::new(Some(throttle), [7; 64]), clock }
        }

        /// Returns the seconds to wait if the attempt was rejected, otherwise whether the password was right.
        async fn guess(&self, name: &str, from: &str, password: &str) -> Result<bool, u64> {
            self.answer(name, from, if password == "right" { Ok(()) } else { Err(Error::InvalidCredentials) }).await
        }

        async fn answer(&self, name: &str, from: &str, answer: Result<(), Error>) -> Result<bool, u64> {
            let (login, from) = (Login::parse(name), from.parse::<IpAddr>().unwrap());
            match self.guard.watch(login.as_ref(), Some(from), ready(answer)).await {
                Ok(()) => Ok(true),
                Err(Error::TooManyRequests(Decision { outcome: Outcome::Refused { retry_after }, .. })) => {
                    Err(retry_after.as_secs())
                }
                Err(_) => Ok(false),
            }
        }

        /// Sends wrong passwords until an attempt is rejected, and returns the time to wait.
        async fn exhaust(&self, name: &str, from: &str) -> u64 {
            for _ in 0..100 {
                if let Err(seconds) = self.guess(name, from, "wrong").await {
                    return seconds;
                }
            }
            panic!("never rejected");
        }
    }

    #[tokio::test]
    async fn each_failure_after_five_doubles_the_delay_up_to_15_minutes() {
        let server = Server::new();
        for _ in 0..5 {
            assert_eq!(server.guess("ada", HERE, "wrong").await, Ok(false));
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
            assert_eq!(server.guess("ada", HERE, "right").await, Err(wait), "the right password is rejected, too");
            server.clock.by(Duration::from_millis(wait * 1000 - 1));
            assert_eq!(server.guess("ada", HERE, "wrong").await, Err(0));
            server.clock.by(Duration::from_millis(1));
            assert_eq!(server.guess("ada", HERE, "wrong").await, Ok(false));
        }
        server.clock.by(LONGEST);
        assert_eq!(server.guess("ada", HERE, "right").await, Ok(true));
        assert_eq!(server.guess("ada", HERE, "wrong").await, Ok(false), "the count starts again");
    }

    #[tokio::test]
    async fn one_network_gets_about_a_hundred_guesses_a_day() {
        let server = Server::new();
        let mut guesses = 0;
        for _ in 0..24 * 60 * 60 {
            while server.guess("ada", HERE, "wrong").await == Ok(false) {
                guesses += 1;
            }
            server.clock.by(Duration::from_secs(1));
        }
        assert!((100..=115).contains(&guesses), "{guesses}");
    }

    #[tokio::test]
    async fn other_networks_and_other_names_are_not_throttled() {
        let server = Server::new();
        server.exhaust("ada", HERE).await;
        assert_eq!(server.guess("ada", THERE, "right").await, Ok(true));
        assert_eq!(server.guess("bob", HERE, "right").await, Ok(true));
        assert_eq!(server.guess("ada", HERE, "right").await, Err(1), "the other logins have not reset this count");
    }

    #[tokio::test]
    async fn a_login_to_another_account_does_not_reset_the_count() {
        let server = Server::new();
        for _ in 0..5 {
            assert_eq!(server.guess("victim", HERE, "wrong").await, Ok(false));
            assert_eq!(server.guess("attacker", HERE, "right").await, Ok(true));
        }
        assert_eq!(server.guess("victim", HERE, "wrong").await, Err(1));
    }

    #[tokio::test]
    async fn an_attempt_that_was_not_verified_is_not_a_failure() {
        let server = Server::new();
        let busy = || Err(Error::Overloaded { retry_after: SHORTEST });
        for _ in 0..20 {
            assert_eq!(server.answer("ada", HERE, busy()).await, Ok(false));
        }
        server.exhaust("ada", HERE).await;
        server.clock.by(SHORTEST);
        assert_eq!(server.answer("ada", HERE, busy()).await, Ok(false));
        assert_eq!(server.guess("ada", HERE, "right").await, Ok(true));
    }

    #[tokio::test]
    async fn one_of_several_concurrent_attempts_is_admitted_while_throttled() {
        let server = Server::new();
        server.exhaust("ada", HERE).await;
        server.clock.by(SHORTEST);
        let login = Login::parse("ada");
        let from = Some(HERE.parse().unwrap());
        let slow = server.guard.watch(login.as_ref(), from, async {
            assert_eq!(server.guess("ada", HERE, "right").await, Err(2), "while another attempt is running");
            Err::<(), _>(Error::InvalidCredentials)
        });
        assert!(slow.await.is_err());
    }

    #[tokio::test]
    async fn free_failures_expire_after_an_hour() {
        let server = Server::new();
        for _ in 0..4 {
            server.guess("ada", HERE, "wrong").await.unwrap();
        }
        server.clock.by(FORGET_FREE);
        for _ in 0..5 {
            assert_eq!(server.guess("ada", HERE, "wrong").await, Ok(false));
        }
        assert_eq!(server.guess("ada", HERE, "wrong").await, Err(1));
    }
}
