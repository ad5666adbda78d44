//! What happens to every request and every response, whatever is between: a request id, a body for every error, one line in
//! the log.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use keepstone_domain::UserId;

use crate::{
    client_address::ClientAddress,
    deadline::Deadline,
    problem::{self, Problem},
    request_id::RequestId,
    server::Options,
};

/// Who asked, once it is known; put among the request's extensions by [`Caller`](crate::extract)'s extractor.
#[derive(Clone, Copy)]
pub struct LoggedUser(pub UserId);

/// The outermost middleware.
///
/// A handler that panics gives 500 and nothing else is harmed.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let options = request.app_data::<Data<Options>>();
    let trusted = options.map_or(&[][..], |options| &options.trusted_proxies);
    let patience = options.map_or(Duration::MAX, |options| options.request_timeout);
    let client = ClientAddress::find(&request, trusted);
    request.extensions_mut().insert(client);
    let line = Line { method: request.method().clone(), path: request.path().to_owned(), client, started };
    if line.method == Method::HEAD {
        // HEAD is GET without the body (RFC 9110 section 9.3.2), which the protocol layer leaves out by itself.
        request.head_mut().method = Method::GET;
    }
    let deadline = Deadline::of(&mut request, started, patience);
    let answered = match deadline.allow(AssertUnwindSafe(next.call(request)).catch_unwind()).await {
        Ok(answered) => answered.unwrap_or_else(|_| Err(Problem::internal("the handler panicked").into())),
        Err(late) => Err(late.into()),
    };
    match answered {
        Ok(response) => {
            let mut response = with_problem_body(response.map_into_boxed_body(), &id);
            response.headers_mut().insert(crate::request_id::HEADER, id.header_value());
            if !response.headers().contains_key(header::CACHE_CONTROL) {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            let user = response.request().extensions().get::<LoggedUser>().map(|user| user.0);
            line.log(response.status(), &id, user, response.response().error());
            Ok(response)
        }
        // There is no request left to answer to, so the protocol layer sends this as it is.
        Err(error) => {
            let status = error.as_response_error().status_code();
            line.log(status, &id, None, Some(&error));
            let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::of_status(status));
            Err(problem.of_request(id).into())
        }
    }
}

/// Gives an error the body that every error has. Headers that are already there, those of CORS among them, stay.
fn with_problem_body(response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let body = match response.response().error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem.body(Some(id)),
        None if is_problem(&response) => return response,
        None => Problem::of_status(status).body(Some(id)),
    };
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    for (name, value) in [(header::CONTENT_TYPE, problem::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value == "application/json" || value == problem::CONTENT_TYPE)
}

/// A line of the access log: one a request, without the query, which may hold secrets.
struct Line {
    method: Method,
    path: String,
    client: ClientAddress,
    started: Instant,
}

impl Line {
    fn log(&self, status: StatusCode, id: &RequestId, user: Option<UserId>, error: Option<&Error>) {
        let Self { method, path, .. } = self;
        let (status, request_id, micros) = (status.as_u16(), id.as_str(), self.started.elapsed().as_micros());
        let user_id = user.map(tracing::field::display);
        let client = self.client.0.map(tracing::field::display);
        let problem = error.and_then(|error| error.as_error::<Problem>());
        let (code, cause) = (problem.map(Problem::code_name), problem.and_then(Problem::cause));
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: "access", %method, path, status, micros, request_id, user_id, client, code, cause)
            };
        }
        match status {
            503 => line!(warn),
            500.. => line!(error),
            _ => line!(info),
        }
    }
}
