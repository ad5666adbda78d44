//! What a failed attempt means: whether the letter is at fault or something that may be mended, and what the operator
//! is told. Only a permanent reply about this recipient or this text is a refusal: a wrong password in the
//! configuration must not lose mail.

use std::{error::Error, fmt, time::Duration};

use keepstone_service::MailError;

/// Where a conversation was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Connect,
    StartTls,
    Login,
    From,
    To,
    Data,
    /// The text is sent, and the server is to say whether it has it.
    End,
}

/// Why an attempt failed.
#[derive(Debug)]
pub struct Failure {
    step: Step,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Reply { code: u16, text: String },
    Silence(Duration),
    Other(String),
}

impl Failure {
    /// The server said no, or nothing that can be understood, or is gone.
    pub fn of(step: Step, error: &lettre::transport::smtp::Error) -> Self {
        let cause = match error.status() {
            Some(code) => {
                let text = error.source().map_or_else(String::new, ToString::to_string);
                Cause::Reply { code: code.into(), text }
            }
            None => Cause::Other(innermost(error)),
        };
        Self { step, cause }
    }

    /// The server has not answered in this time.
    pub const fn silence(step: Step, time: Duration) -> Self {
        Self { step, cause: Cause::Silence(time) }
    }

    /// Anything else.
    pub fn other(step: Step, error: impl ToString) -> Self {
        Self { step, cause: Cause::Other(error.to_string()) }
    }

    /// The error for whoever wanted to send, without these secrets.
    pub fn into_error(self, place: &str, secrets: &[String]) -> MailError {
        let text = format!("{place}, {}: {}", self.step, self.cause);
        let text = secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "…"));
        if self.is_refusal() { MailError::Refused(text) } else { MailError::Unavailable(text) }
    }

    fn is_refusal(&self) -> bool {
        let Cause::Reply { code, text } = &self.cause else { return false };
        (500..600).contains(code)
            && match self.step {
                Step::Connect | Step::StartTls | Step::Login | Step::From => false,
                Step::To => !is_about_us(*code) && !speaks_of_relaying(text),
                Step::Data | Step::End => !is_about_us(*code),
            }
    }
}

/// Bad sequence of commands; authentication required, too weak, failed, not encrypted (RFC 4954 section 6). They come
/// late from servers that look late.
const fn is_about_us(code: u16) -> bool {
    matches!(code, 503 | 530 | 534 | 535 | 538)
}

/// What servers say to whom they do not know: 550 or 554, 5.7.1 or nothing, but always this word.
fn speaks_of_relaying(text: &str) -> bool {
    let mut words = text.split(|character: char| character.is_whitespace() || ",;:()".contains(character));
    words.any(|word| ["relay", "relaying"].iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// The last in the chain: the others say only that there is a next one.
fn innermost(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |error| (*error).source()).last().unwrap_or(error).to_string()
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
            Self::End => "after the text, which it may have",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 300;
        match self {
            Self::Reply { code, text } => write!(f, "{code} {}", one_line(text, LONGEST)),
            Self::Silence(time) => write!(f, "no answer within {time:?}"),
            Self::Other(text) => f.write_str(&one_line(text, LONGEST)),
        }
    }
}

fn one_line(text: &str, longest: usize) -> String {
    let line: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    line.join(" ").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: Step, code: u16, text: &str) -> bool {
        Failure { step, cause: Cause::Reply { code, text: text.to_owned() } }.is_refusal()
    }

    #[test]
    fn what_is_permanent_about_recipient_or_text_is_a_refusal() {
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
    fn what_is_about_us_or_passes_is_none() {
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
        let MailError::Refused(text) = failure.into_error("h:25", &["s3cret".to_owned()]) else { panic!() };
        assert!(
            text.starts_with("h:25, after the text, which it may have: 550 5.7.1 [31mhttps://x/#… was refused xxx")
        );
        assert!(text.chars().count() < 400, "{text}");
    }
}
