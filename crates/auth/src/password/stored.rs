//! Stored hashes and their parsers. The cost of a stored hash is checked before any work is done.

use std::str::FromStr;

use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Params, Version};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use secrecy::{ExposeSecret, SecretString};

#[cfg(feature = "legacy-hashes")]
use super::legacy::Legacy;
use super::scheme::{MAX_BCRYPT_COST, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PARALLELISM, MIN_BCRYPT_COST};
use crate::error::Refusal;

/// The hash of a password, as a string for storage.
///
/// It is printed as `[REDACTED]`, does not implement `Serialize`, and is wiped when dropped.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

impl PasswordHash {
    /// Wraps a stored hash without checking it.
    ///
    /// A login with a damaged hash must take its usual time, so the hash is checked when it is verified
    /// ([`Verdict::Refused`](super::Verdict::Refused)).
    #[must_use]
    pub fn from_storage(hash: impl Into<String>) -> Self {
        Self(SecretString::from(hash.into()))
    }

    /// Parses a hash of another system, for example during a user import.
    ///
    /// # Errors
    /// [`Refusal::UnknownFormat`] or [`Refusal::TooExpensive`] if the hash could never be verified.
    pub fn parse(hash: &str) -> Result<Self, Refusal> {
        Stored::read(hash)?;
        Ok(Self::from_storage(hash))
    }

    /// Returns the string for storage. Do not print or send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A stored hash within the limits on cost.
pub(super) enum Stored {
    Bcrypt(Bcrypt),
    Argon2(Argon2),
    #[cfg(feature = "legacy-hashes")]
    Legacy(Legacy),
}

pub(super) struct Bcrypt {
    pub cost: u32,
    /// Whether the prefix is `$2b$`. Hashes with other prefixes were created by other systems.
    pub ours: bool,
    /// The same hash in the strict form that the bcrypt crate requires.
    pub canonical: String,
}

pub(super) struct Argon2 {
    pub algorithm: Algorithm,
    pub version: Version,
    pub params: Params,
    pub salt: Salt,
    pub output: Output,
}

impl Stored {
    pub(super) fn read(hash: &str) -> Result<Self, Refusal> {
        if hash.starts_with("$2") {
            return Bcrypt::read(hash).map(Self::Bcrypt);
        }
        if hash.starts_with("$argon2") {
            return Argon2::read(hash).map(Self::Argon2);
        }
        #[cfg(feature = "legacy-hashes")]
        return Legacy::read(hash).map(Self::Legacy);
        #[cfg(not(feature = "legacy-hashes"))]
        Err(Refusal::UnknownFormat)
    }
}

impl Bcrypt {
    pub(super) fn read(hash: &str) -> Result<Self, Refusal> {
        let (prefix, body) = hash.split_at_checked(7).ok_or(Refusal::UnknownFormat)?;
        let canonical = canonical(prefix, body).ok_or(Refusal::UnknownFormat)?;
        let parts = bcrypt::HashParts::from_str(&canonical).map_err(|_| Refusal::UnknownFormat)?;
        let ours = prefix.starts_with("$2b$");
        match parts.get_cost() {
            ..MIN_BCRYPT_COST => Err(Refusal::UnknownFormat),
            cost @ MIN_BCRYPT_COST..=MAX_BCRYPT_COST => Ok(Self { cost, ours, canonical }),
            _ => Err(Refusal::TooExpensive),
        }
    }
}

/// Clears the unused low bits in the last character of salt and digest.
///
/// Some old implementations did not clear these bits. Every C implementation ignores them. The bcrypt crate rejects
/// them, and would lock such users out.
fn canonical(prefix: &str, body: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
    const STRICT: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
    if !matches!(prefix.get(..4), Some("$2a$" | "$2b$" | "$2y$")) || body.len() != 53 {
        return None;
    }
    // `u32::from_str` would accept a sign.
    if !prefix.bytes().skip(4).take(2).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (salt, digest) = body.split_at_checked(22)?;
    let mut text = prefix.to_owned();
    for part in [salt, digest] {
        STRICT.encode_string(LENIENT.decode(part).ok()?, &mut text);
    }
    Some(text)
}

impl Argon2 {
    pub(super) fn read(hash: &str) -> Result<Self, Refusal> {
        let phc = Phc::new(hash).map_err(|_| Refusal::UnknownFormat)?;
        let algorithm = match phc.algorithm.as_str() {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            _ => return Err(Refusal::UnknownFormat),
        };
        // Hashes from before the version field existed are version 0x10.
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| Refusal::UnknownFormat)?;
        for (name, max) in [("m", MAX_MEMORY_KIB), ("t", MAX_ITERATIONS), ("p", MAX_PARALLELISM)] {
            match phc.params.get_decimal(name) {
                None => return Err(Refusal::UnknownFormat),
                Some(value) if value > max => return Err(Refusal::TooExpensive),
                Some(_) => {}
            }
        }
        let params = Params::try_from(&phc).map_err(|_| Refusal::UnknownFormat)?;
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else { return Err(Refusal::UnknownFormat) };
        Ok(Self { algorithm, version, params, salt, output })
    }

    /// Whether the password is correct. `None` if there is not enough memory to compute the hash.
    pub(super) fn matches(&self, password: &str) -> Option<bool> {
        let mut buffer = [0_u8; Output::MAX_LENGTH];
        let output = buffer.get_mut(..self.output.len())?;
        let argon2 = argon2::Argon2::new(self.algorithm, self.version, self.params.clone());
        argon2.hash_password_into(password.as_bytes(), &self.salt, output).ok()?;
        // `Output` compares in constant time.
        Some(Output::new(output).ok()? == self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_redacted_in_debug_output() {
        let hash = PasswordHash::from_storage("$2b$12$abcdefghijklmnopqrstuv");
        assert_eq!(format!("{hash:?}"), "PasswordHash([REDACTED])");
        assert_eq!(hash.as_str(), "$2b$12$abcdefghijklmnopqrstuv");
    }

    #[test]
    fn parse_rejects_hashes_that_can_never_be_verified() {
        let body = "LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/X4.G.2f4fJ5Kf8Q7W";
        for prefix in ["$2a$12$", "$2b$12$", "$2y$12$"] {
            assert!(PasswordHash::parse(&format!("{prefix}{}", &body[..53])).is_ok(), "{prefix}");
        }
        for prefix in ["$2x$12$", "$2$12$a", "$2b$aa$", "$2b$03$", "$2b$+4$", "$3b$12$"] {
            let hash = format!("{prefix}{}", &body[..53]);
            assert_eq!(PasswordHash::parse(&hash).unwrap_err(), Refusal::UnknownFormat, "{prefix}");
        }
        for odd in [
            "",
            "$",
            "$2",
            "$2b$12$é",
            "plain",
            "$argon2id$",
            "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(PasswordHash::parse(odd).unwrap_err(), Refusal::UnknownFormat, "{odd}");
        }
    }
}
