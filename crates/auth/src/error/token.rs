//! Errors of tokens and of the keys that sign and verify them.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::token::Algorithm;

/// A rejected token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The token has expired and is otherwise valid. The client should refresh.
    #[error("the token has expired")]
    Expired,
    /// The token is invalid. Log the fault; do not send it to the client.
    #[error("the token is invalid: {0}")]
    Invalid(TokenFault),
}

/// The reason why a token is invalid. For logs only: sent to a client, it would be an oracle for attackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Longer than [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES).
    #[error("too long")]
    TooLong,
    /// Not three base64url parts without padding (RFC 7515 §7.1).
    #[error("not a compact JWS")]
    Form,
    /// The header is not a JSON object, repeats a name, or has a member of the wrong type.
    #[error("malformed header")]
    Header,
    /// The header carries `crit`, `zip`, `enc` or `b64`.
    #[error("a header extension")]
    Extension,
    /// `typ` is missing or belongs to another kind of token.
    #[error("wrong typ")]
    Type,
    /// No key has this `kid`.
    #[error("unknown key")]
    UnknownKey,
    /// `alg` is not the algorithm of the key.
    #[error("wrong algorithm for the key")]
    Algorithm,
    /// The signature does not match the key.
    #[error("wrong signature")]
    Signature,
    /// The claims are not a JSON object, repeat a name, lack a claim, or contain a claim of the wrong type.
    #[error("malformed claims")]
    Claims,
    /// The claim `type` names another kind of token.
    #[error("wrong type claim")]
    Kind,
    /// The token was issued by another issuer.
    #[error("wrong issuer")]
    Issuer,
    /// The token was issued for another audience.
    #[error("wrong audience")]
    Audience,
    /// `exp` is not after `iat`.
    #[error("wrong lifetime: exp is not after iat")]
    Lifetime,
    /// The time from `iat` to `exp` is longer than this verifier accepts.
    ///
    /// Usually the issuer is configured with a longer lifetime than the verifier. Set
    /// [`with_max_lifetime`](crate::token::Verifier::with_max_lifetime), which `RemoteVerifier` has as well.
    #[error(
        "the lifetime of {lifetime} s is above the maximum of {max} s: shorten it at the issuer, or set with_max_lifetime here"
    )]
    LifetimeTooLong {
        /// The time from `iat` to `exp`, in seconds.
        lifetime: u64,
        /// The maximum lifetime, in seconds.
        max: u64,
    },
    /// `iat` or `nbf` lies in the future.
    #[error("not yet valid")]
    NotYetValid,
}

/// An unusable key or set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The secret has fewer bytes than HS256 requires (RFC 7518 §3.2).
    #[error("the secret has {length} bytes; at least {min} are required")]
    SecretTooShort {
        /// The length of the secret, in bytes.
        length: usize,
        /// The minimum length, in bytes.
        min: usize,
    },
    /// The key id is not 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    #[error("a key id is 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    KeyId,
    /// Two keys have the same id, so a lookup would be ambiguous.
    #[error("two keys have the same id")]
    DuplicateKeyId,
    /// The text is not valid PEM, or contains no key.
    #[error("not a PEM file with a key")]
    NotPem,
    /// The file contains more than one key.
    #[error("more than one key in one PEM file")]
    SeveralKeys,
    /// The private key needs a passphrase. Encrypted keys are not supported.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The key is public, and a private key is required.
    #[error("the key is public, and a private key is required")]
    NotPrivate,
    /// The key is private, and a public key is expected.
    #[error("the key is private, and a public key is expected")]
    NotPublic,
    /// The key is damaged, or its type, curve or size is not supported.
    #[error("neither an Ed25519 key, nor a P-256 key, nor an RSA key of 2048 to 8192 bits")]
    Unsupported,
    /// HS256 signs and verifies with the same secret, so there is no key pair.
    #[error("HS256 signs and verifies with one secret: it has no key pair")]
    Symmetric,
    /// The system has no randomness.
    #[error("the key could not be generated")]
    Generation,
    /// The text is not a JWK set, or exceeds the limits on its size.
    #[error("not a JWK set of reasonable size")]
    Jwks,
}

