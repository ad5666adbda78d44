//! One conversation with a mail server, command by command, each with a time-out. A connection is used again only after
//! a whole conversation that went well: in any other state the next answer may belong to the last question.

use std::time::Duration;

use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Noop, Quit, Rcpt},
        extension::ClientId,
        response::{Response, Severity},
    },
};
use tokio::time::timeout;

use super::{
    Encryption,
    lines::Lines,
    reply::{Failure, Step},
};

/// A mail server, and what to say to it.
pub struct Server {
    pub host: String,
    pub port: u16,
    /// The name that we say hello with.
    pub name: String,
    pub encryption: Encryption,
    pub tls: TlsParameters,
    pub credentials: Option<Credentials>,
    /// How long it may take to do as one command says.
    pub patience: Duration,
}

/// A conversation.
pub struct Connection {
    smtp: AsyncSmtpConnection,
    patience: Duration,
}

impl Server {
    /// Connects, encrypts, logs in.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let hello = ClientId::Domain(self.name.clone());
        let mut smtp = within(self.patience, Step::Connect, self.greet(&hello)).await?;
        if self.encryption == Encryption::StartTls {
            within(self.patience, Step::StartTls, async {
                smtp.starttls(self.tls.clone(), &hello).await.map_err(|error| Failure::of(Step::StartTls, &error))
            })
            .await?;
        }
        if let Some(credentials) = &self.credentials {
            within(self.patience, Step::Login, async {
                let login = smtp.auth(DEFAULT_MECHANISMS, credentials).await;
                login.map_err(|error| Failure::of(Step::Login, &error))
            })
            .await?;
        }
        Ok(Connection { smtp, patience: self.patience })
    }

    /// Up to the answer to EHLO.
    async fn greet(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Failure> {
        // A host may have several addresses, and one of them be a black hole.
        let each = self.patience / 3;
        let connected = if self.encryption == Encryption::FromTheStart {
            let (server, tls) = ((self.host.as_str(), self.port), Some(self.tls.clone()));
            AsyncSmtpConnection::connect_tokio1(server, Some(each), hello, tls, None).await
        } else {
            let lines = Lines::connect(&self.host, self.port, each).await;
            let lines = lines.map_err(|error| Failure::other(Step::Connect, error))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(lines), hello).await
        };
        connected.map_err(|error| Failure::of(Step::Connect, &error))
    }
}

impl Connection {
    /// Hands over an e-mail. After an error the connection is good for [`Self::leave`] only.
    pub async fn send(&mut self, message: &Message) -> Result<(), Failure> {
        let patience = self.patience;
        let envelope = message.envelope();
        let from = self.smtp.command(Mail::new(envelope.from().cloned(), Vec::new()));
        command(patience, Step::From, from).await?;
        for recipient in envelope.to() {
            let to = self.smtp.command(Rcpt::new(recipient.clone(), Vec::new()));
            command(patience, Step::To, to).await?;
        }
        command(patience, Step::Data, self.smtp.command(Data)).await?;
        // Servers look at the text now, and giving up on one that has it means a second copy. The attempt as a whole
        // has its end.
        let formatted = message.formatted();
        answered(Step::End, self.smtp.message(&formatted)).await
    }

    /// Whether it is still good.
    pub async fn is_alive(&mut self) -> bool {
        matches!(timeout(self.patience, self.smtp.command(Noop)).await, Ok(Ok(_)))
    }

    /// Says good-bye, if the server listens.
    pub async fn leave(mut self) {
        let _ = timeout(self.patience, self.smtp.command(Quit)).await;
    }
}

async fn command(
    patience: Duration,
    step: Step,
    reply: impl Future<Output = Result<Response, Error>>,
) -> Result<(), Failure> {
    within(patience, step, answered(step, reply)).await
}

/// Whether the answer is what this step goes on with: 3yz to DATA, 2yz to all others.
async fn answered(step: Step, reply: impl Future<Output = Result<Response, Error>>) -> Result<(), Failure> {
    let reply = reply.await.map_err(|error| Failure::of(step, &error))?;
    let expected = if step == Step::Data { Severity::PositiveIntermediate } else { Severity::PositiveCompletion };
    if reply.code().severity == expected {
        return Ok(());
    }
    Err(Failure::other(step, format!("{} is no answer to this", reply.code())))
}

async fn within<T>(
    patience: Duration,
    step: Step,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(patience, work).await.unwrap_or(Err(Failure::silence(step, patience)))
}
