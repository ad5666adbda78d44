//! Verification of the hash formats of Django, passlib and Werkzeug, for imported users. A match is always outdated, so
//! the next login replaces the hash.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, pbkdf2};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::scheme::{MAX_PBKDF2_ITERATIONS, MAX_SCRYPT_BLOCKS};
use super::stored::{Argon2, Bcrypt};
use crate::error::Refusal;

/// The shortest accepted output. Shorter outputs could match by chance, and an empty output matches every password.
const MIN_OUTPUT_BYTES: usize = 16;
const MAX_OUTPUT_BYTES: usize = 64;

const PADDING_OPTIONAL: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// The Base64 variant of Django.
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING_OPTIONAL);

/// A stored hash in a format of another system.
pub(in crate::password) enum Legacy {
    Argon2(Argon2),
    Bcrypt { hash: Bcrypt, input: BcryptInput },
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
}

/// The input of bcrypt, derived from the password.
pub(in crate::password) enum BcryptInput {
    /// The password itself.
    Password,
    /// SHA-256 in hexadecimal digits: Django.
    HexSha256,
    /// SHA-256 in Base64: passlib until 1.7.2.
    Base64Sha256,
    /// HMAC-SHA256 in Base64, keyed by the text of bcrypt's salt: passlib since 1.7.3.
    Base64HmacSha256(String),
}

impl Legacy {
    pub(in crate::password) fn read(hash: &str) -> Result<Self, Refusal> {
        if let Some(phc) = hash.strip_prefix("argon2$") {
            return Argon2::read(&format!("${phc}")).map(Self::Argon2);
        }
        if let Some(modular) = hash.strip_prefix("bcrypt$") {
            return Ok(Self::Bcrypt { hash: Bcrypt::read(modular)?, input: BcryptInput::Password });
        }
        if let Some(modular) = hash.strip_prefix("bcrypt_sha256$") {
            return Ok(Self::Bcrypt { hash: Bcrypt::read(modular)?, input: BcryptInput::HexSha256 });
        }
        if let Some(rest) = hash.strip_prefix("$bcrypt-sha256$") {
            return passlib_bcrypt(rest).ok_or(Refusal::UnknownFormat)?;
        }
        django(hash).or_else(|| passlib(hash)).or_else(|| werkzeug(hash)).unwrap_or(Err(Refusal::UnknownFormat))
    }

    /// Whether the password is correct. `None` if the hash function failed.
    pub(in crate::password) fn matches(&self, password: &str) -> Option<bool> {
        match self {
            Self::Argon2(hash) => hash.matches(password),
            Self::Bcrypt { hash, input } => bcrypt::verify(input.of(password), &hash.canonical).ok(),
            Self::Pbkdf2 { algorithm, iterations, salt, output } => {
                Some(pbkdf2::verify(*algorithm, *iterations, salt, password.as_bytes(), output).is_ok())
            }
            Self::Scrypt { params, salt, output } => {
                let mut computed = vec![0; output.len()];
                scrypt::scrypt(password.as_bytes(), salt, params, &mut computed).ok()?;
                Some(constant_time::verify_slices_are_equal(&computed, output).is_ok())
            }
        }
    }
}

impl BcryptInput {
    fn of(&self, password: &str) -> Vec<u8> {
        match self {
            Self::Password => password.into(),
            Self::HexSha256 => {
                Sha256::digest(password).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
            }
            Self::Base64Sha256 => STANDARD.encode(Sha256::digest(password)).into_bytes(),
            Self::Base64HmacSha256(key) => {
                // HMAC takes keys of any length, so this never fails.
                let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
                let digest = mac.map(|mac| mac.chain_update(password).finalize().into_bytes());
                digest.map(|digest| STANDARD.encode(digest).into_bytes()).unwrap_or_default()
            }
        }
    }
}

/// Reads `pbkdf2_sha256$iterations$salt$base64` and `scrypt$n$salt$r$p$base64`.
fn django(hash: &str) -> Option<Result<Legacy, Refusal>> {
    let parts: Vec<&str> = hash.split('$').collect();
    match *parts.as_slice() {
        [algorithm, iterations, salt, output] => {
            let algorithm = pbkdf2_algorithm(algorithm.strip_prefix("pbkdf2_")?)?;
            Some(read_pbkdf2(algorithm, iterations, salt.into(), BASE64.decode(output).ok()))
        }
        ["scrypt", n, salt, r, p, output] => Some(read_scrypt([n, r, p], salt.into(), BASE64.decode(output).ok())),
        _ => None,
    }
}

