//! The caller, from the `Authorization` header and nowhere else. The rule: only the nearest verifier authenticates a
//! caller.

use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::challenge::Challenge;
use super::source::nearest;
use crate::permission::Permission;
use crate::token::{AccessClaims, bearer};

/// What the request's access token says, verified. Without a good one the answer is a [`Challenge`].
///
/// What `Option<Authenticated>` gives is `None` for a bad token too, not only for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated(pub AccessClaims);

impl Authenticated {
    /// Refuses a caller whose scope lacks a permission. The scope is what the user might do when the token was issued.
    ///
    /// # Errors
    /// [`Challenge::Forbidden`].
    pub fn require(&self, permission: &Permission) -> Result<(), Challenge> {
        if self.0.has_scope(permission.as_str()) { Ok(()) } else { Err(Challenge::Forbidden(permission.clone())) }
    }
}

impl Deref for Authenticated {
    type Target = AccessClaims;

    fn deref(&self) -> &AccessClaims {
        &self.0
    }
}

impl FromRequest for Authenticated {
    type Error = Challenge;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Challenge>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await })
    }
}

/// What a verifier said about a request, for the next extractor or middleware.
#[derive(Debug, Clone)]
struct Verified {
    /// Where the verifier is: the result of an outer scope's is worth nothing in a scope that has its own.
    place: usize,
    caller: Authenticated,
}

/// Verifies a request by the nearest verifier, or returns what this verifier said before: a middleware and an extractor
/// may both ask.
pub(super) async fn authenticate(request: &HttpRequest) -> Result<Authenticated, Challenge> {
    let token = token(request)?;
    let source = nearest(request)?;
    let known = request.extensions().get::<Verified>().filter(|known| known.place == source.place()).cloned();
    if let Some(known) = known {
        return Ok(known.caller);
    }
    let caller = Authenticated(source.verify(token).await?);
    request.extensions_mut().insert(Verified { place: source.place(), caller: caller.clone() });
    Ok(caller)
}

/// The token that was sent. Another scheme than `Bearer` is as good as none.
fn token(request: &HttpRequest) -> Result<&str, Challenge> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(Challenge::Missing)?;
    if headers.next().is_some() {
        return Err(Challenge::Ambiguous);
    }
    header.to_str().ok().and_then(bearer).ok_or(Challenge::Missing)
}
