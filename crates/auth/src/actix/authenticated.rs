//! Who asks, from the `Authorization` header and nowhere else. The rule: nobody is let in whom a verifier has not let
//! in.

use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::challenge::Challenge;
use crate::permission::Permission;
use crate::token::{AccessClaims, Keyring, Verifier, bearer};

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

/// Judges a request, or remembers how it was judged: a middleware and an extractor may both ask.
pub(super) async fn authenticate(request: &HttpRequest) -> Result<Authenticated, Challenge> {
    let known = request.extensions().get::<Authenticated>().cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let caller = Authenticated(verify(request, token(request)?).await?);
    request.extensions_mut().insert(caller.clone());
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

#[cfg_attr(not(feature = "jwks"), expect(clippy::unused_async, reason = "only a verifier that fetches its keys waits"))]
async fn verify(request: &HttpRequest, token: &str) -> Result<AccessClaims, Challenge> {
    if let Some(verifier) = request.app_data::<Data<Verifier>>() {
        return Ok(verifier.verify_access(token)?);
    }
    if let Some(verifier) = request.app_data::<Verifier>() {
        return Ok(verifier.verify_access(token)?);
    }
    if let Some(keyring) = request.app_data::<Data<Keyring>>() {
        return Ok(keyring.current().verifier().verify_access(token)?);
    }
    #[cfg(feature = "jwks")]
    if let Some(remote) = request.app_data::<Data<crate::jwks::RemoteVerifier>>() {
        return Ok(remote.verify_access(token).await?);
    }
    Err(Challenge::NoVerifier)
}

#[cfg(feature = "jwks")]
impl From<crate::error::RemoteError> for Challenge {
    fn from(error: crate::error::RemoteError) -> Self {
        match error {
            crate::error::RemoteError::Token(error) => error.into(),
            crate::error::RemoteError::Unavailable { retry_after } => Self::Unavailable(retry_after),
        }
    }
}
