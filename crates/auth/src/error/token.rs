//! What can go wrong with tokens and the keys behind them.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::token::Algorithm;

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Right in everything but its age: the client should refresh.
    #[error("the token has expired")]
    Expired,
    /// Anything else. The fault is for logs, never for the client.
    #[error("the token is invalid: {0}")]
    Invalid(TokenFault),
}

/// What was wrong with an invalid token. For logs only: a client that learns it has an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES).
    #[error("too long")]
    TooLong,
    /// Not three base64url parts without padding (RFC 7515 §7.1).
    #[error("not a compact JWS")]
    Form,
    /// The header is no JSON object, repeats a name, or has a member of the wrong type.
    #[error("malformed header")]
    Header,
    /// The header carries `crit`, `zip`, `enc` or `b64`.
    #[error("a header extension")]
    Extension,
    /// `typ` is missing or another kind of token's.
    #[error("wrong typ")]
    Type,
    /// No key with this `kid`.
    #[error("unknown key")]
    UnknownKey,
    /// `alg` is not the one that belongs to the key.
    #[error("wrong algorithm for the key")]
    Algorithm,
    /// The signature is not the key's.
    #[error("wrong signature")]
    Signature,
    /// The claims are no JSON object, repeat a name, lack a claim, or have one of the wrong type.
    #[error("malformed claims")]
    Claims,
    /// The claim `type` names another kind of token.
    #[error("wrong type claim")]
    Kind,
    /// Another issuer's.
    #[error("wrong issuer")]
    Issuer,
    /// For another audience.
    #[error("wrong audience")]
    Audience,
    /// `exp` is not after `iat`.
    #[error("wrong lifetime: exp is not after iat")]
    Lifetime,
    /// `exp` is further after `iat` than this verifier accepts. Usually the issuer is configured with a longer lifetime
    /// than the verifier: set [`with_max_lifetime`](crate::token::Verifier::with_max_lifetime), which `RemoteVerifier`
    /// has, too.
    #[error(
        "a lifetime of {lifetime} s, and at most {max} s are accepted: shorten it at the issuer, or set with_max_lifetime here"
    )]
    LifetimeTooLong {
        /// From `iat` to `exp`, in seconds.
        lifetime: u64,
        /// The most that is accepted, in seconds.
        max: u64,
    },
    /// `iat` or `nbf` lies in the future.
    #[error("not yet valid")]
    NotYetValid,
}

/// Why a key or a set of keys is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Fewer bytes than HS256 needs (RFC 7518 §3.2).
    #[error("a secret has at least {min} bytes, this one has {length}")]
    SecretTooShort {
        /// The bytes it has.
        length: usize,
        /// The bytes it needs.
        min: usize,
    },
    /// Not 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    #[error("a key id is 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    KeyId,
    /// Two keys with one key id: a lookup would have two answers.
    #[error("two keys have the same id")]
    DuplicateKeyId,
    /// No PEM, a damaged one, or one without a key.
    #[error("not a PEM file with a key")]
    NotPem,
    /// More than one key in one file.
    #[error("more than one key in one PEM file")]
    SeveralKeys,
    /// The private key needs a passphrase, which there is nobody to type.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A public key where only a private one is of use.
    #[error("a public key where a private one is needed")]
    NotPrivate,
    /// A private key where a public one is enough.
    #[error("a private key where a public one belongs")]
    NotPublic,
    /// Another kind of key, curve or size, or a damaged key.
    #[error("neither an Ed25519 key, nor a P-256 key, nor an RSA key of 2048 to 8192 bits")]
    Unsupported,
    /// HS256 has one secret, and no pair of keys.
    #[error("HS256 signs and verifies with one secret: it has no key pair")]
    Symmetric,
    /// The system gave no randomness.
    #[error("the key could not be generated")]
    Generation,
    /// Not a JWK set, or one that is larger than any of a real issuer.
    #[error("not a JWK set of reasonable size")]
    Jwks,
}

/// Why a folder of keys is unusable. Names the file, and says nothing of what is in it.
#[derive(Debug, Error)]
pub enum KeyFolderError {
    /// The folder or a file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// Of the folder or the file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A file holds no usable key.
    #[error("{}: {reason}", path.display())]
    Key {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// There is no file `*.pem`.
    #[error("{}: no file *.pem in it", path.display())]
    Empty {
        /// Of the folder.
        path: PathBuf,
    },
    /// There are private keys, and none is for the algorithm that signs.
    #[error("{}: the key is for {}, and no private key is for {}", path.display(), found.name(), needed.name())]
    OtherAlgorithm {
        /// Of the newest private key.
        path: PathBuf,
        /// Its algorithm.
        found: Algorithm,
        /// The algorithm that signs.
        needed: Algorithm,
    },
    /// No file `*.pem` holds a private key.
    #[error("{}: no file *.pem in it holds a private key", path.display())]
    NoSigningKey {
        /// Of the folder.
        path: PathBuf,
    },
    /// So many files that it must be the wrong folder.
    #[error("{}: more than {max} files *.pem", path.display())]
    TooMany {
        /// Of the folder.
        path: PathBuf,
        /// The most files that are read.
        max: usize,
    },
}

/// Why an issuer or a verifier cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SetupError {
    /// The issuer is empty: every token would pass the check.
    #[error("the token issuer is empty")]
    EmptyIssuer,
    /// The audience is empty: every token would pass the check.
    #[error("the token audience is empty")]
    EmptyAudience,
    /// Access tokens would be born expired: their lifetime is under one second.
    #[error("the lifetime of access tokens is under one second")]
    NoLifetime,
    /// Access tokens would live longer than any verifier accepts.
    #[error(
        "a lifetime of {} s is above the maximum of {} s: shorten it, or raise max_lifetime here and with_max_lifetime at every verifier",
        lifetime.as_secs(), max.as_secs()
    )]
    LifetimeTooLong {
        /// The lifetime asked for.
        lifetime: Duration,
        /// The maximum of the profile.
        max: Duration,
    },
    /// The `client_id` is empty.
    #[error("the client id is empty")]
    EmptyClientId,
    /// Access and refresh tokens share a key, so that one could pass for the other.
    #[error("access and refresh tokens need different keys")]
    SharedKey,
    /// A refresh token is signed anew when its answer was lost, and has to come out the same; nobody but its issuer
    /// reads it. Both ask for HS256.
    #[error("refresh tokens are signed with HS256")]
    RefreshKey,
    /// A token signed at start did not verify: the cryptography of this build does not work.
    #[error("the token self-test failed")]
    SelfTest,
    /// Keys are fetched over `https`, or over `http` from this machine, without a user name or a password in the URL.
    #[error("the URL of the keys must be https, or http to this machine, without a user name or a password")]
    JwksUrl,
    /// The HTTP client did not start: this system has no certificates to check others with.
    #[error("the HTTP client could not start")]
    HttpClient,
}

/// Why a verifier that fetches its keys did not accept a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// The token is no good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no keys, or none that still count, and the issuer gives none: answer 503 with this `Retry-After`.
    #[error("the keys of the issuer cannot be fetched")]
    Unavailable {
        /// When to try again: whole seconds, at least one.
        retry_after: Duration,
    },
}

/// Why a token could not be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IssueError {
    /// A claim is one that the verifier would refuse: empty, over 255 bytes, with control characters, or out of range.
    #[error("the claim `{0}` cannot be issued")]
    Claim(&'static str),
    /// Over [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES): the scope is too long.
    #[error("the token would be too long")]
    TooLong,
    /// The key refused to sign.
    #[error("the token could not be signed")]
    Signing,
}
