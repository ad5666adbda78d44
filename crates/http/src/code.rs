//! The one table of everything that can go wrong, as clients see it. A code, once released, keeps its name and meaning.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($(#[doc = $explanation:literal] #[doc = $remedy:literal] $variant:ident = $name:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong: the `code` of a problem, stable, for programs to branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $explanation] #[doc = $remedy] $variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name that clients branch on.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The status that it is sent with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// A short summary that does not change from one occurrence to another (RFC 9457 section 3.1.4).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What it means.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation.trim_ascii(),)+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy.trim_ascii(),)+ }
            }
        }
    };
}

// Of each code the first line says what it means, the second what to do about it.
codes! {
    /// The body is not well-formed JSON, or not a well-formed form, or it is nested 128 levels deep or more.
    /// Mend the body: `detail` says where it cannot be read. JSON is UTF-8 without a byte order mark.
    MalformedBody = "malformed_body", BAD_REQUEST, "Malformed body";
    /// The path or the query is not percent-encoded text: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
    /// Encode each value with a function made for it, such as JavaScript's `encodeURIComponent`.
    MalformedUrl = "malformed_url", BAD_REQUEST, "Malformed URL";
    /// Somebody has signed up with this address.
    /// Log in, or ask for a new password.
    EmailAlreadyRegistered = "email_already_registered", BAD_REQUEST, "Email already registered";
    /// The request says two things at once, or is no request that HTTP or the OAuth 2 form knows (RFC 6749 section 5.2).
    /// Say one thing only; a form needs what its grant type asks for.
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// The token from an e-mail is none of this server's, too old, used up, or not the newest.
    /// Ask for a new e-mail, and use the link in that one.
    EmailTokenInvalid = "email_token_invalid", BAD_REQUEST, "Invalid link";
    /// What was given as the current password is not it.
    /// Ask the user to type it again.
    CurrentPasswordInvalid = "current_password_invalid", BAD_REQUEST, "Current password invalid";
    /// The caller changes their own e-mail address, which takes their current password.
    /// Send `current_password` with the new address.
    CurrentPasswordRequired = "current_password_required", BAD_REQUEST, "Current password required";
    /// What an OAuth 2 form was to be exchanged for tokens is no good: the name, the password, or the refresh token.
    /// Ask the user to log in again.
    InvalidGrant = "invalid_grant", BAD_REQUEST, "Invalid grant";
    /// The OAuth 2 form asks for a grant that this endpoint does not give.
    /// Send `grant_type=password` to log in, `grant_type=refresh_token` to refresh.
    UnsupportedGrantType = "unsupported_grant_type", BAD_REQUEST, "Unsupported grant type";
    /// The route needs an access token, and none was sent.
    /// Log in, and send `Authorization: Bearer` and the access token.
    NotAuthenticated = "not_authenticated", UNAUTHORIZED, "Not authenticated";
    /// What was sent is no token of this server that is good here.
    /// Send the access token of a login as it came; a refresh token is for refreshing only.
    TokenInvalid = "token_invalid", UNAUTHORIZED, "Invalid token";
    /// The token is too old.
    /// Refresh an access token; if the refresh token is too old as well, log in again.
    TokenExpired = "token_expired", UNAUTHORIZED, "Expired token";
    /// The session behind the token has ended, or the account has.
    /// Log in again.
    TokenRevoked = "token_revoked", UNAUTHORIZED, "Revoked token";
    /// The password is wrong, or there is no such account: the two are not told apart.
    /// Ask the user to type both again.
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
    /// Nobody can sign up here.
    /// Ask an administrator for an account.
    RegistrationClosed = "registration_closed", FORBIDDEN, "Registration closed";
    /// There is nothing at this path.
    /// Check the path; the API's document lists all there are.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// There is no such user, or none that the caller may know of.
    /// Check the id; the account may have been deleted.
    UserNotFound = "user_not_found", NOT_FOUND, "User not found";
    /// There is no such item.
    /// Check the id; the item may have been deleted.
    ItemNotFound = "item_not_found", NOT_FOUND, "Item not found";
    /// There is no such job.
    /// Check the id; a job that was done is forgotten after a week, a dead one after a month.
    JobNotFound = "job_not_found", NOT_FOUND, "Job not found";
    /// The caller has no such session that lives.
    /// Nothing need be done if it was to be ended; the list of sessions has those that live.
    SessionNotFound = "session_not_found", NOT_FOUND, "Session not found";
    /// The path exists, but not with this method.
    /// Use one of the methods that `Allow` lists.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// `Accept` excludes everything that this route answers with.
    /// Send `Accept: application/json`, or leave it out. Errors are `application/problem+json` whatever is asked for.
    NotAcceptable = "not_acceptable", NOT_ACCEPTABLE, "Not acceptable";
    /// The request did not arrive in time: its head within 10 seconds, its body within 10 more and at 1 KiB a second.
    /// Send it again, over a better connection or in smaller parts.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// Another account has this address.
    /// Use another address.
    EmailTaken = "email_taken", CONFLICT, "Email in use";
    /// Another account has this user name.
    /// Use another user name.
    UsernameTaken = "username_taken", CONFLICT, "Username in use";
    /// The last active administrator has to stay one.
    /// Make another one first.
    LastAdmin = "last_admin", CONFLICT, "Last administrator";
    /// The job is done, or being done.
    /// Nothing need be done if it was to be done; a job that is dead or waits can be tried again.
    JobNotRetryable = "job_not_retryable", CONFLICT, "Job not retryable";
    /// The same request, with the same `Idempotency-Key`, is being answered.
    /// Send it again in a moment.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT, "Request in progress";
    /// The thing has another version by now than `If-Match` asks for.
    /// Fetch it again, and decide whether the change is still right.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    /// The body is larger than this route takes.
    /// Send less: 64 KiB under `/auth`, 1 MiB elsewhere.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body too large";
    /// The path or the query is longer than 8 KiB.
    /// Ask for less at once.
    UriTooLong = "uri_too_long", URI_TOO_LONG, "URL too long";
    /// The body is not in a format that this route reads.
    /// Check `Content-Type`, and send the body without `Content-Encoding`.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// The request was understood, but some of its values are not acceptable.
    /// Mend the values that `errors` lists: `loc` is where each is, `msg` what is wrong with it.
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Validation failed";
    /// The same `Idempotency-Key` came with another body before.
    /// Use a new key for a new request.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    /// This was asked for too often.
    /// Try again after `Retry-After` seconds.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// The head of the request has too many lines, or too long ones.
    /// Send fewer and shorter headers: 96 lines and 128 KiB at most.
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Request head too large";
    /// A defect of the server. Nothing about it is told here.
    /// Tell the operator the `request_id`: the log has the cause under it.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The server has more to do than it can.
    /// Try again after `Retry-After` seconds.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// Something that the server needs does not answer.
    /// Try again after `Retry-After` seconds.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable";
    /// This server sends no e-mails, because no mail server is configured.
    /// Tell the operator to set `MAIL_URL`.
    EmailUnavailable = "email_unavailable", SERVICE_UNAVAILABLE, "No e-mail";
    /// The server took too long, and has given up.
    /// Try again after `Retry-After` seconds.
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
