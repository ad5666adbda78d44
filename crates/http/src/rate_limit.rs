//! Rate limits of single routes. They are checked before the body is read, and every response of such a route has their
//! headers.

use std::{pin::Pin, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER},
    middleware::Next,
    web::Data,
};
use keepstone_auth::token::bearer;
use keepstone_service::{Decision, Key, Limit, Outcome, RateLimits};

use crate::{
    client_address::ClientAddress,
    extract::is_form,
    problem::{ApiResult, Problem},
};

/// The header with the number of requests that the limit allows.
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// The header with the number of requests left.
pub const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// The header with the seconds until the limit is fully available again.
pub const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

type Answer = Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;

/// Returns a middleware that limits a route by client address: `#[post("/login", wrap =
/// "from_fn(limited(Limit::Login))")]`.
pub fn limited(limit: Limit) -> impl Fn(ServiceRequest, Next<BoxBody>) -> Answer {
    move |request, next| Box::pin(decide(limit, request, next))
}

/// Returns the same for the token endpoint. The grant of a form is known only after its body was read, and is counted
/// then ([`count`]); before that a form counts as a refresh.
pub fn limited_by_grant(limit: Limit) -> impl Fn(ServiceRequest, Next<BoxBody>) -> Answer {
    move |request, next| {
        let is_form = is_form(&request.content_type().to_ascii_lowercase());
        Box::pin(decide(if is_form { Limit::RefreshRequest } else { limit }, request, next))
    }
}

/// Counts a request in its handler, by client address. The headers of the response describe this limit instead of that
/// of the route.
pub async fn count(request: &HttpRequest, limit: Limit) -> ApiResult<()> {
    let limits = request.app_data::<Data<RateLimits>>();
    let limits = limits.ok_or_else(|| Problem::internal("no limits among the application's data"))?;
    match limits.check(limit, Key::address(ClientAddress::of(request))).await {
        Some(decision) if decision.outcome != Outcome::Allowed => Err(Problem::too_many_requests(decision)),
        Some(decision) => {
            request.extensions_mut().insert(decision);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Returns a middleware that limits only requests without an access token.
pub fn limited_if_anonymous(limit: Limit) -> impl Fn(ServiceRequest, Next<BoxBody>) -> Answer {
    move |request, next| {
        let header = request.headers().get(AUTHORIZATION);
        let is_anonymous = header.and_then(|value| bearer(value.to_str().ok()?)).is_none();
        if is_anonymous { Box::pin(decide(limit, request, next)) } else { Box::pin(next.call(request)) }
    }
}

async fn decide(limit: Limit, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let limits = request.app_data::<Data<RateLimits>>().cloned();
    let limits = limits.ok_or_else(|| Problem::internal("no limits among the application's data"))?;
    let key = Key::address(ClientAddress::of(request.request()));
    let Some(decision) = limits.check(limit, key).await else { return next.call(request).await };
    if decision.outcome != Outcome::Allowed {
        // Not an `Err`: the outer middleware, CORS in particular, would not see the response.
        return Ok(request.error_response(Problem::too_many_requests(decision)));
    }
    let mut response = next.call(request).await?;
    // A rejection by an inner limit already has the headers of that limit.
    if !response.headers().contains_key(LIMIT) {
        let own = response.request().extensions().get::<Decision>().copied();
        for (name, value) in headers(&own.unwrap_or(decision)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Returns the response headers for a decision.
pub fn headers(decision: &Decision) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
    let retry_after = match decision.outcome {
        Outcome::Allowed => None,
        Outcome::Refused { retry_after } => Some((RETRY_AFTER, HeaderValue::from(seconds(retry_after).max(1)))),
    };
    let told = [
        (LIMIT, HeaderValue::from(decision.limit)),
        (REMAINING, HeaderValue::from(decision.remaining)),
        (RESET, HeaderValue::from(seconds(decision.reset))),
    ];
    told.into_iter().chain(retry_after)
}

/// Converts to whole seconds, rounded up, so a client that waits this long is not rejected again.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        let told = |retry_after| {
            let decision =
                Decision { outcome: Outcome::Refused { retry_after }, limit: 5, remaining: 0, reset: retry_after };
            headers(&decision).find(|(name, _)| *name == RETRY_AFTER).unwrap().1
        };
        assert_eq!(told(Duration::ZERO), "1");
        assert_eq!(told(Duration::from_millis(1)), "1");
        assert_eq!(told(Duration::from_millis(5001)), "6");
        assert_eq!(told(Duration::from_secs(6)), "6");
    }

    #[test]
    fn an_allowed_request_has_no_retry_after() {
        let decision = Decision { outcome: Outcome::Allowed, limit: 5, remaining: 4, reset: Duration::from_secs(1) };
        assert_eq!(headers(&decision).count(), 3);
    }
}