/// An unusable folder of keys. The message names the file and never contains its content.
#[derive(Debug, Error)]
pub enum KeyFolderError {
    /// The folder or a file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The path of the folder or the file.
        path: PathBuf,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// A file contains no usable key.
    #[error("{}: {reason}", path.display())]
    Key {
        /// The path of the file.
        path: PathBuf,
        /// Why the key is unusable.
        reason: KeyError,
    },
    /// The folder has no file `*.pem`.
    #[error("{}: no file *.pem in this folder", path.display())]
    Empty {
        /// The path of the folder.
        path: PathBuf,
    },
    /// The folder has private keys, but none of them uses the signing algorithm.
    #[error("{}: the key is for {}, and no private key is for {}", path.display(), found.name(), needed.name())]
    OtherAlgorithm {
        /// The path of the newest private key.
        path: PathBuf,
        /// The algorithm of that key.
        found: Algorithm,
        /// The signing algorithm.
        needed: Algorithm,
    },
    /// No file `*.pem` contains a private key.
    #[error("{}: no file *.pem in this folder contains a private key", path.display())]
    NoSigningKey {
        /// The path of the folder.
        path: PathBuf,
    },
    /// The folder has too many files `*.pem`, so it is probably the wrong folder.
    #[error("{}: more than {max} files *.pem", path.display())]
    TooMany {
        /// The path of the folder.
        path: PathBuf,
        /// The maximum number of files.
        max: usize,
    },
}

/// An invalid setup of an issuer or a verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SetupError {
    /// The issuer is empty, so the issuer check would have no effect.
    #[error("the token issuer is empty")]
    EmptyIssuer,
    /// The audience is empty, so the audience check would have no effect.
    #[error("the token audience is empty")]
    EmptyAudience,
    /// The lifetime of access tokens is under one second, so every token would be expired when issued.
    #[error("the lifetime of access tokens is under one second")]
    NoLifetime,
    /// The lifetime of access tokens is above the maximum of the profile.
    #[error(
        "a lifetime of {} s is above the maximum of {} s: shorten it, or raise max_lifetime here and with_max_lifetime at every verifier",
        lifetime.as_secs(), max.as_secs()
    )]
    LifetimeTooLong {
        /// The requested lifetime.
        lifetime: Duration,
        /// The maximum of the profile.
        max: Duration,
    },
    /// The `client_id` is empty.
    #[error("the client id is empty")]
    EmptyClientId,
    /// Access and refresh tokens share a key, so one kind could be accepted in place of the other.
    #[error("access and refresh tokens need different keys")]
    SharedKey,
    /// Refresh tokens must be signed with HS256.
    ///
    /// A refresh token is signed again after a lost response and must have the same bytes, which requires deterministic
    /// signatures. Only its issuer verifies it, so a public key is not needed.
    #[error("refresh tokens are signed with HS256")]
    RefreshKey,
    /// A token signed during setup did not verify: the cryptography of this build does not work.
    #[error("the token self-test failed")]
    SelfTest,
    /// The URL of the keys is invalid: it must be `https`, or `http` to the local machine, without a user name or a
    /// password.
    #[error("the URL of the keys must be https, or http to the local machine, without a user name or a password")]
    JwksUrl,
    /// The HTTP client could not start: this system has no root certificates.
    #[error("the HTTP client could not start")]
    HttpClient,
}

/// A failure of a verifier that fetches its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// The token was rejected.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no keys, or they are out of date, and the issuer cannot be reached. Respond with 503 and this
    /// `Retry-After`.
    #[error("the keys of the issuer cannot be fetched")]
    Unavailable {
        /// How long to wait before retrying: whole seconds, at least one.
        retry_after: Duration,
    },
}

/// A failure to issue a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IssueError {
    /// The verifier would reject this claim: it is empty, over 255 bytes, out of range, or has control characters.
    #[error("the claim `{0}` cannot be issued")]
    Claim(&'static str),
    /// The token would exceed [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES), because the scope is too long.
    #[error("the token would be too long")]
    TooLong,
    /// Signing with the key failed.
    #[error("the token could not be signed")]
    Signing,
}
