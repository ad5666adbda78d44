//! `/send-email`: e-mails written by callers.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    middleware::from_fn,
    post,
    web::{Bytes, Data},
};
use keepstone_domain::{Email, MailText, Subject};
use keepstone_service::{Idempotency, Letters, Limit};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    extract::{Authenticated, Extraction, IdempotencyKey, IdempotencyKeyHeader, Making, Requester},
    field::{Checker, Field, Input},
    once::{Keyed, once},
    problem::{ApiResult, Problem},
    query::Query,
    rate_limit::limited,
    respond::{Accepted, MessageView, Once},
    server::Options,
};

/// An e-mail to one address.
#[derive(Deserialize, ToSchema)]
#[schema(as = Letter)]
pub struct LetterBody {
    /// The recipient; `email` is accepted too.
    #[serde(default, alias = "email")]
    #[schema(required = true, value_type = String, format = "idn-email", max_length = 254)]
    to: Field<String>,
    /// One line.
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 200, example = "Hello")]
    subject: Field<String>,
    /// Plain text.
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 20_000, example = "Hello, Ada.")]
    body: Field<String>,
}

impl Input for LetterBody {
    type Output = (Email, Option<(Subject, MailText)>);

    fn check(self, checker: &mut Checker) -> Option<Self::Output> {
        let to = checker.required("to", self.to, |text| Email::parse(&text));
        let subject = checker.required("subject", self.subject, |text| Subject::parse(&text));
        let body = checker.required("body", self.body, |text| MailText::parse(&text));
        Some((to?, Some((subject?, body?))))
    }
}

/// The query of a test e-mail.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct LetterQuery {
    /// The recipient of a test e-mail, instead of a body.
    #[param(max_length = 254)]
    email: Option<String>,
}

/// The recipient, the text (`None` for a test e-mail), and the idempotency key.
pub struct LetterRequest(Email, Option<(Subject, MailText)>, Keyed);

impl FromRequest for LetterRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut query = Query::new(request.query_string());
        let email = query.value("email", Email::parse);
        let errors = query.into_errors();
        let key = IdempotencyKey::of(request);
        let body = Making::<LetterBody>::from_request(request, payload);
        Box::pin(async move {
            match email {
                _ if !errors.is_empty() => Err(Problem::validation(errors)),
                Some(email) => {
                    // Stands for the body under the idempotency key. No JSON begins with `?`.
                    let said = Bytes::from(format!("?email={email}"));
                    Ok(Self(email, None, key?.0.map(|key| (key, said))))
                }
                None => body.await.map(|Making { body: (email, letter), key }| Self(email, letter, key)),
            }
        })
    }
}

/// Send an e-mail
///
/// Sends an e-mail to one address. With the query parameter `email` instead of a body, sends a test e-mail there.
/// Requires `email:send`.
#[utoipa::path(
    tag = "email",
    operation_id = "sendEmail",
    params(LetterQuery, IdempotencyKeyHeader),
    request_body(content = Option<LetterBody>, content_type = "application/json"),
    responses(
        (status = ACCEPTED, body = MessageView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "email_unavailable", "rate_limited"]))),
)]
#[post("/send-email", wrap = "from_fn(limited(Limit::Letter))")]
pub async fn send(
    caller: Authenticated,
    letter: LetterRequest,
    request: HttpRequest,
    services: (Data<Letters>, Data<Idempotency>),
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Once> {
    let (letters, requests) = services;
    let LetterRequest(email, letter, keyed) = letter;
    let (subject, text) = match letter {
        Some(letter) => letter,
        None => test(&options.title).map_err(Problem::internal)?,
    };
    let send = async |receipt| letters.send(&caller, email, subject, text, &requester.0, receipt).await;
    let answer = |(): &()| Accepted("Email will be sent").answer();
    once(&keyed, &request, Some(caller.user.id), &requests, answer, send).await
}

fn test(product: &str) -> Result<(Subject, MailText), keepstone_domain::Invalid> {
    let subject = Subject::parse(&format!("Test e-mail from {product}"))?;
    let text = MailText::parse(&format!("This is a test. It shows that {product} can send e-mails.\n"))?;
    Ok((subject, text))
}
