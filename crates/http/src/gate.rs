//! Between the routes and everything around them: refuses what no route should see, and answers for a handler that
//! panics or takes too long. It is inside CORS, so that a page of another origin can read these answers too.

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

/// The innermost middleware around all routes.
pub async fn gate(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    if let Err(refusal) = examine(&request) {
        return Ok(request.error_response(refusal));
    }
    let patience = request.app_data::<Data<Options>>().map_or(Duration::MAX, |options| options.request_timeout);
    let deadline = Deadline::of(&mut request, Instant::now(), patience);
    // The call itself is inside, too: what panics before it waits is no better.
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
