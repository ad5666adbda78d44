//! Requests that clients may retry and that are executed once (the `Idempotency-Key` header).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An attempt to execute a request. The digests reveal neither the request nor its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The digest of caller, operation and key. Requests with equal digests are the same request.
    pub request: [u8; 32],
    /// The digest of the body. The same request with another body is a client error.
    pub body: [u8; 32],
    /// Distinguishes this attempt from other attempts to execute the same request.
    pub id: Uuid,
}

/// The stored response to a request, replayed for each retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The path of a new resource.
    #[serde(default)]
    pub location: Option<String>,
    /// The version of the new resource, as a validator (RFC 9110 section 8.8.3).
    #[serde(default)]
    pub etag: Option<String>,
    /// The body.
    pub body: String,
}
