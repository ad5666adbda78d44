//! The meaning of a failed attempt: whether to retry, and what to report to the operator. Only a permanent reply about
//! this recipient or this text is final. A wrong password in the configuration must not lose mail.

use std::{fmt, time::Duration};

use keepstone_service::MailError;

use super::cause::{Cause, LOOK_THERE};

/// The step of a conversation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Connect,
    StartTls,
    Login,
    From,
    To,
    Data,
    /// The text is sent, and the server has not yet confirmed it.
    End,
    /// All steps, which together took too long.
    Whole,
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    step: Step,
    pub cause: Cause,
}

/// Why a mail server did not accept an e-mail, and how to fix it. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}, {reason}{}", .fix.map(|fix| format!("; {fix}")).unwrap_or_default())]
pub struct SmtpFailure {
    place: String,
    reason: String,
    fix: Option<&'static str>,
    is_refusal: bool,
}

impl SmtpFailure {
    /// Returns the step and the cause, in one sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns how to fix the failure.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        self.fix.unwrap_or(LOOK_THERE)
    }
}

impl From<SmtpFailure> for MailError {
    fn from(failure: SmtpFailure) -> Self {
        let text = failure.to_string();
        if failure.is_refusal { Self::Refused(text) } else { Self::Unavailable(text) }
    }
}

impl Failure {
    pub const fn new(step: Step, cause: Cause) -> Self {
        Self { step, cause }
    }

    /// Creates a failure from an error of lettre: a rejection, an invalid reply, or a closed connection.
    pub fn of(step: Step, error: &lettre::transport::smtp::Error) -> Self {
        Self::new(step, Cause::of(error))
    }

    /// Creates a failure for a server that did not respond within this time.
    pub const fn silence(step: Step, time: Duration) -> Self {
        Self::new(step, Cause::Silence(time))
    }

    /// Returns the failure as shown to the operator, without these secrets.
    pub fn at(self, place: &str, secrets: &[String]) -> SmtpFailure {
        let reason = match &self.cause {
            Cause::Reply { code, .. } => format!("{}: {}{}", self.step, meaning(self.step, *code), self.cause),
            cause => format!("{}: {cause}", self.step),
        };
        SmtpFailure {
            place: place.to_owned(),
            reason: secrets.iter().fold(reason, |text, secret| text.replace(secret.as_str(), "…")),
            fix: self.cause.fix(self.step),
            is_refusal: self.is_refusal(),
        }
    }

    fn is_refusal(&self) -> bool {
        let Cause::Reply { code, text } = &self.cause else { return false };
        (500..600).contains(code)
            && match self.step {
                Step::Connect | Step::StartTls | Step::Login | Step::From | Step::Whole => false,
                Step::To => !is_about_us(*code) && !speaks_of_relaying(text),
                Step::Data | Step::End => !is_about_us(*code),
            }
    }
}

/// Returns the meaning of a negative reply, where the text of the server may not explain it.
const fn meaning(step: Step, code: u16) -> &'static str {
    match (step, code) {
        (Step::Connect, 400..=499) => "the server takes no connections now: ",
        (Step::Connect, 554) => "the server does not serve this machine: ",
        (Step::Connect, _) => "the server rejected the greeting of this client: ",
        (Step::StartTls, _) => "the server does not begin TLS: ",
        (Step::Login, 530 | 538) => "the server takes logins only over TLS: ",
        (Step::Login, 400..=499) => "the server cannot verify the login now: ",
        (Step::Login, _) => "the login was rejected: ",
        _ => "",
    }
}

