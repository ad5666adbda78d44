//! From a letter to the bytes of an e-mail: headers, encodings, addresses. Everything is ASCII in the end, in lines
//! that any server takes.

use keepstone_domain::{Clock, Email, JobId};
use keepstone_service::{Mail, MailError};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue},
    },
};

use super::{Rendered, Sender, Templates};
use crate::SystemClock;

/// Makes e-mails.
#[derive(Debug)]
pub struct Composer {
    templates: Templates,
    from: Sender,
}

impl Composer {
    /// In these words, from this sender.
    #[must_use]
    pub const fn new(templates: Templates, from: Sender) -> Self {
        Self { templates, from }
    }

    pub(super) const fn from(&self) -> &Sender {
        &self.from
    }

    /// What it says, without an envelope.
    pub(super) fn write(&self, mail: &Mail) -> Result<Rendered, MailError> {
        self.templates.write(mail).map_err(unmade)
    }

    /// The whole e-mail.
    pub(super) fn compose(&self, mail: &Mail) -> Result<Message, MailError> {
        let Rendered { subject, text, html } = self.write(mail)?;
        let name = mail.name.as_ref().map(|name| literal(name.as_str()));
        Message::builder()
            .from(self.from.mailbox().clone())
            .to(Mailbox::new(name, address(&mail.to)?))
            .subject(literal(&subject))
            .date(SystemClock.now().into())
            .message_id(Some(self.message_id(mail.id)))
            .header(AutoSubmitted)
            .multipart(
                MultiPart::alternative()
                    .singlepart(part(ContentType::TEXT_PLAIN, &text))
                    .singlepart(part(ContentType::TEXT_HTML, &html)),
            )
            .map_err(unmade)
    }

    fn message_id(&self, id: JobId) -> String {
        format!("<{id}@{}>", self.from.domain())
    }
}

/// A text in which no mail program finds an encoded word (RFC 2047) that says something else: ASCII is sent as it is.
fn literal(text: &str) -> String {
    text.replace("=?", "= ?")
}

/// Nothing about it is better next time.
fn unmade(error: impl ToString) -> MailError {
    MailError::Refused(format!("it cannot be written: {}", error.to_string()))
}

/// The address with its domain in A-labels: what is not ASCII needs SMTPUTF8 of every server on the way.
fn address(email: &Email) -> Result<Address, MailError> {
    let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let domain = email.key().rsplit_once('@').map_or("", |(_, domain)| domain);
    Address::new(local, domain).map_err(unmade)
}

/// Quoted-printable, whatever is in it: no line is too long, and there is no CR or LF of its own, which servers read in
/// different ways.
fn part(kind: ContentType, text: &str) -> SinglePart {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// Keeps out-of-office programs from answering (RFC 3834 section 5).
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_address_that_an_account_may_have_can_be_written_to(
            local in "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\\.[a-z0-9]{1,30}){0,2}",
            domain in "[a-zäöüß世0-9-]{1,20}\\.[a-zé]{2,10}",
        ) {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                let address = address(&email).unwrap().to_string();
                prop_assert!(address.is_ascii() && address.starts_with(&format!("{local}@")), "{}", address);
            }
        }
    }

    #[test]
    fn an_address_keeps_its_case_and_its_domain_becomes_ascii() {
        let address = |text| address(&Email::parse(text).unwrap()).unwrap().to_string();
        assert_eq!(address("Ada.L@Bücher.Example"), "Ada.L@xn--bcher-kva.example");
        assert_eq!(address("!#$%&'*+-/=?^_`{|}~@example.com"), "!#$%&'*+-/=?^_`{|}~@example.com");
        let long = format!("{}@{}.example.com", "a".repeat(64), "b".repeat(63));
        assert_eq!(address(&long), long);
    }
}
