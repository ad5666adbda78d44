//! Rate limits, counted in this process. Each limit is a token bucket (GCRA, from `governor`): a full burst at once,
//! then one request for each fraction of the period. The table is our own, because those of `governor` have no bound.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use governor::{
    RateLimiter as Gcra, clock::Clock, middleware::StateInformationMiddleware, nanos::Nanos, state::StateStore,
};
use keepstone_service::{Decision, Key, Limit, Outcome, Quota, Quotas, RateLimiter};

use crate::{
    table::{CAPACITY, Fading, Table},
    uptime::Uptime,
};

/// A limit and the client that it counts for.
type Counted = (Limit, Key);
type Counter<C> = Gcra<Counted, Counters, C, StateInformationMiddleware>;

/// A rate limiter that counts in this process.
pub struct ProcessRateLimiter<C: Clock<Instant = Duration> = Uptime> {
    counters: Counters,
    clock: C,
    limits: HashMap<Limit, Counter<C>>,
}

/// The counters of all limits, which share one bound.
#[derive(Clone)]
struct Counters(Arc<Table<Counted, FullAgain>>);

/// The time at which a bucket is full again, which is its whole state.
#[derive(Clone, Copy)]
struct FullAgain(Nanos);

impl Fading for FullAgain {
    fn fades_at(&self) -> Duration {
        self.0.into()
    }
}

impl StateStore for Counters {
    type Key = Counted;

    fn measure_and_replace<T, F, E>(&self, key: &Counted, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.update(key, |old| match change(old.map(|FullAgain(time)| time)) {
            Ok((allowed, time)) => (Ok(allowed), Some(FullAgain(time))),
            Err(refused) => (Err(refused), old),
        })
    }
}

impl ProcessRateLimiter {
    /// Creates a limiter with these quotas and no counted requests.
    #[must_use]
    pub fn new(quotas: &Quotas) -> Self {
        Self::with_clock(quotas, Uptime::default())
    }
}

impl<C: Clock<Instant = Duration> + Clone> ProcessRateLimiter<C> {
    fn with_clock(quotas: &Quotas, clock: C) -> Self {
        let counters = Counters(Arc::new(Table::new(CAPACITY)));
        let counter = |quota| Counter::new(quota, counters.clone(), clock.clone()).with_middleware();
        let limits = Limit::ALL.into_iter().filter_map(|limit| Some((limit, counter(rate(quotas.of(limit)?)))));
        Self { limits: limits.collect(), counters, clock }
    }
}

#[async_trait]
impl<C: Clock<Instant = Duration> + Clone + Send + Sync> RateLimiter for ProcessRateLimiter<C> {
    async fn check(&self, limit: Limit, key: &Key) -> Option<Decision> {
        self.counters.0.sweep(self.clock.now());
        Some(match self.limits.get(&limit)?.check_key(&(limit, *key)) {
            Ok(state) => {
                let (quota, remaining) = (state.quota(), state.remaining_burst_capacity());
                let limit = quota.burst_size().get();
                let reset = quota.replenish_interval() * limit.saturating_sub(remaining);
                Decision { outcome: Outcome::Allowed, limit, remaining, reset }
            }
            Err(refused) => {
                let (quota, retry_after) = (refused.quota(), refused.wait_time_from(self.clock.now()));
                let limit = quota.burst_size().get();
                let reset = retry_after + quota.replenish_interval() * (limit - 1);
                Decision { outcome: Outcome::Refused { retry_after }, limit, remaining: 0, reset }
            }
        })
    }
}

