//! `/auth/verify-email`, `/auth/password` and `/auth/undo-email-change`: operations authorized by a token from an
//! e-mail. The pages that links in e-mails lead to are in [`mail_proof_page`](crate::mail_proof_page).

use actix_web::{
    HttpRequest,
    middleware::from_fn,
    post,
    web::{Bytes, Data},
};
use keepstone_domain::Email;
use keepstone_service::{Idempotency, Limit, MailProof, NewPassword};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    extract::{Authenticated, IdempotencyKey, IdempotencyKeyHeader, Making, Requester, Valid},
    field::{Checker, Field, Input},
    once::once,
    problem::{ApiResult, FieldError, Problem},
    rate_limit::limited,
    respond::{Accepted, Json, MessageView, NoContent, Once},
};

/// A token from an e-mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = MailToken)]
pub struct MailTokenBody {
    /// The part of the link after `#token=`.
    #[serde(default)]
    #[schema(required = true, value_type = String)]
    token: Field<String>,
}

impl Input for MailTokenBody {
    type Output = String;

    fn check(self, checker: &mut Checker) -> Option<String> {
        checker.required("token", self.token, Ok)
    }
}

/// A request for a password reset link.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgottenPassword)]
pub struct ForgottenPasswordBody {
    /// The address of the account.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "idn-email", max_length = 254)]
    email: Field<String>,
}

impl Input for ForgottenPasswordBody {
    type Output = Email;

    fn check(self, checker: &mut Checker) -> Option<Email> {
        checker.required("email", self.email, |text| Email::parse(&text))
    }
}

/// A new password, and the token from an e-mail that permits it.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
pub struct PasswordResetBody {
    /// The part of the link after `#token=`.
    #[serde(default)]
    #[schema(required = true, value_type = String)]
    token: Field<String>,
    /// The new password; `newPassword` and `password` are accepted too.
    #[serde(default, alias = "newPassword", alias = "password")]
    #[schema(required = true, value_type = String, format = "password", min_length = 8, max_length = 128)]
    new_password: Field<String>,
}

impl Input for PasswordResetBody {
    type Output = (String, NewPassword);

    fn check(self, checker: &mut Checker) -> Option<Self::Output> {
        let token = checker.required("token", self.token, Ok);
        let new = checker.new_password("new_password", self.new_password);
        Some((token?, new?))
    }
}

/// A verified e-mail address.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailVerified)]
pub struct EmailVerifiedView {
    /// Always true.
    #[schema(example = true)]
    email_verified: bool,
}

/// Request an e-mail verification link
///
/// Sends the caller an e-mail with a link that confirms the pending address, or else the current one. Only the newest
/// link works, for 24 hours.
#[utoipa::path(
    tag = "auth",
    operation_id = "requestEmailVerification",
    params(IdempotencyKeyHeader),
    responses(
        (status = ACCEPTED, body = MessageView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["email_unavailable", "rate_limited"]))),
)]
#[post("/verify-email/request", wrap = "from_fn(limited(Limit::Password))")]
pub async fn request_verification(
    caller: Authenticated,
    key: IdempotencyKey,
    request: HttpRequest,
    proof: Data<MailProof>,
    requests: Data<Idempotency>,
) -> ApiResult<Once> {
    let answer = |is_sent: &bool| {
        Accepted(if *is_sent { "Verification email will be sent" } else { "Email is already verified" }).answer()
    };
    let keyed = key.0.map(|key| (key, Bytes::new()));
    let ask = async |receipt| proof.request_verification(&caller, receipt).await;
    once(&keyed, &request, Some(caller.user.id), &requests, answer, ask).await
}

/// Confirm an e-mail address
///
/// Confirms the address that the token was sent to. A pending address then replaces the current one. A token works
/// once.
#[utoipa::path(
    tag = "auth",
    operation_id = "confirmEmail",
    request_body = MailTokenBody,
    responses(
        (status = OK, body = EmailVerifiedView),
    ),
    security(()),
    extensions(("x-problems" = json!(["email_token_invalid", "email_taken", "rate_limited"]))),
)]
#[post("/verify-email/confirm", wrap = "from_fn(limited(Limit::Password))")]
pub async fn verify_email(
    token: Valid<MailTokenBody>,
    proof: Data<MailProof>,
    requester: Requester,
) -> ApiResult<Json<EmailVerifiedView>> {
    proof.verify_email(&token.0, &requester.0).await?;
    Ok(Json(EmailVerifiedView { email_verified: true }))
}

/// Request a password reset link
///
/// Sends a link to set a new password if an account has this address. The response is the same either way.
#[utoipa::path(
    tag = "auth",
    operation_id = "requestPasswordReset",
    request_body = ForgottenPasswordBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = ACCEPTED, body = MessageView),
    ),
    security(()),
    extensions(("x-problems" = json!(["rate_limited"]))),
)]
#[post("/password/forgot", wrap = "from_fn(limited(Limit::Password))")]
pub async fn request_reset(
    email: Making<ForgottenPasswordBody>,
    request: HttpRequest,
    proof: Data<MailProof>,
    requests: Data<Idempotency>,
) -> ApiResult<Once> {
    const ANSWER: &str = "If there is an account with this email, a link to set a new password will be sent";
    let ask = async |email, receipt| proof.request_reset(email, receipt).await;
    email.once(&request, None, &requests, |(): &()| Accepted(ANSWER).answer(), ask).await
}

/// Reset a password
///
/// Sets a new password and revokes every session of the account. A token works once, for an hour.
#[utoipa::path(
    tag = "auth",
    operation_id = "resetPassword",
    request_body = PasswordResetBody,
    responses(
        (status = NO_CONTENT),
    ),
    security(()),
    extensions(("x-problems" = json!(["email_token_invalid", "rate_limited"]))),
)]
#[post("/password/reset", wrap = "from_fn(limited(Limit::Password))")]
pub async fn reset_password(
    reset: Valid<PasswordResetBody>,
    proof: Data<MailProof>,
    requester: Requester,
) -> ApiResult<NoContent> {
    let (token, new) = reset.0;
    let outcome = proof.reset_password(&token, new, &requester.0).await;
    outcome.map_err(|error| match error {
        keepstone_service::Error::Password(violation) => {
            Problem::validation(vec![FieldError::password("new_password", &violation)])
        }
        other => other.into(),
    })?;
    Ok(NoContent)
}

/// Undo an e-mail change
///
/// Restores the previous address of an account, revokes its sessions, and sends a link to set a new password. The old
/// password stops working. A token works once, for 7 days.
#[utoipa::path(
    tag = "auth",
    operation_id = "undoEmailChange",
    request_body = MailTokenBody,
    responses(
        (status = NO_CONTENT),
    ),
    security(()),
    extensions(("x-problems" = json!(["email_token_invalid", "rate_limited"]))),
)]
#[post("/undo-email-change/confirm", wrap = "from_fn(limited(Limit::Password))")]
pub async fn undo_email_change(
    token: Valid<MailTokenBody>,
    proof: Data<MailProof>,
    requester: Requester,
) -> ApiResult<NoContent> {
    proof.undo_email_change(&token.0, &requester.0).await?;
    Ok(NoContent)
}
