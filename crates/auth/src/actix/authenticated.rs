//! The extractor for the caller. It reads the `Authorization` header only, and only the innermost verifier
//! authenticates a caller.

use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::challenge::Challenge;
use super::source::nearest;
use crate::permission::Permission;
use crate::token::{AccessClaims, bearer};

/// The verified claims of the request's access token. Without a valid token, the response is a [`Challenge`].
///
/// `Option<Authenticated>` is `None` both without a token and for an invalid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated(pub AccessClaims);

impl Authenticated {
    /// Rejects a caller whose scope lacks a permission. The scope lists the permissions that the user had when the
    /// token was issued.
    ///
    /// # Errors
    /// [`Challenge::Forbidden`] if the scope lacks the permission.
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

/// The result of a verification, cached for the next extractor or middleware of the request.
#[derive(Debug, Clone)]
struct Verified {
    /// Identifies the verifier: a scope with its own verifier must not use the result of an outer verifier.
    place: usize,
    caller: Authenticated,
}

/// Authenticates a request with the innermost verifier, or returns that verifier's cached result.
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

/// Returns the bearer token of the request. Another scheme than `Bearer` counts as a missing token.
fn token(request: &HttpRequest) -> Result<&str, Challenge> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(Challenge::Missing)?;
    if headers.next().is_some() {
        return Err(Challenge::Ambiguous);
    }
    header.to_str().ok().and_then(bearer).ok_or(Challenge::Missing)
}