/// Returns how to fix the cause of a negative reply.
pub fn fix(step: Step, code: u16, text: &str) -> Option<&'static str> {
    Some(match (step, code) {
        (Step::Connect, 400..=499) => {
            "try again later; if it persists, ask the operator of the server whether it limits this machine"
        }
        (Step::Connect, 554) => {
            "ask the operator of the server why it rejects the address of this machine; or use a server for submission, \
             with a login, usually on port 587 or 465"
        }
        (Step::Connect, _) => {
            "check that the port is a mail server's, and the domain of MAIL_FROM, which greets the server"
        }
        (Step::StartTls, _) => "check TLS in the configuration of the server, and its log",
        (Step::Login, 530 | 538) => "use smtps://, or add ?tls=required to MAIL_URL (SMTP_TLS=true)",
        (Step::Login, 400..=499) => "try again later, and check the log of the server",
        (Step::Login, _) => {
            "check user and password in MAIL_URL (percent-encoded) or SMTP_USER and SMTP_PASSWORD; some providers \
             require an app password or an API key"
        }
        (Step::From | Step::To, 530) => "the server requires a login, or TLS: see MAIL_URL",
        (Step::From, 500..=599) => "set MAIL_FROM to an address that this server may send for",
        (Step::To, _) if speaks_of_relaying(text) => {
            "add user and password to MAIL_URL, or let the server relay for this machine"
        }
        _ => return None,
    })
}

/// Returns whether the code concerns the client: bad sequence of commands; authentication required, too weak, failed,
/// not encrypted (RFC 4954 section 6). Some servers check this late, so it may come at any step.
const fn is_about_us(code: u16) -> bool {
    matches!(code, 503 | 530 | 534 | 535 | 538)
}

/// Returns whether a server rejects relaying for an unknown client: 550 or 554, with or without 5.7.1, but always with
/// this word.
fn speaks_of_relaying(text: &str) -> bool {
    let mut words = text.split(|character: char| character.is_whitespace() || ",;:()".contains(character));
    words.any(|word| ["relay", "relaying"].iter().any(|known| word.eq_ignore_ascii_case(known)))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::StartTls => "STARTTLS",
            Self::Login => "logging in",
            Self::From => "MAIL FROM",
            Self::To => "RCPT TO",
            Self::Data => "DATA",
            Self::End => "after the text, which may have been received",
            Self::Whole => "the whole attempt, which may have succeeded",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: Step, code: u16, text: &str) -> bool {
        Failure { step, cause: Cause::Reply { code, text: text.to_owned() } }.is_refusal()
    }

    #[test]
    fn a_permanent_reply_about_recipient_or_text_is_final() {
        for (step, code, text) in [
            (Step::To, 550, "5.1.1 no such user"),
            (Step::To, 553, "5.1.3 bad address"),
            (Step::To, 550, "5.7.1 blocked by relay.example.com"),
            (Step::Data, 554, "no"),
            (Step::End, 554, "5.7.1 spam"),
            (Step::End, 552, "5.3.4 too big"),
        ] {
            assert!(refused(step, code, text), "{step} {code} {text}");
        }
    }

    #[test]
    fn a_reply_about_the_client_or_a_transient_reply_is_not_final() {
        for (step, code, text) in [
            (Step::Connect, 554, "no SMTP service here"),
            (Step::StartTls, 530, "x"),
            (Step::Login, 535, "5.7.8 bad credentials"),
            (Step::From, 550, "5.7.1 sender rejected"),
            (Step::From, 530, "5.7.0 authentication required"),
            (Step::To, 530, "5.7.1 client was not authenticated"),
            (Step::To, 554, "5.7.1 <a@example.com>: Relay access denied"),
            (Step::To, 550, "relaying denied"),
            (Step::To, 550, "5.7.54 Unable to relay recipient in non-accepted domain"),
            (Step::To, 450, "greylisted"),
            (Step::To, 421, "closing"),
            (Step::End, 451, "try again"),
        ] {
            assert!(!refused(step, code, text), "{step} {code} {text}");
        }
    }

    #[test]
    fn an_error_is_one_short_line_without_secrets() {
        let text = format!("5.7.1 \r\n\u{1b}[31mhttps://x/#s3cret was \t refused {}", "x".repeat(1_000));
        let failure = Failure { step: Step::End, cause: Cause::Reply { code: 550, text } };
        let failure = failure.at("h:25", &["s3cret".to_owned()]);
        assert_eq!(failure.fix(), LOOK_THERE);
        let MailError::Refused(text) = failure.into() else { panic!() };
        assert!(text.starts_with(
            "h:25, after the text, which may have been received: 550 5.7.1 [31mhttps://x/#… was refused xxx"
        ));
        assert!(text.chars().count() < 400, "{text}");
    }
}
