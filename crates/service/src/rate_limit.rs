//! Rate limits: the limits, their keys and the decisions. Counting is the task of the adapters. A key is typed, and
//! never contains unchecked client input.

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

/// All limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Login attempts, successful or not.
    Login,
    /// Sign-up attempts.
    Register,
    /// Refresh requests, before their session is known.
    RefreshRequest,
    /// Refreshes of one session; without a session, those from one address.
    Refresh,
    /// All other operations that accept a password or a mailed token.
    Password,
    /// All other operations on sessions.
    Session,
    /// E-mails to one address that anonymous clients can trigger.
    Mailbox,
    /// Changes of one's own address, each of which sends an e-mail to an address of the user's choice.
    EmailChange,
    /// User-written e-mails.
    Letter,
    /// Data exports.
    Export,
}

impl Limit {
    /// Every limit.
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

/// A burst size, which is replenished evenly over a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The number of requests.
    pub amount: NonZeroU32,
    /// The period.
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

/// The quota of each active limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas(HashMap<Limit, Quota>);

impl Quotas {
    /// Returns the quotas of a public server.
    #[must_use]
    pub fn strict() -> Self {
        Self(Limit::ALL.into_iter().map(|limit| (limit, strict(limit))).collect())
    }

    /// Returns the quotas of a developer's machine: they only stop runaway loops.
    #[must_use]
    pub fn generous() -> Self {
        Self(Limit::ALL.into_iter().map(|limit| (limit, Quota::new(600, MINUTE))).collect())
    }

    /// Replaces the quota of one limit; `None` disables the limit.
    #[must_use]
    pub fn with(mut self, limit: Limit, quota: Option<Quota>) -> Self {
        match quota {
            Some(quota) => self.0.insert(limit, quota),
            None => self.0.remove(&limit),
        };
        self
    }

    /// Returns the quota of a limit, if it is active.
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

/// The part of an address that identifies one client: all of an IPv4 address, the first 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPrefix(IpAddr);

impl From<IpAddr> for AddressPrefix {
    /// Converts an IPv4-mapped IPv6 address to its IPv4 address.
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

/// The client or resource that a limit counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// All requests from a network; `None` is all requests from unknown addresses.
    Address(Option<AddressPrefix>),
    /// All requests of a session.
    Session(SessionId),
    /// All requests of an account.
    User(UserId),
    /// All e-mails to a mailbox, identified by a keyed digest of its address.
    Mailbox([u8; 32]),
}

impl Key {
    /// Returns the key of a client address.
    #[must_use]
    pub fn address(address: Option<IpAddr>) -> Self {
        Self::Address(address.map(AddressPrefix::from))
    }
}

/// The decision of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request is allowed.
    pub outcome: Outcome,
    /// The burst size.
    pub limit: u32,
    /// The number of requests left.
    pub remaining: u32,
    /// The time until the full burst is available again.
    pub reset: Duration,
}

/// Whether a request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request is allowed and was counted.
    Allowed,
    /// The request is rejected and was not counted.
    Refused {
        /// The time until a request is allowed again.
        retry_after: Duration,
    },
}

/// Counts requests.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts a request, if it is allowed. Of concurrent requests exactly as many are allowed as the quota permits.
    /// Returns `None` if the limit is not active.
    async fn check(&self, limit: Limit, key: &Key) -> Option<Decision>;
}

/// The rate limits of this server, if any.
#[derive(Clone)]
pub struct RateLimits(Option<Arc<dyn RateLimiter>>);

impl RateLimits {
    /// Creates limits that are counted by `limiter`; `None` disables all limits.
    #[must_use]
    pub const fn new(limiter: Option<Arc<dyn RateLimiter>>) -> Self {
        Self(limiter)
    }

    /// Counts a request and returns the decision; `None` if the limit is not active.
    pub async fn check(&self, limit: Limit, key: Key) -> Option<Decision> {
        match &self.0 {
            Some(limiter) => limiter.check(limit, &key).await,
            None => None,
        }
    }

    /// Counts a request, and rejects it above the limit.
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
    fn an_ipv6_client_is_identified_by_64_bits() {
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
    }

    #[test]
    fn an_ipv4_mapped_address_equals_its_ipv4_address() {
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
    fn a_configured_quota_replaces_that_of_the_profile() {
        let own = Quota::new(3, HOUR);
        let quotas = Quotas::strict().with(Limit::Login, Some(own)).with(Limit::Export, None);
        assert_eq!(quotas.of(Limit::Login), Some(own));
        assert_eq!(quotas.of(Limit::Export), None);
        assert_eq!(quotas.of(Limit::Refresh), Quotas::strict().of(Limit::Refresh));
    }
}
