//! The innermost middleware: rejects requests that no route should handle, and responds for a handler that panics or
//! takes too long. It is inside CORS, so pages of other origins can read these responses too.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use crate::{
    deadline::Deadline,
    fallback::KnownPaths,
    problem::{ApiResult, Problem},
    server::Options,
    target,
};

/// Validates a request, and runs its handler within the deadline.
pub async fn gate(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    if let Err(refusal) = examine(&request) {
        return Ok(request.error_response(refusal));
    }
    let patience = request.app_data::<Data<Options>>().map_or(Duration::MAX, |options| options.request_timeout);
    let deadline = Deadline::of(&mut request, Instant::now(), patience);
    // The call itself is inside the future, too, to catch a panic before the first `await`.
    let answer = AssertUnwindSafe(async { next.call(request).await }).catch_unwind();
    match deadline.allow(answer).await {
        Ok(answered) => answered.unwrap_or_else(|_| Err(Problem::internal("the handler panicked").into())),
        Err(late) => Err(late.into()),
    }
}

fn examine(request: &ServiceRequest) -> ApiResult<()> {
    target::check(request.uri())?;
    let known = request.app_data::<Data<KnownPaths>>();
    known.map_or(Ok(()), |known| {
        known.has_method(request.request())?;
        known.acceptable(request.request())
    })
}
