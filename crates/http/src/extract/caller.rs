//! Who asks, from the `Authorization` header and nowhere else (RFC 6750 section 2.1).

use std::{ops::Deref, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Data};
use keepstone_auth::token::bearer;
use keepstone_service::{Accounts, Caller};

use crate::{code::Code, edge::LoggedUser, problem::Problem};

/// A caller with a good access token; without one the answer is 401.
pub struct Authenticated(pub Caller);

/// A caller with a good access token, or one who sent none. A bad one is 401 all the same.
pub struct MaybeAuthenticated(pub Option<Caller>);

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = MaybeAuthenticated::from_request(request, payload);
        Box::pin(async {
            caller.await?.0.map(Self).ok_or_else(|| Problem::new(Code::NotAuthenticated, "Not authenticated"))
        })
    }
}

impl FromRequest for MaybeAuthenticated {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Some(token) = token(&request)? else { return Ok(Self(None)) };
            let accounts = request
                .app_data::<Data<Accounts>>()
                .ok_or_else(|| Problem::internal("no accounts among the application's data"))?;
            let caller = accounts.authenticate(token).await?;
            request.extensions_mut().insert(LoggedUser(caller.user.id));
            Ok(Self(Some(caller)))
        })
    }
}

/// The token that was sent, if any. Another scheme than `Bearer` is no token of ours, and as good as none.
fn token(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(Problem::new(Code::InvalidRequest, "There must be one Authorization header only"));
    }
    Ok(value.to_str().ok().and_then(bearer))
}
