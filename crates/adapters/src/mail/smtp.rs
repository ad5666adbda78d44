//! E-mail by SMTP. An attempt ends in time, whatever the server does, and one connection at most waits for the next
//! letter.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use keepstone_service::{Letter, Mail, MailError, Mailer};
use lettre::{
    Message,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, TlsParameters},
    },
};
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::{
    Composer, SmtpFailure, SmtpUrl,
    cause::Cause,
    connection::{Connection, Server},
    reply::{Failure, Step},
};

/// How long a mail server may take, and waits itself.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one command. Some let strangers wait for their greeting.
    pub step: Duration,
    /// For everything.
    pub attempt: Duration,
    /// How long a connection is kept for the next letter.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { step: Duration::from_secs(15), attempt: Duration::from_secs(40), idle: Duration::from_secs(10) }
    }
}

/// Why there cannot be a mailer.
#[derive(Debug, Error)]
pub enum SmtpError {
    /// The file has none, or what it has is none.
    #[error("has no certificates in PEM")]
    NoCertificate,
    /// The TLS library says so.
    #[error("{0}")]
    Tls(String),
}

/// Hands e-mails to a mail server.
pub struct SmtpMailer {
    composer: Composer,
    server: Server,
    /// `host:port`.
    place: String,
    /// What no error may say.
    secrets: Vec<String>,
    patience: Patience,
    idle: Arc<Idle>,
}

impl SmtpMailer {
    /// To this server. Its certificate is one of the authorities in `ca`, PEM; without, of those that this machine
    /// trusts.
    ///
    /// # Errors
    /// See [`SmtpError`].
    pub fn new(url: &SmtpUrl, ca: Option<&[u8]>, composer: Composer, patience: Patience) -> Result<Self, SmtpError> {
        let credentials =
            |login: &super::url::Login| Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
        let server = Server {
            host: url.host(),
            port: url.port(),
            name: composer.from().domain().to_owned(),
            encryption: url.encryption(),
            tls: tls(url.host(), ca)?,
            credentials: url.login().map(credentials),
            patience: patience.step,
        };
        let secrets = url.login().map(super::url::Login::secrets).unwrap_or_default();
        Ok(Self { composer, server, place: url.place(), secrets, patience, idle: Arc::default() })
    }

    async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let mut connection = self.connection().await?;
        let sent = connection.send(message).await;
        if sent.is_ok() {
            self.idle.keep(connection, self.patience.idle);
        } else {
            tokio::spawn(connection.leave());
        }
        sent
    }

    /// The one that waits, if it is still good, or a new one.
    async fn connection(&self) -> Result<Connection, Failure> {
        if let Some(mut connection) = self.idle.take()
            && connection.is_alive().await
        {
            return Ok(connection);
        }
        self.server.connect().await
    }

    async fn in_time(
        &self,
        attempt: impl Future<Output = Result<(), Failure>>,
        secrets: &[String],
    ) -> Result<(), SmtpFailure> {
        let limit = self.patience.attempt;
        let done = timeout(limit, attempt).await;
        let done = done.unwrap_or_else(|_| Err(Failure::new(Step::Whole, Cause::Late(limit))));
        done.map_err(|failure| failure.at(&self.place, secrets))
    }

    /// Connects and logs in, without sending an e-mail.
    ///
    /// # Errors
    /// Why that is not possible, and how to fix it.
    pub async fn probe(&self) -> Result<(), SmtpFailure> {
        let connect = async {
            self.idle.keep(self.connection().await?, self.patience.idle);
            Ok(())
        };
        Box::pin(self.in_time(connect, &self.secrets)).await
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.composer.compose(mail)?;
        let mut secrets = self.secrets.clone();
        secrets.extend(secret_of(&mail.letter));
        Box::pin(self.in_time(self.deliver(&message), &secrets)).await.map_err(MailError::from)
    }

    async fn check(&self) -> Result<(), MailError> {
        self.probe().await.map_err(MailError::from)
    }
}

fn tls(host: String, ca: Option<&[u8]>) -> Result<TlsParameters, SmtpError> {
    let mut tls = TlsParameters::builder(host);
    if let Some(ca) = ca {
        if !ca.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(SmtpError::NoCertificate);
        }
        let certificate = Certificate::from_pem(ca).map_err(|_| SmtpError::NoCertificate)?;
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    tls.build().map_err(|error| SmtpError::Tls(error.to_string()))
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The secret in a letter's link, which a server that looks for bad links may quote: the longest part between
/// punctuation.
fn secret_of(letter: &Letter) -> Option<String> {
    let (Letter::VerifyEmail { link, .. }
    | Letter::ResetPassword { link, .. }
    | Letter::EmailChanged { undo: Some(link), .. }) = letter
    else {
        return None;
    };
    let parts = link.split(|character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character));
    parts.max_by_key(|part| part.len()).filter(|part| part.len() >= 16).map(str::to_owned)
}

/// The connection that waits for the next letter.
#[derive(Default)]
struct Idle(Mutex<Option<(Instant, Connection)>>);

impl Idle {
    fn take(&self) -> Option<Connection> {
        self.slot().take().map(|(_since, connection)| connection)
    }

    /// Until it is taken, or has waited too long. If there is one already, this one is not needed.
    fn keep(self: &Arc<Self>, connection: Connection, time: Duration) {
        let since = Instant::now();
        let spare = match &mut *self.slot() {
            Some(_) => Some(connection),
            slot => {
                *slot = Some((since, connection));
                None
            }
        };
        let idle = Arc::downgrade(self);
        tokio::spawn(async move {
            if let Some(connection) = spare {
                return connection.leave().await;
            }
            sleep(time).await;
            let overdue = idle.upgrade().and_then(|idle| idle.slot().take_if(|(kept, _)| *kept == since));
            if let Some((_, connection)) = overdue {
                connection.leave().await;
            }
        });
    }

    /// A panic leaves nothing half done here.
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Connection)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
