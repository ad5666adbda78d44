//! The table of all error codes. The name and the meaning of a released code never change.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($(#[doc = $explanation:literal] #[doc = $remedy:literal] $variant:ident = $name:literal, $status:ident, $title:literal;)+) => {
        /// The `code` of a problem: stable, for programs to branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $explanation] #[doc = $remedy] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name that clients branch on.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status of the response.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// A short summary that does not change from one occurrence to another (RFC 9457 section 3.1.4).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// The meaning of the code.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation.trim_ascii(),)+ }
            }

            /// The action that resolves the error.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy.trim_ascii(),)+ }
            }
        }
    };
}

// The first line of each code is its meaning, the second the action that resolves it.
codes! {
    /// The body is not well-formed JSON, or not a well-formed form, or it is nested 128 levels deep or more.
    /// Fix the body: `detail` has the position of the error. JSON is UTF-8 without a byte order mark.
    MalformedBody = "malformed_body", BAD_REQUEST, "Malformed body";
    /// The path or the query is not percent-encoded text: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
    /// Encode each value with a function for that purpose, such as JavaScript's `encodeURIComponent`.
    MalformedUrl = "malformed_url", BAD_REQUEST, "Malformed URL";
    /// An account with this address already exists.
    /// Log in, or reset the password.
    EmailAlreadyRegistered = "email_already_registered", BAD_REQUEST, "Email already registered";
    /// The request is contradictory, or it is not a valid HTTP request or OAuth 2 form (RFC 6749 section 5.2).
    /// Remove the contradiction; a form needs all parameters of its grant type.
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// The token from an e-mail is invalid, has expired, was already used, or was replaced by a newer one.
    /// Request a new e-mail, and use the link in it.
    EmailTokenInvalid = "email_token_invalid", BAD_REQUEST, "Invalid link";
    /// The current password is incorrect.
    /// Ask the user to enter it again.
    CurrentPasswordInvalid = "current_password_invalid", BAD_REQUEST, "Current password invalid";
    /// Changing your own e-mail address requires the current password.
    /// Send `current_password` with the new address.
    CurrentPasswordRequired = "current_password_required", BAD_REQUEST, "Current password required";
    /// The credentials in an OAuth 2 form are invalid: the name, the password, or the refresh token.
    /// Ask the user to log in again.
    InvalidGrant = "invalid_grant", BAD_REQUEST, "Invalid grant";
    /// The `grant_type` of the OAuth 2 form is not supported.
    /// Send `grant_type=password` to log in, `grant_type=refresh_token` to refresh.
    UnsupportedGrantType = "unsupported_grant_type", BAD_REQUEST, "Unsupported grant type";
    /// The route requires an access token, and the request has none.
    /// Log in, and send the access token as `Authorization: Bearer`.
    NotAuthenticated = "not_authenticated", UNAUTHORIZED, "Not authenticated";
    /// The token was not issued by this server or is not valid for this endpoint.
    /// Send the access token of a login unchanged; a refresh token is only valid for refreshing.
    TokenInvalid = "token_invalid", UNAUTHORIZED, "Invalid token";
    /// The token has expired.
    /// Refresh the access token; if the refresh token has expired too, log in again.
    TokenExpired = "token_expired", UNAUTHORIZED, "Expired token";
    /// The session of the token has ended, or its account was deleted or deactivated.
    /// Log in again.
    TokenRevoked = "token_revoked", UNAUTHORIZED, "Revoked token";
    /// The password is wrong, or the account does not exist. The response does not distinguish the two.
    /// Ask the user to enter both again.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Invalid credentials";
    /// The refresh token was used before and may have been stolen, so its session has ended.
    /// Log in again. If this happens often, look for a client that keeps using an old refresh token.
    RefreshTokenReused = "refresh_token_reused", UNAUTHORIZED, "Refresh token reused";
    /// The caller's role does not permit this.
    /// Ask an administrator for a role that does.
    InsufficientPermissions = "insufficient_permissions", FORBIDDEN, "Insufficient permissions";
    /// The password is right, but the account is deactivated.
    /// Ask an administrator.
    UserInactive = "user_inactive", FORBIDDEN, "Account deactivated";
    /// Registration is disabled on this server.
    /// Ask an administrator for an account.
    RegistrationClosed = "registration_closed", FORBIDDEN, "Registration closed";
    /// The path does not exist.
    /// Check the path; the OpenAPI document lists all paths.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The user does not exist, or is not visible to the caller.
    /// Check the id; the account may have been deleted.
    UserNotFound = "user_not_found", NOT_FOUND, "User not found";
    /// The item does not exist.
    /// Check the id; the item may have been deleted.
    ItemNotFound = "item_not_found", NOT_FOUND, "Item not found";
    /// The job does not exist.
    /// Check the id; completed jobs are deleted after a week, dead ones after a month.
    JobNotFound = "job_not_found", NOT_FOUND, "Job not found";
    /// The caller has no active session with this id.
    /// If the session was to be ended, no action is needed; the list of sessions shows the active ones.
    SessionNotFound = "session_not_found", NOT_FOUND, "Session not found";
    /// The path exists, but not with this method.
    /// Use one of the methods that `Allow` lists.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// `Accept` excludes every media type of this route.
    /// Send `Accept: application/json`, or omit the header. Errors are `application/problem+json` in any case.
    NotAcceptable = "not_acceptable", NOT_ACCEPTABLE, "Not acceptable";
    /// The request did not arrive in time: its head within 10 seconds, its body within 10 more and at 1 KiB a second.
    /// Retry over a better connection, or send a smaller request.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// Another account has this address.
    /// Use another address.
    EmailTaken = "email_taken", CONFLICT, "Email in use";
    /// Another account has this user name.
    /// Use another user name.
    UsernameTaken = "username_taken", CONFLICT, "Username in use";
    /// The last active administrator cannot be deleted, deactivated or demoted.
    /// Create another administrator first.
    LastAdmin = "last_admin", CONFLICT, "Last administrator";
    /// The job is done or running.
    /// Retry only dead or waiting jobs; for others no action is needed.
    JobNotRetryable = "job_not_retryable", CONFLICT, "Job not retryable";
    /// A request with the same `Idempotency-Key` is still in progress.
    /// Retry in a moment.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT, "Request in progress";
    /// The resource no longer has the version in `If-Match`.
    /// Fetch it again, and decide whether the change still applies.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    /// The body is larger than this route takes.
    /// Send less: 64 KiB under `/auth`, 1 MiB elsewhere.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body too large";
    /// The path or the query is longer than 8 KiB.
    /// Shorten the URL.
    UriTooLong = "uri_too_long", URI_TOO_LONG, "URL too long";
    /// The route does not support the format of the body.
    /// Check `Content-Type`, and send the body without `Content-Encoding`.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The request is well-formed, but some of its values are invalid.
    /// Fix the values listed in `errors`: `loc` is the location of each, `msg` the error.
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Validation failed";
    /// The `Idempotency-Key` was already used for a different request.
    /// Use a new key for each new request.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    /// Too many requests.
    /// Retry after `Retry-After` seconds.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// The head of the request has too many lines, or its lines are too long.
    /// Send fewer and shorter headers: 96 lines and 128 KiB at most.
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Request head too large";
    /// An unexpected error of the server. The response contains no details.
    /// Report the `request_id` to the operator: the server's log has the cause.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The server is overloaded.
    /// Retry after `Retry-After` seconds.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// A dependency of the server, such as the database, is not available.
    /// Retry after `Retry-After` seconds.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable";
    /// E-mail is not configured on this server.
    /// Ask the operator to set `MAIL_URL`.
    EmailUnavailable = "email_unavailable", SERVICE_UNAVAILABLE, "E-mail unavailable";
    /// The server did not complete the request in time.
    /// Retry after `Retry-After` seconds.
    Timeout = "timeout", SERVICE_UNAVAILABLE, "Timeout";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_code_is_an_error() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().is_client_error() || code.status().is_server_error()));
    }
}