/// Reads `$pbkdf2-sha256$rounds$salt$checksum`, in a Base64 variant with `.` instead of `+`.
fn passlib(hash: &str) -> Option<Result<Legacy, Refusal>> {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", algorithm, rounds, salt, output] = *parts.as_slice() else { return None };
    let algorithm = match algorithm {
        "pbkdf2" => pbkdf2::PBKDF2_HMAC_SHA1,
        named => pbkdf2_algorithm(named.strip_prefix("pbkdf2-")?)?,
    };
    let decode = |text: &str| BASE64.decode(text.replace('.', "+")).ok();
    Some(decode(salt).map_or(Err(Refusal::UnknownFormat), |salt| read_pbkdf2(algorithm, rounds, salt, decode(output))))
}

/// Reads `v=2,t=2b,r=12$salt$checksum`, or `2b,12$salt$checksum` from before version 2.
fn passlib_bcrypt(rest: &str) -> Option<Result<Legacy, Refusal>> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [options, salt, checksum] = *parts.as_slice() else { return None };
    let (variant, rounds, input) = match *options.split(',').collect::<Vec<_>>().as_slice() {
        ["v=2", variant, rounds] => {
            let input = BcryptInput::Base64HmacSha256(salt.to_owned());
            (variant.strip_prefix("t=")?, rounds.strip_prefix("r=")?, input)
        }
        [variant, rounds] => (variant, rounds, BcryptInput::Base64Sha256),
        _ => return None,
    };
    let hash = Bcrypt::read(&format!("${variant}${rounds:0>2}${salt}{checksum}"));
    Some(hash.map(|hash| Legacy::Bcrypt { hash, input }))
}

/// Reads `pbkdf2:sha256:iterations$salt$hex` and `scrypt:n:r:p$salt$hex`.
fn werkzeug(hash: &str) -> Option<Result<Legacy, Refusal>> {
    let parts: Vec<&str> = hash.split('$').collect();
    let [method, salt, output] = *parts.as_slice() else { return None };
    match *method.split(':').collect::<Vec<_>>().as_slice() {
        ["pbkdf2", algorithm, iterations] => {
            Some(read_pbkdf2(pbkdf2_algorithm(algorithm)?, iterations, salt.into(), decode_hex(output)))
        }
        ["scrypt", n, r, p] => Some(read_scrypt([n, r, p], salt.into(), decode_hex(output))),
        _ => None,
    }
}

fn pbkdf2_algorithm(name: &str) -> Option<pbkdf2::Algorithm> {
    match name {
        "sha1" => Some(pbkdf2::PBKDF2_HMAC_SHA1),
        "sha256" => Some(pbkdf2::PBKDF2_HMAC_SHA256),
        "sha512" => Some(pbkdf2::PBKDF2_HMAC_SHA512),
        _ => None,
    }
}

fn read_pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: &str,
    salt: Vec<u8>,
    output: Option<Vec<u8>>,
) -> Result<Legacy, Refusal> {
    let output = checked_output(output)?;
    match decimal(iterations)?.try_into().ok().and_then(NonZeroU32::new) {
        Some(iterations) if iterations.get() <= MAX_PBKDF2_ITERATIONS => {
            Ok(Legacy::Pbkdf2 { algorithm, iterations, salt, output })
        }
        Some(_) => Err(Refusal::TooExpensive),
        None => Err(if iterations == "0" { Refusal::UnknownFormat } else { Refusal::TooExpensive }),
    }
}

fn read_scrypt([n, r, p]: [&str; 3], salt: Vec<u8>, output: Option<Vec<u8>>) -> Result<Legacy, Refusal> {
    let output = checked_output(output)?;
    let (n, r, p) = (decimal(n)?, decimal(r)?, decimal(p)?);
    if n.saturating_mul(r).saturating_mul(p) > MAX_SCRYPT_BLOCKS {
        return Err(Refusal::TooExpensive);
    }
    let log_n = n.is_power_of_two().then(|| n.trailing_zeros().try_into().ok()).flatten();
    let params = match (log_n, r.try_into(), p.try_into()) {
        (Some(log_n), Ok(r), Ok(p)) => scrypt::Params::new(log_n, r, p).ok(),
        _ => None,
    };
    params.map(|params| Legacy::Scrypt { params, salt, output }).ok_or(Refusal::UnknownFormat)
}

fn checked_output(output: Option<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
    output.filter(|output| (MIN_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&output.len())).ok_or(Refusal::UnknownFormat)
}

/// Parses a number that consists of decimal digits only. A number that does not fit is too expensive.
fn decimal(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::UnknownFormat);
    }
    text.parse().map_err(|_| Refusal::TooExpensive)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}
