//! Composing e-mails: headers, encodings and addresses. The result is ASCII, in lines that any server accepts.

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

/// The composer of e-mails.
#[derive(Debug)]
pub struct Composer {
    templates: Templates,
    from: Sender,
}

impl Composer {
    /// Creates a composer with these templates and this sender.
    #[must_use]
    pub const fn new(templates: Templates, from: Sender) -> Self {
        Self { templates, from }
    }

    pub(super) const fn from(&self) -> &Sender {
        &self.from
    }

    /// Renders the text of an e-mail, without headers.
    pub(super) fn write(&self, mail: &Mail) -> Result<Rendered, MailError> {
        self.templates.write(mail).map_err(unmade)
    }

    /// Composes the whole e-mail.
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

/// Breaks encoded words (RFC 2047) in a text, so that no mail program decodes them. ASCII is sent unchanged.
fn literal(text: &str) -> String {
    text.replace("=?", "= ?")
}

/// Converts an error that a retry cannot fix.
fn unmade(error: impl ToString) -> MailError {
    MailError::Refused(format!("the e-mail cannot be composed: {}", error.to_string()))
}

/// Returns the address with its domain in A-labels. Any other form of a non-ASCII domain requires SMTPUTF8 on every
/// server of the route.
fn address(email: &Email) -> Result<Address, MailError> {
    let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let domain = email.key().rsplit_once('@').map_or("", |(_, domain)| domain);
    Address::new(local, domain).map_err(unmade)
}

/// Returns a quoted-printable part. So no line is too long, and there is no bare CR or LF, which servers interpret
/// differently.
fn part(kind: ContentType, text: &str) -> SinglePart {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// The header that prevents automatic replies (RFC 3834 section 5).
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
        fn every_address_of_an_account_is_a_valid_recipient(
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
