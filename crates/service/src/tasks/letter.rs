//! The e-mails of tasks, built from the current state: a link that is no longer valid is not sent.

use keepstone_domain::{JobId, MailPurpose, MailToken, MailTokenId, Task, User, UserId};

use super::{Result, Tasks};
use crate::{Letter, Mail};

impl Tasks {
    /// Returns the e-mail of a task; `None` if there is nothing to send any more.
    pub(super) async fn mail(&self, id: JobId, task: Task) -> Result<Option<Mail>> {
        let mail = |user: Option<User>, letter| user.map(|user| Mail { id, to: user.email, name: user.name, letter });
        Ok(match task {
            Task::MailVerifyEmail { token_id } | Task::MailResetPassword { token_id } => {
                self.proof(id, token_id).await?
            }
            Task::MailAddressTaken { user_id } => mail(self.user(user_id).await?, Letter::AddressTaken),
            Task::MailAddressReserved { email } => {
                Some(Mail { id, to: email, name: None, letter: Letter::AddressReserved })
            }
            Task::MailUsernameTaken { email, username } => {
                Some(Mail { id, to: email, name: None, letter: Letter::UsernameTaken { username } })
            }
            Task::MailPasswordChanged { user_id, at } => {
                mail(self.user(user_id).await?, Letter::PasswordChanged { at })
            }
            Task::MailSessionEnded { user_id, at, ip } => {
                mail(self.user(user_id).await?, Letter::SessionEnded { at, ip: ip.map(|ip| ip.to_string()) })
            }
            Task::MailEmailChanged { user_id, email, at, token_id } => {
                let undo = match token_id {
                    Some(token_id) => self.undo_link(token_id).await?,
                    None => None,
                };
                let valid_for = MailPurpose::UndoEmailChange.lifetime();
                let user = self.user(user_id).await?.map(|user| User { email, ..user });
                mail(user, Letter::EmailChanged { at, undo, valid_for })
            }
            Task::MailMessage { email, subject, text } => {
                Some(Mail { id, to: email, name: None, letter: Letter::Message { subject, text } })
            }
            Task::BeginPasswordReset { .. }
            | Task::FinishRegistration { .. }
            | Task::RenewUserSearchKeys { .. }
            | Task::RenewItemSearchKeys { .. }
            | Task::Routine(_) => None,
        })
    }

    /// Returns the e-mail with the link of a token; `None` if the token is no longer valid.
    async fn proof(&self, id: JobId, token_id: MailTokenId) -> Result<Option<Mail>> {
        let Some(token) = self.token(token_id).await? else { return Ok(None) };
        let name = self.user(token.user_id).await?.and_then(|user| user.name);
        let (link, valid_for) = (self.link(token.purpose, token.id), token.purpose.lifetime());
        let letter = match token.purpose {
            MailPurpose::VerifyEmail => Letter::VerifyEmail { link, valid_for },
            MailPurpose::ResetPassword => Letter::ResetPassword { link, valid_for },
            MailPurpose::UndoEmailChange => return Ok(None),
        };
        Ok(Some(Mail { id, to: token.email, name, letter }))
    }

    /// Returns the link that undoes a change of an address; `None` if the change can no longer be undone.
    async fn undo_link(&self, id: MailTokenId) -> Result<Option<String>> {
        let now = self.parts.clock.now();
        let found = self.parts.store.read().await?.email_changes().find(id).await?;
        let change = found.filter(|change| now < change.expires_at);
        Ok(change.map(|change| self.link(MailPurpose::UndoEmailChange, change.id)))
    }

    /// Returns the link of a token. The token follows the `#`, so browsers do not send it to any server.
    fn link(&self, purpose: MailPurpose, id: MailTokenId) -> String {
        let page = match purpose {
            MailPurpose::VerifyEmail => "verify-email",
            MailPurpose::ResetPassword => "reset-password",
            MailPurpose::UndoEmailChange => "undo-email-change",
        };
        let folder = match (purpose, &self.parts.frontend_url) {
            (MailPurpose::VerifyEmail | MailPurpose::ResetPassword, Some(url)) => url.clone(),
            _ => format!("{}/auth", self.parts.api_url),
        };
        format!("{folder}/{page}#token={}", self.parts.outbox.token(purpose, id))
    }

    async fn token(&self, id: MailTokenId) -> Result<Option<MailToken>> {
        let now = self.parts.clock.now();
        let found = self.parts.store.read().await?.mail_tokens().find(id).await?;
        Ok(found.filter(|token| now < token.expires_at))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.parts.store.read().await?.users().find(id).await?)
    }
}
