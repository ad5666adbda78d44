//! E-mails as log lines, for development. No other code may log the content of an e-mail.

use async_trait::async_trait;
use keepstone_service::{Mail, MailError, Mailer};

use super::{Composer, Rendered};

/// A mailer that logs e-mails instead of sending them.
#[derive(Debug)]
pub struct LogMailer(Composer);

impl LogMailer {
    /// Creates a mailer with this composer.
    #[must_use]
    pub const fn new(composer: Composer) -> Self {
        Self(composer)
    }
}

#[async_trait]
impl Mailer for LogMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let Rendered { subject, text, .. } = self.0.write(mail)?;
        tracing::info!("e-mail to {} (set MAIL_URL to send it):\n{subject}\n\n{text}", mail.to);
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }
}
