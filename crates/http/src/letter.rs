//! `/send-email`: e-mails that callers write.

use actix_web::{FromRequest, HttpRequest, dev::Payload, middleware::from_fn, post, web::Data};
use keepstone_domain::{Email, MailText, Subject};
use keepstone_service::{Letters, Limit};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    extract::{Authenticated, Extraction, Requester, Valid},
    field::{Checker, Field, Input},
    problem::{ApiResult, Problem},
    query::Query,
    rate_limit::limited,
    respond::{Accepted, MessageView},
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
#[expect(dead_code, reason = "it is described, and read by hand")]
pub struct LetterQuery {
    /// The recipient of a test e-mail, instead of a body.
    #[param(max_length = 254)]
    email: Option<String>,
}

/// To whom, and what; a test, if nothing is said.
pub struct LetterRequest(Email, Option<(Subject, MailText)>);

impl FromRequest for LetterRequest {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut query = Query::new(request.query_string());
        let email = query.value("email", Email::parse);
        let errors = query.into_errors();
        let body = Valid::<LetterBody>::from_request(request, payload);
        Box::pin(async move {
            match email {
                _ if !errors.is_empty() => Err(Problem::validation(errors)),
                Some(email) => Ok(Self(email, None)),
                None => body.await.map(|Valid((email, letter))| Self(email, letter)),
            }
        })
    }
}

/// Send an e-mail
///
/// Sends an e-mail to one address. With the query parameter `email` instead of a body, sends a test e-mail there. Requires
/// `email:send`.
#[utoipa::path(
    tag = "email",
    operation_id = "sendEmail",
    params(LetterQuery),
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
    letters: Data<Letters>,
    options: Data<Options>,
    requester: Requester,
) -> ApiResult<Accepted> {
    let LetterRequest(email, letter) = letter;
    let (subject, text) = match letter {
        Some(letter) => letter,
        None => test(&options.title).map_err(Problem::internal)?,
    };
    letters.send(&caller, email, subject, text, &requester.0).await?;
    Ok(Accepted("Email will be sent"))
}

fn test(product: &str) -> Result<(Subject, MailText), keepstone_domain::Invalid> {
    let subject = Subject::parse(&format!("Test e-mail from {product}"))?;
    let text = MailText::parse(&format!("This is a test. It shows that {product} can send e-mails.\n"))?;
    Ok((subject, text))
}
