//! E-mails as lines of the log, for development: the one place where what an e-mail says may be logged.

use async_trait::async_trait;
use keepstone_service::{Mail, MailError, Mailer};

use super::{Composer, Rendered};

/// Prints what would be sent.
#[derive(Debug)]
pub struct LogMailer(Composer);

impl LogMailer {
    /// In these words.
    #[must_use]
    pub const fn new(composer: Composer) -> Self {
        Self(composer)
    }
}

#[async_trait]
impl Mailer for LogMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let Rendered { subject, text, .. } = self.0.write(mail)?;
        tracing::info!("an e-mail to {}, which MAIL_URL would send:\n{subject}\n\n{text}", mail.to);
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }
}
