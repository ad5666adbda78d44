//! The caller, from the `Authorization` header only (RFC 6750 section 2.1).

use std::ops::Deref;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Data};
use keepstone_auth::token::bearer;
use keepstone_service::{Caller, Error, Sessions};

use super::body::Extraction;
use crate::{code::Code, edge::LoggedUser, problem::Problem};

/// A caller with a valid access token; without one the response is 401.
pub struct Authenticated(pub Caller);

/// A caller with a valid access token, or `None` without a token. An invalid token is 401.
pub struct MaybeAuthenticated(pub Option<Caller>);

/// The result of checking the access token, for logging out: the token may already be invalid.
pub struct Attempted(pub Result<Option<Caller>, Error>);

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequest for Attempted {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Some(token) = token(&request)? else { return Ok(Self(Ok(None))) };
            let sessions = request
                .app_data::<Data<Sessions>>()
                .ok_or_else(|| Problem::internal("Sessions is missing from the application data"))?;
            let caller = sessions.authenticate(token).await;
            if let Ok(caller) = &caller {
                request.extensions_mut().insert(LoggedUser(caller.user.id));
            }
            Ok(Self(caller.map(Some)))
        })
    }
}

impl FromRequest for MaybeAuthenticated {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let attempt = Attempted::from_request(request, payload);
        Box::pin(async { Ok(Self(attempt.await?.0?)) })
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let attempt = Attempted::from_request(request, payload);
        Box::pin(async { Ok(Self(attempt.await?.0?.ok_or(Error::NotAuthenticated)?)) })
    }
}

/// Returns the bearer token of a request, if any. A header with another scheme counts as no token.
fn token(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(Problem::new(Code::InvalidRequest, "There must be only one Authorization header"));
    }
    Ok(value.to_str().ok().and_then(bearer))
}
