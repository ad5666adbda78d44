//! Guessing one account's password from one place gets slower with every wrong guess. An account that does not exist
//! is guessed no differently, nobody is ever locked out from everywhere, and nobody waits inside a request.

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use keepstone_domain::Login;
use sha2::Sha256;

use crate::{
    Error, Result,
    rate_limit::{AddressPrefix, Decision},
};

/// Whose password is guessed, and from where. It does not tell the name.
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

/// A guess that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It counts if it turns out to be wrong.
    Free,
    /// It counts already, as wrong.
    Charged,
}

/// What became of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// The password was the right one.
    Right,
    /// It was not, or there is no such account.
    Wrong,
    /// It was never looked at.
    Unknown,
}

/// Counts wrong guesses in a row, for each target.
#[async_trait]
pub trait LoginThrottle: Send + Sync {
    /// Whether a guess may be made now. While it is slowed down, of many at once one may.
    ///
    /// # Errors
    /// The refusal.
    async fn admit(&self, target: &Target) -> Result<Admission, Decision>;

    /// Tells what became of a guess that was admitted.
    async fn settle(&self, target: &Target, admission: Admission, guess: Guess);
}

/// Stands before every verification of a password.
#[derive(Clone)]
pub struct PasswordGuard {
    throttle: Option<Arc<dyn LoginThrottle>>,
    secret: Hmac<Sha256>,
}

impl PasswordGuard {
    /// Names are known to the throttle by their HMAC under this secret only. Without a throttle everything is admitted.
    #[must_use]
    pub fn new(throttle: Option<Arc<dyn LoginThrottle>>, secret: [u8; 64]) -> Self {
        Self { throttle, secret: Hmac::new(&secret.into()) }
    }

    /// Verifies a password, unless this name was guessed at too often from there. `None` is a name that can be
    /// nobody's.
    ///
    /// # Errors
    /// [`TooManyRequests`](Error::TooManyRequests), with nothing verified; else those of `verify`, of which
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
        let guess = match &result {
            Ok(_) => Guess::Right,
            Err(Error::InvalidCredentials | Error::CurrentPasswordInvalid) => Guess::Wrong,
            Err(_) => Guess::Unknown,
        };
        throttle.settle(&target, admission, guess).await;
        result
    }

    fn target(&self, login: Option<&Login>, from: Option<IpAddr>) -> Target {
        let (kind, name): (&[u8], String) = match login {
            Some(Login::Email(email)) => (b"email\0", email.key().to_owned()),
            Some(Login::Username(username)) => (b"username\0", username.key()),
            None => (b"nobody\0", String::new()),
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
    fn a_name_is_one_target_however_it_is_typed() {
        assert_eq!(target(" ADA@Example.com", "192.0.2.1"), target("ada@example.com", "192.0.2.1"));
        assert_eq!(target("Ada", "192.0.2.1"), target("ada", "192.0.2.1"));
        assert_ne!(target("ada@example.com", "192.0.2.1"), target("ada", "192.0.2.1"));
        assert_eq!(target("@", "192.0.2.1"), target("@@", "192.0.2.1"));
    }

    #[test]
    fn another_place_is_another_target() {
        assert_ne!(target("ada", "192.0.2.1"), target("ada", "192.0.2.2"));
        assert_eq!(target("ada", "2001:db8::1"), target("ada", "2001:db8::2"));
    }

    #[test]
    fn a_target_tells_no_name() {
        assert!(!format!("{:?}", target("ada@example.com", "192.0.2.1")).contains("ada"));
        let other = PasswordGuard::new(None, [8; 64]);
        let same = other.target(Login::parse("ada").as_ref(), Some("192.0.2.1".parse().unwrap()));
        assert_ne!(target("ada", "192.0.2.1"), same, "without the secret nobody can try names");
    }
}