fn rate(Quota { amount, period }: Quota) -> governor::Quota {
    let each = period / amount.get();
    // A period too short to be divided would not limit anything relevant.
    governor::Quota::with_period(each).unwrap_or(governor::Quota::per_second(amount)).allow_burst(amount)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;
    use crate::uptime::fake::Moved;

    const LOGINS: u32 = 10;

    fn limiter() -> (ProcessRateLimiter<Moved>, Moved) {
        let clock = Moved::default();
        (ProcessRateLimiter::with_clock(&Quotas::strict(), clock.clone()), clock)
    }

    fn key(address: &str) -> Key {
        Key::address(Some(address.parse().unwrap()))
    }

    async fn is_allowed(limiter: &ProcessRateLimiter<Moved>, limit: Limit, key: &Key) -> bool {
        limiter.check(limit, key).await.unwrap().outcome == Outcome::Allowed
    }

    #[tokio::test]
    async fn requests_above_the_limit_are_rejected_with_a_retry_time() {
        let (limiter, clock) = limiter();
        let key = key("192.0.2.1");
        for number in 1..=LOGINS {
            let decision = limiter.check(Limit::Login, &key).await.unwrap();
            assert_eq!(decision.outcome, Outcome::Allowed);
            assert_eq!((decision.limit, decision.remaining), (LOGINS, LOGINS - number));
            assert_eq!(decision.reset, Duration::from_secs(6) * number);
        }
        for _ in 0..3 {
            let decision = limiter.check(Limit::Login, &key).await.unwrap();
            assert_eq!(decision.outcome, Outcome::Refused { retry_after: Duration::from_secs(6) });
            assert_eq!((decision.limit, decision.remaining), (LOGINS, 0));
            assert_eq!(decision.reset, Duration::from_mins(1), "a rejected request is not counted");
        }
        clock.by(Duration::from_secs(6));
        assert!(is_allowed(&limiter, Limit::Login, &key).await);
        assert!(!is_allowed(&limiter, Limit::Login, &key).await);
        clock.by(Duration::from_hours(1));
        assert_eq!(limiter.check(Limit::Login, &key).await.unwrap().remaining, LOGINS - 1);
    }

    #[tokio::test]
    async fn each_limit_and_each_key_has_its_own_count() {
        let (limiter, _) = limiter();
        let one = key("192.0.2.1");
        while is_allowed(&limiter, Limit::Login, &one).await {}
        assert!(is_allowed(&limiter, Limit::Register, &one).await);
        assert!(is_allowed(&limiter, Limit::Login, &key("192.0.2.2")).await);
        assert!(is_allowed(&limiter, Limit::Login, &Key::address(None)).await);
    }

    #[tokio::test]
    async fn a_disabled_limit_counts_nothing() {
        let quotas = Quotas::strict().with(Limit::Login, None);
        let limiter = ProcessRateLimiter::with_clock(&quotas, Moved::default());
        assert_eq!(limiter.check(Limit::Login, &key("192.0.2.1")).await, None);
        assert!(is_allowed(&limiter, Limit::Register, &key("192.0.2.1")).await);
        assert_eq!(limiter.counters.0.len(), 1);
    }

    #[tokio::test]
    async fn addresses_of_one_ipv6_64_network_share_a_count() {
        let (limiter, _) = limiter();
        let mut passed = 0;
        for host in 0..100_u128 {
            let address = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + (host << 40)));
            passed += u32::from(is_allowed(&limiter, Limit::Login, &Key::address(Some(address))).await);
        }
        assert_eq!(passed, LOGINS);
    }

    #[test]
    fn concurrent_requests_pass_exactly_up_to_the_limit() {
        for _ in 0..50 {
            let (limiter, _) = limiter();
            let key = key("192.0.2.1");
            let check = || {
                let decision = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap()
                    .block_on(async { is_allowed(&limiter, Limit::Login, &key).await });
                u32::from(decision)
            };
            for _ in 1..LOGINS {
                check();
            }
            let passed: u32 = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(check)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(passed, 1);
        }
    }

    #[tokio::test]
    async fn a_million_addresses_take_no_more_memory_than_a_hundred_thousand() {
        let resident = || {
            // Only Linux reports it; elsewhere the test only checks the number of keys.
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
            pages.split(' ').nth(1).map_or(0, |pages| pages.parse::<usize>().unwrap() * 4 / 1024)
        };
        let ((limiter, clock), before) = (limiter(), resident());
        let victim = key("192.0.2.1");
        while is_allowed(&limiter, Limit::Register, &victim).await {}
        for number in 0..1_000_000_u128 {
            let address = IpAddr::V6(Ipv6Addr::from_bits(number << 64));
            limiter.check(Limit::Login, &Key::address(Some(address))).await;
            clock.by(Duration::from_micros(10));
        }
        let (keys, grown) = (limiter.counters.0.len(), resident().saturating_sub(before));
        assert!(keys <= CAPACITY && grown < 48, "{keys} keys, {grown} MiB more");
        assert!(!is_allowed(&limiter, Limit::Register, &victim).await, "a rejected client is not evicted");
        clock.by(Duration::from_hours(2));
        limiter.check(Limit::Login, &victim).await;
        assert_eq!(limiter.counters.0.len(), 1);
    }
}
