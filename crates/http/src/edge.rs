//! What happens to every request and every response, whatever is between: a request id, a body for every error, one line in
//! the log.

use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use keepstone_domain::UserId;

use crate::{
    client_address::ClientAddress,
    problem::{self, Problem},
    request_id::RequestId,
    server::Options,
};

/// Who asked, once it is known; put among the request's extensions by [`Caller`](crate::extract)'s extractor.
#[derive(Clone, Copy)]
pub struct LoggedUser(pub UserId);

/// When the head of the request had been read; put among its extensions.
#[derive(Clone, Copy)]
pub struct Arrived(pub Instant);

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
    request.extensions_mut().insert(Arrived(started));
    let trusted = request.app_data::<Data<Options>>().map_or(&[][..], |options| &options.trusted_proxies);
    let client = ClientAddress::find(&request, trusted);
    request.extensions_mut().insert(client);
    let (method, path) = (request.method().clone(), request.path().to_owned());
    if method == Method::HEAD {
        // HEAD is GET without the body (RFC 9110 section 9.3.2), which the protocol layer leaves out by itself.
        request.head_mut().method = Method::GET;
    }
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let answered = answered.unwrap_or_else(|_| Err(Problem::internal("the handler panicked").into()));
    match answered {
        Ok(response) => {
            let mut response = with_problem_body(response.map_into_boxed_body(), &id);
            response.headers_mut().insert(crate::request_id::HEADER, id.header_value());
            let user = response.request().extensions().get::<LoggedUser>().map(|user| user.0);
            let cause = response.response().error().and_then(|error| error.as_error::<Problem>()?.cause());
            log(&Line {
                method: &method,
                path: &path,
                status: response.status().as_u16(),
                id: &id,
                user,
                client,
                cause,
                started,
            });
            Ok(response)
        }
        // There is no request left to answer to, so the protocol layer sends this as it is.
        Err(error) => {
            let problem = error.as_error::<Problem>();
            let status = error.as_response_error().status_code();
            let cause = problem.and_then(Problem::cause).map(str::to_owned);
            log(&Line {
                method: &method,
                path: &path,
                status: status.as_u16(),
                id: &id,
                user: None,
                client,
                cause: cause.as_deref(),
                started,
            });
            Err(Problem::of_status(status).of_request(id).into())
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

struct Line<'a> {
    method: &'a Method,
    path: &'a str,
    status: u16,
    id: &'a RequestId,
    user: Option<UserId>,
    client: ClientAddress,
    cause: Option<&'a str>,
    started: Instant,
}

/// The access log: one line a request, without the query, which may hold secrets.
fn log(line: &Line<'_>) {
    let Line { method, path, status, cause, .. } = line;
    let (request_id, micros) = (line.id.as_str(), line.started.elapsed().as_micros());
    let user_id = line.user.map(tracing::field::display);
    let client = line.client.0.map(tracing::field::display);
    if *status >= 500 {
        tracing::error!(target: "access", %method, path, status, micros, request_id, user_id, client, cause);
    } else {
        tracing::info!(target: "access", %method, path, status, micros, request_id, user_id, client);
    }
}
