//! An SMTP conversation, command by command, each with a time-out.
//!
//! A connection is reused only after a complete, successful conversation. In any other state, the next response may
//! belong to the previous command.

use std::{io, net::SocketAddr, time::Duration};

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
use tokio::{
    net::lookup_host,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Encryption,
    cause::Cause,
    lines::Lines,
    peer::{Peer, identify},
    reply::{Failure, Step},
};

/// A mail server, and how to connect to it.
pub struct Server {
    pub host: String,
    pub port: u16,
    /// The client name in EHLO.
    pub name: String,
    pub encryption: Encryption,
    pub tls: TlsParameters,
    pub credentials: Option<Credentials>,
    /// The time limit of one command.
    pub patience: Duration,
}

/// An open connection.
pub struct Connection {
    smtp: AsyncSmtpConnection,
    patience: Duration,
}

impl Server {
    /// Connects, starts TLS and logs in.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let hello = ClientId::Domain(self.name.clone());
        let mut smtp = self.greet(&hello).await?;
        if self.encryption == Encryption::StartTls {
            if !smtp.can_starttls() {
                return Err(Failure::new(Step::StartTls, Cause::StartTlsMissing));
            }
            within(self.patience, Step::StartTls, async {
                smtp.starttls(self.tls.clone(), &hello).await.map_err(|error| Failure::of(Step::StartTls, &error))
            })
            .await?;
        }
        if let Some(credentials) = &self.credentials {
            if smtp.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                let cause = if smtp.can_starttls() { Cause::LoginNeedsTls } else { Cause::LoginNotOffered };
                return Err(Failure::new(Step::Login, cause));
            }
            within(self.patience, Step::Login, async {
                let login = smtp.auth(DEFAULT_MECHANISMS, credentials).await;
                login.map_err(|error| Failure::of(Step::Login, &error))
            })
            .await?;
        }
        Ok(Connection { smtp, patience: self.patience })
    }

    /// Connects and reads the response to EHLO. Tries all addresses of the host, because some may be unreachable.
    async fn greet(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Failure> {
        let deadline = Instant::now() + self.patience;
        let found = timeout_at(deadline, lookup_host((self.host.as_str(), self.port))).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let unknown = |words: String| Failure::new(Step::Connect, Cause::NameUnknown(words));
        let addresses = found.map_err(|error| unknown(error.to_string()))?;
        let mut failure = None;
        for address in addresses {
            let limit = (self.patience / 3).min(deadline.saturating_duration_since(Instant::now()));
            match self.greet_at(address, limit, hello).await {
                Ok(smtp) => return Ok(smtp),
                Err(cause) if cause.is_unconnected() => match failure {
                    None | Some(Cause::Unreachable(_)) => failure = Some(cause),
                    Some(_) => {} // the other cause explains more than an unreachable address
                },
                Err(cause) => return Err(Failure::new(Step::Connect, cause)),
            }
        }
        Err(failure.map_or_else(|| unknown("no address".to_owned()), |cause| Failure::new(Step::Connect, cause)))
    }

    /// Connects to one address. Connecting is limited by `limit`, which is less than the whole time, so a time-out of
    /// the whole means that the greeting is late.
    async fn greet_at(
        &self,
        address: SocketAddr,
        limit: Duration,
        hello: &ClientId,
    ) -> Result<AsyncSmtpConnection, Cause> {
        let greeted = timeout(self.patience, async {
            let connected = if self.encryption == Encryption::FromTheStart {
                AsyncSmtpConnection::connect_tokio1(address, Some(limit), hello, Some(self.tls.clone()), None).await
            } else {
                let lines = Lines::connect(address, limit).await.map_err(|error| Cause::of_io(&error))?;
                AsyncSmtpConnection::connect_with_transport(Box::new(lines), hello).await
            };
            connected.map_err(|error| Cause::of(&error))
        })
        .await;
        match greeted {
            Ok(Err(cause)) if !cause.is_puzzling() => Err(cause),
            Ok(Err(cause)) => Err(self.explain(address, cause).await),
            Ok(Ok(smtp)) => Ok(smtp),
            Err(_) => Err(self.explain(address, Cause::NoGreeting(self.patience)).await),
        }
    }

    /// Checks whether the server speaks another protocol than `MAIL_URL` requires.
    async fn explain(&self, address: SocketAddr, cause: Cause) -> Cause {
        match (identify(address, self.patience / 3).await, self.encryption) {
            (Peer::Smtp, Encryption::FromTheStart) => Cause::NoTls,
            (Peer::Tls, Encryption::StartTls | Encryption::Never) => Cause::TlsFromTheStart,
            (Peer::Other(line), _) => Cause::NotSmtp(line),
            (Peer::Smtp | Peer::Tls | Peer::Silent, _) => cause,
        }
    }
}

impl Connection {
    /// Hands over an e-mail. After an error the connection may only be closed, with [`Self::leave`].
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
        // Servers may check the text now, and aborting after they received it would cause a second copy. The time limit
        // of the whole attempt still applies.
        let formatted = message.formatted();
        answered(Step::End, self.smtp.message(&formatted)).await
    }

    /// Returns whether the connection still works.
    pub async fn is_alive(&mut self) -> bool {
        matches!(timeout(self.patience, self.smtp.command(Noop)).await, Ok(Ok(_)))
    }

    /// Closes the connection politely, if the server responds.
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

/// Checks that the reply allows the next step: 3yz to DATA, 2yz to all other commands.
async fn answered(step: Step, reply: impl Future<Output = Result<Response, Error>>) -> Result<(), Failure> {
    let reply = reply.await.map_err(|error| Failure::of(step, &error))?;
    let expected = if step == Step::Data { Severity::PositiveIntermediate } else { Severity::PositiveCompletion };
    if reply.code().severity == expected {
        return Ok(());
    }
    Err(Failure::new(step, Cause::Other(format!("{} is not a valid reply to this command", reply.code()))))
}

async fn within<T>(
    patience: Duration,
    step: Step,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(patience, work).await.unwrap_or(Err(Failure::silence(step, patience)))
}
