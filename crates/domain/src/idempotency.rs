//! Requests that may be sent again and are done once (the `Idempotency-Key` header).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One attempt to answer a request. Neither the request nor its body can be found out from their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who asks for what under which key: requests with the same digest are the same request.
    pub request: [u8; 32],
    /// What it sends. The same request with another body is a mistake.
    pub body: [u8; 32],
    /// Tells this attempt from others to answer the same request.
    pub id: Uuid,
}

/// The answer to a request, as it is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The path of a new resource.
    #[serde(default)]
    pub location: Option<String>,
    /// Which version of it was made, as a validator (RFC 9110 section 8.8.3).
    #[serde(default)]
    pub etag: Option<String>,
    /// The body.
    pub body: String,
}
