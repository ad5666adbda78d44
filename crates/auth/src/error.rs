//! Every error this crate returns, in one place, so that a caller maps them to its own answers once.
//! The rule: no message ever contains a password, a hash, a key or a token.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why a password may not be set. The texts are fit for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PolicyViolation {
    /// Fewer than `min` characters (Unicode scalar values).
    #[error("a password has at least {min} characters")]
    TooShort {
        /// The smallest number of characters allowed.
        min: usize,
    },
    /// More than `max` characters (Unicode scalar values).
    #[error("a password has at most {max} characters")]
    TooLong {
        /// The largest number of characters allowed.
        max: usize,
    },
    /// Contains U+0000, which bcrypt takes for the end: `pw` and `pw\0pw` would be one password.
    #[error("a password cannot contain the NUL character")]
    ContainsNul,
    /// Among the passwords that are tried first.
    #[cfg(feature = "blocklist")]
    #[error("this password is too common")]
    TooCommon,
    /// Made of what is known about its owner.
    #[cfg(feature = "blocklist")]
    #[error("this password is too similar to your name, your address or this service")]
    TooSimilar,
}

/// Hashing parameters that are too weak to protect anyone, or too costly to serve anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// The bcrypt cost is under the caller's minimum.
    #[error("bcrypt cost {cost} is too low: at least {min}")]
    CostTooLow {
        /// The cost asked for.
        cost: u32,
        /// The lowest cost accepted.
        min: u32,
    },
    /// One bcrypt hash would take seconds.
    #[error("bcrypt cost {cost} is too high: at most {max}")]
    CostTooHigh {
        /// The cost asked for.
        cost: u32,
        /// The highest cost accepted.
        max: u32,
    },
    /// Less argon2id memory than OWASP's table demands for this number of iterations.
    #[error("argon2id memory of {memory_kib} KiB is too little for {iterations} iterations: at least {min_kib} KiB")]
    MemoryTooLow {
        /// The memory asked for, in KiB.
        memory_kib: u32,
        /// The least memory accepted, in KiB.
        min_kib: u32,
        /// The iterations it was judged with.
        iterations: u32,
    },
    /// A parameter lies outside what a stored hash may have.
    #[error("argon2id {parameter} of {value} is out of range: {min} to {max}")]
    OutOfRange {
        /// `memory_kib`, `iterations` or `parallelism`.
        parameter: &'static str,
        /// The value asked for.
        value: u32,
        /// The lowest value accepted.
        min: u32,
        /// The highest value accepted.
        max: u32,
    },
}

/// Why a stored hash was not computed. For the security log: the person logging in only learns that it did not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a hash this crate knows (`$2a$ $2b$ $2y$ $argon2i$ $argon2id$`), or a damaged one.
    #[error("the stored hash has an unknown format")]
    UnknownFormat,
    /// Its own parameters ask for more work than any login may cost.
    #[error("the stored hash asks for too much work")]
    TooExpensive,
    /// The hash function gave up, which means that memory ran out.
    #[error("the stored hash could not be computed")]
    Failed,
}

/// Why a password could not be hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too many hashes are running and waiting. Nothing was computed: answer 503 with this `Retry-After`.
    #[error("too many passwords are being hashed: retry in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to try again: whole seconds, at least one.
        retry_after: Duration,
    },
    /// Not a password that can be set. Only hashing says so; verifying answers that it does not match.
    #[error(transparent)]
    Unacceptable(#[from] PolicyViolation),
    /// No randomness, no memory, or the runtime is shutting down.
    #[error("the password could not be hashed")]
    Failed,
}

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
    /// `exp` is not after `iat`, or further after it than allowed.
    #[error("wrong lifetime")]
    Lifetime,
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
    /// Keys are fetched over `https`, or over `http` from this machine.
    #[error("the URL of the keys is no https URL")]
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

/// Why a policy for sessions cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionPolicyError {
    /// Sessions would end within their first second.
    #[error("the lifetime of sessions is under one second")]
    NoLifetime,
    /// Sessions would be idle within a second.
    #[error("the idle time of sessions is under one second")]
    NoIdleTime,
    /// A stolen token would be forgiven for too long.
    #[error("a consumed refresh token is forgiven for 60 s at most")]
    WindowTooLong,
    /// The cap is zero: every session would be one too many.
    #[error("a subject needs at least one session")]
    NoSessions,
}

/// Why a session could not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError<E> {
    /// No tokens could be made for it.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed.
    #[error("the session could not be stored")]
    Store(#[source] E),
}

/// Why a refresh token that is genuine got no successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefreshError<E> {
    /// Another request with the same token was faster: its answer has the successor. Nothing has ended.
    #[error("the refresh token was exchanged by another request at the same time")]
    Rotated,
    /// It was exchanged long ago: somebody has a copy. Its session has ended by now.
    #[error("the refresh token was used before")]
    Reused {
        /// Whether it was this request that ended the session: of many at once, one. For the security log.
        ended_now: bool,
    },
    /// Its session had ended, or is not known.
    #[error("the session has ended")]
    Revoked,
    /// Its session has reached its end, or was idle for too long.
    #[error("the session has expired")]
    Expired,
    /// No tokens could be made; it was not consumed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The store failed, and it may have been consumed. With an `Idempotency-Key` the client can safely ask again.
    #[error("the session could not be stored")]
    Store(#[source] E),
}

/// Why a permission or a set of roles is unusable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PermissionError {
    /// Not `resource:action` in lower case.
    #[error("`{0}` is no permission: write `resource:action` with a-z 0-9 _ -")]
    Permission(String),
    /// Not 1 to 32 characters of `a-z 0-9 _ -`, whatever its case.
    #[error("`{0}` is no role name: use 1 to 32 of a-z 0-9 _ -")]
    RoleName(String),
    /// The same role twice (role names are compared without case).
    #[error("the role `{0}` is defined twice")]
    DuplicateRole(String),
    /// A role that may do nothing, which is a mistake in a configuration more often than a wish.
    #[error("the role `{0}` has no permissions")]
    EmptyRole(String),
}
