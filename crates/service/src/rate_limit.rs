//! How often something may be asked for: what is limited, for whom, and what the answer is. How it is counted is for
//! the adapters. A key is typed, and never what somebody typed.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use keepstone_domain::{SessionId, UserId};

use crate::{Error, Result};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Everything that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Attempts to log in, right or wrong.
    Login,
    /// Attempts to sign up.
    Register,
    /// Requests to refresh, before it is known whose.
    RefreshRequest,
    /// Refreshes of one session, or those without one from one address.
    Refresh,
    /// Whatever else takes a password or a token that was mailed.
    Password,
    /// Whatever else there is about getting in and out.
    Session,
    /// E-mails to one address that anybody can have sent there.
    Mailbox,
    /// Changes of one's own address, each of which is an e-mail to wherever somebody likes.
    EmailChange,
    /// E-mails that somebody writes.
    Letter,
    /// Asking for everything at once.
    Export,
}

impl Limit {
    /// Every limit there is.
    pub const ALL: [Self; 10] = [
        Self::Login,
        Self::Register,
        Self::RefreshRequest,
        Self::Refresh,
        Self::Password,
        Self::Session,
        Self::Mailbox,
        Self::EmailChange,
        Self::Letter,
        Self::Export,
    ];
}

/// So many at once, and then as many again over this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub amount: NonZeroU32,
    /// In which time.
    pub period: Duration,
}

impl Quota {
    const fn new(amount: u32, period: Duration) -> Self {
        let amount = match NonZeroU32::new(amount) {
            Some(amount) => amount,
            None => NonZeroU32::MIN,
        };
        Self { amount, period }
    }
}

/// The quota of each limit that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas(HashMap<Limit, Quota>);

impl Quotas {
    /// Those of a server that anyone can reach.
    #[must_use]
    pub fn strict() -> Self {
        Self(Limit::ALL.into_iter().map(|limit| (limit, strict(limit))).collect())
    }

    /// Those of a developer's machine: they only stop runaway loops.
    #[must_use]
    pub fn generous() -> Self {
        Self(Limit::ALL.into_iter().map(|limit| (limit, Quota::new(600, MINUTE))).collect())
    }

    /// With another quota of one limit; `None` is no limit.
    #[must_use]
    pub fn with(mut self, limit: Limit, quota: Option<Quota>) -> Self {
        match quota {
            Some(quota) => self.0.insert(limit, quota),
            None => self.0.remove(&limit),
        };
        self
    }

    /// The quota of one limit, if it holds.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<Quota> {
        self.0.get(&limit).copied()
    }
}

const fn strict(limit: Limit) -> Quota {
    match limit {
        Limit::Login | Limit::Password => Quota::new(10, MINUTE),
        Limit::Register | Limit::Mailbox | Limit::EmailChange => Quota::new(5, HOUR),
        Limit::Letter => Quota::new(60, HOUR),
        Limit::Export => Quota::new(10, HOUR),
        Limit::Refresh => Quota::new(60, MINUTE),
        Limit::Session => Quota::new(300, MINUTE),
        Limit::RefreshRequest => Quota::new(600, MINUTE),
    }
}

/// The part of an address that one client has to itself: all of IPv4's, the first 64 bits of IPv6's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPrefix(IpAddr);

impl From<IpAddr> for AddressPrefix {
    /// An IPv4 address that is written as one of IPv6 is that IPv4 address.
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

/// Who is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Whoever asks from there; `None` is everybody of whom no address is known.
    Address(Option<AddressPrefix>),
    /// Whoever has this session's tokens.
    Session(SessionId),
    /// Whoever has this account.
    User(UserId),
    /// Whoever has this mailbox, known by a keyed digest of its address.
    Mailbox([u8; 32]),
}

impl Key {
    /// Whoever asks from this address.
    #[must_use]
    pub fn address(address: Option<IpAddr>) -> Self {
        Self::Address(address.map(AddressPrefix::from))
    }
}

/// What a limiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub outcome: Outcome,
    /// How many requests may come at once.
    pub limit: u32,
    /// How many of these are left.
    pub remaining: u32,
    /// In which time all of them are there again.
    pub reset: Duration,
}

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It may, and has been counted.
    Allowed,
    /// It may not, and was not counted.
    Refused {
        /// When one may.
        retry_after: Duration,
    },
}

/// Counts requests.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one request, if it may go on. Of many at once exactly as many go on as may. `None` where the limit does not
    /// hold.
    async fn check(&self, limit: Limit, key: &Key) -> Option<Decision>;
}

/// The limits that hold here, if any do.
#[derive(Clone)]
pub struct RateLimits(Option<Arc<dyn RateLimiter>>);

impl RateLimits {
    /// Counted by this; `None` is no limits at all.
    #[must_use]
    pub const fn new(limiter: Option<Arc<dyn RateLimiter>>) -> Self {
        Self(limiter)
    }

    /// Counts one request, and returns what the limiter says; `None` where the limit does not hold.
    pub async fn check(&self, limit: Limit, key: Key) -> Option<Decision> {
        match &self.0 {
            Some(limiter) => limiter.check(limit, &key).await,
            None => None,
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`TooManyRequests`](Error::TooManyRequests).
    pub async fn require(&self, limit: Limit, key: Key) -> Result<()> {
        match self.check(limit, key).await {
            Some(decision) if decision.outcome != Outcome::Allowed => Err(Error::TooManyRequests(decision)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> AddressPrefix {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_client_of_ipv6_has_64_bits_to_itself() {
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
    }

    #[test]
    fn an_address_of_ipv4_is_one_however_it_is_written() {
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"));
        assert_ne!(prefix("::ffff:192.0.2.1"), prefix("::ffff:192.0.2.2"));
    }

    #[test]
    fn the_quotas_are_those_of_the_profile_matrix() {
        let amounts = |quotas: Quotas, limit| {
            let Quota { amount, period } = quotas.of(limit).unwrap();
            (amount.get(), period)
        };
        assert_eq!(amounts(Quotas::strict(), Limit::Login), (10, MINUTE));
        assert_eq!(amounts(Quotas::strict(), Limit::Register), (5, HOUR));
        assert_eq!(amounts(Quotas::strict(), Limit::Export), (10, HOUR));
        assert_eq!(amounts(Quotas::strict(), Limit::Refresh), (60, MINUTE));
        assert!(Limit::ALL.into_iter().all(|limit| amounts(Quotas::generous(), limit) == (600, MINUTE)));
    }

    #[test]
    fn a_quota_of_ones_own_replaces_that_of_the_profile() {
        let own = Quota::new(3, HOUR);
        let quotas = Quotas::strict().with(Limit::Login, Some(own)).with(Limit::Export, None);
        assert_eq!(quotas.of(Limit::Login), Some(own));
        assert_eq!(quotas.of(Limit::Export), None);
        assert_eq!(quotas.of(Limit::Refresh), Quotas::strict().of(Limit::Refresh));
    }
}
