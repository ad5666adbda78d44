//! Throttling of password guesses: each wrong guess for one account from one network delays the next. Accounts that do
//! not exist are throttled alike. No account is ever locked from every network, and no request waits.

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use keepstone_domain::Login;
use sha2::Sha256;

use crate::{
    Error, Result,
    rate_limit::{AddressPrefix, Decision},
};

/// The throttle key: account identifier (hashed) and client network.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    name: [u8; 32],
    from: Option<AddressPrefix>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

/// The admission of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It counts as a failure if the password is wrong.
    Free,
    /// It already counts as a failure.
    Charged,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// The password was right.
    Right,
    /// The password was wrong, or the account does not exist.
    Wrong,
    /// The password was not verified.
    Unknown,
}

/// Counts consecutive failures for each target.
#[async_trait]
pub trait LoginThrottle: Send + Sync {
    /// Admits or rejects an attempt. While a target is throttled, only one of several concurrent attempts is admitted.
    ///
    /// # Errors
    /// The decision of a rejected attempt.
    async fn admit(&self, target: &Target) -> Result<Admission, Decision>;

    /// Records the outcome of an admitted attempt.
    async fn settle(&self, target: &Target, admission: Admission, guess: Guess);
}

/// The throttle in front of every password verification.
#[derive(Clone)]
pub struct PasswordGuard {
    throttle: Option<Arc<dyn LoginThrottle>>,
    secret: Hmac<Sha256>,
}

impl PasswordGuard {
    /// Creates the guard. The throttle sees only the HMAC of a name under this secret. Without a throttle every attempt
    /// is admitted.
    #[must_use]
    pub fn new(throttle: Option<Arc<dyn LoginThrottle>>, secret: [u8; 64]) -> Self {
        Self { throttle, secret: Hmac::new(&secret.into()) }
    }

    /// Verifies a password, unless the throttle rejects an attempt for this name and network. `None` is a text that
    /// cannot be the name of any account.
    ///
    /// # Errors
    /// [`TooManyRequests`](Error::TooManyRequests), with nothing verified; otherwise those of `verify`, of which
    /// [`InvalidCredentials`](Error::InvalidCredentials) and [`CurrentPasswordInvalid`](Error::CurrentPasswordInvalid)
    /// mean a wrong guess.
    pub async fn watch<T>(
        &self,
        login: Option<&Login>,
        from: Option<IpAddr>,
        verify: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(throttle) = &self.throttle else { return verify.await };
        let target = self.target(login, from);
        let admission = throttle.admit(&target).await.map_err(Error::TooManyRequests)?;
        let result = verify.await;
        let outcome = match &result {
            Ok(_) => Guess::Right,
            Err(Error::InvalidCredentials | Error::CurrentPasswordInvalid) => Guess::Wrong,
            Err(_) => Guess::Unknown,
        };
        throttle.settle(&target, admission, outcome).await;
        result
    }

    fn target(&self, login: Option<&Login>, from: Option<IpAddr>) -> Target {
        let (kind, name): (&[u8], String) = match login {
            Some(Login::Email(email)) => (b"email\0", email.key().to_owned()),
            Some(Login::Username(username)) => (b"username\0", username.key()),
            None => (b"unknown\0", String::new()),
        };
        let name = self.secret.clone().chain_update(kind).chain_update(name).finalize().into_bytes().into();
        Target { name, from: from.map(AddressPrefix::from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, from: &str) -> Target {
        let guard = PasswordGuard::new(None, [7; 64]);
        guard.target(Login::parse(name).as_ref(), Some(from.parse().unwrap()))
    }

    #[test]
    fn all_spellings_of_a_name_are_one_target() {
        assert_eq!(target(" ADA@Example.com", "192.0.2.1"), target("ada@example.com", "192.0.2.1"));
        assert_eq!(target("Ada", "192.0.2.1"), target("ada", "192.0.2.1"));
        assert_ne!(target("ada@example.com", "192.0.2.1"), target("ada", "192.0.2.1"));
        assert_eq!(target("@", "192.0.2.1"), target("@@", "192.0.2.1"));
    }

    #[test]
    fn another_network_is_another_target() {
        assert_ne!(target("ada", "192.0.2.1"), target("ada", "192.0.2.2"));
        assert_eq!(target("ada", "2001:db8::1"), target("ada", "2001:db8::2"));
    }

    #[test]
    fn a_target_does_not_reveal_the_name() {
        assert!(!format!("{:?}", target("ada@example.com", "192.0.2.1")).contains("ada"));
        let other = PasswordGuard::new(None, [8; 64]);
        let same = other.target(Login::parse("ada").as_ref(), Some("192.0.2.1".parse().unwrap()));
        assert_ne!(target("ada", "192.0.2.1"), same, "names cannot be tried without the secret");
    }
}
