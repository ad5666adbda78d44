//! The outermost middleware. Every request has a request id and one line in the access log; every response has the
//! common headers, and every error a body.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage,
    body::{self, BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::{Bytes, Data},
};
use keepstone_domain::UserId;

use crate::{
    client_address::{self, ClientAddress},
    cors, headers,
    log_path::loggable,
    problem::{self, Problem},
    request_id::RequestId,
    server::Options,
};

/// The authenticated user, for the access log; an extension that the extractor of [`Caller`](crate::extract) adds.
#[derive(Clone, Copy)]
pub struct LoggedUser(pub UserId);

/// Handles a request as described in the module documentation.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let options = request.app_data::<Data<Options>>();
    let trusted = options.map_or(&[][..], |options| &options.trusted_proxies);
    if options.is_some_and(|options| options.is_production) {
        client_address::report_untrusted_proxy(&request, trusted);
    }
    let client = ClientAddress::find(&request, trusted);
    let is_https = headers::is_https(&request, trusted);
    request.extensions_mut().insert(client);
    let is_head = request.method() == Method::HEAD;
    let line = Line { method: request.method().clone(), path: loggable(request.path()).into_owned(), client, started };
    if is_head {
        // HEAD is GET without the body (RFC 9110 section 9.3.2), which the protocol layer leaves out by itself.
        request.head_mut().method = Method::GET;
    }
    match next.call(request).await {
        Ok(response) => {
            let user = response.request().extensions().get::<LoggedUser>().map(|user| user.0);
            line.log(response.status(), &id, user, response.response().error());
            let response = complete(cors::explain(response.map_into_boxed_body()), &id, is_https);
            // The protocol layer would read the whole stream only to discard it.
            let is_in_vain = is_head && response.response().body().size() == BodySize::Stream;
            Ok(if is_in_vain { response.map_body(|_, _| BoxBody::new(body::None::new())) } else { response })
        }
        // The request was dropped with the handler. The protocol layer creates the response from the error later.
        Err(mut error) => {
            line.log(error.as_response_error().status_code(), &id, None, Some(&error));
            let made = error.error_response();
            let body = problem_body(made.status(), made.headers(), Some(&error), &id);
            let body = body.map(|Body { content_type, bytes }| (content_type, Bytes::from(bytes)));
            error.add_response_mapper(move |mut response| {
                set_headers(response.headers_mut(), body.as_ref().map(|(kind, _)| *kind), &id, is_https);
                match body.clone() {
                    Some((_, body)) => response.set_body(BoxBody::new(body)),
                    None => response,
                }
            });
            Err(error)
        }
    }
}

/// Adds the common headers, and the body if this is an error. Existing headers, such as those of CORS, stay.
fn complete(mut response: ServiceResponse<BoxBody>, id: &RequestId, is_https: bool) -> ServiceResponse<BoxBody> {
    let body = problem_body(response.status(), response.headers(), response.response().error(), id);
    set_headers(response.headers_mut(), body.as_ref().map(|body| body.content_type), id, is_https);
    match body {
        Some(body) => response.map_body(|_, _| BoxBody::new(body.bytes)),
        None => response,
    }
}

/// Sets the headers of a response; `content_type` is that of a body that is added here.
fn set_headers(headers: &mut HeaderMap, content_type: Option<&'static str>, id: &RequestId, is_https: bool) {
    if let Some(content_type) = content_type {
        for (name, value) in [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    headers.insert(crate::request_id::HEADER, id.header_value());
    cors::complete(headers);
    headers::complete(headers, is_https);
}

/// The body of an error.
struct Body {
    content_type: &'static str,
    bytes: Vec<u8>,
}

/// Returns the body to add to an error response; `None` if the response is not an error or already has a body.
fn problem_body(status: StatusCode, headers: &HeaderMap, error: Option<&Error>, id: &RequestId) -> Option<Body> {
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    match error.and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => Some(Body { content_type: problem.content_type(), bytes: problem.body(id) }),
        None if content_type.is_some_and(|value| value == "application/json" || value == problem::CONTENT_TYPE) => None,
        None => Some(Body { content_type: problem::CONTENT_TYPE, bytes: Problem::of_status(status).body(id) }),
    }
}

/// A line of the access log. It has neither the query nor parts of the path that may contain a secret.
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
