//! E-mail by SMTP. An attempt is limited in time, whatever the server does. At most one connection is idle, waiting for
//! the next e-mail.

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

/// The time limits of SMTP.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The limit of one command. Some servers delay the greeting of unknown clients.
    pub step: Duration,
    /// The limit of a whole attempt.
    pub attempt: Duration,
    /// How long a connection stays open for the next e-mail.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { step: Duration::from_secs(15), attempt: Duration::from_secs(40), idle: Duration::from_secs(10) }
    }
}

/// Why a mailer cannot be created.
#[derive(Debug, Error)]
pub enum SmtpError {
    /// The file contains no valid certificate.
    #[error("has no certificates in PEM")]
    NoCertificate,
    /// An error of the TLS library.
    #[error("{0}")]
    Tls(String),
}

/// Delivers e-mails to a mail server.
pub struct SmtpMailer {
    composer: Composer,
    server: Server,
    /// `host:port`.
    place: String,
    /// The texts that no error may contain.
    secrets: Vec<String>,
    patience: Patience,
    idle: Arc<Idle>,
}

impl SmtpMailer {
    /// Creates a mailer for this server. Its certificate must be issued by an authority in `ca` (PEM), or by one that
    /// this machine trusts if `ca` is `None`.
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

    /// Returns the idle connection if it still works, or a new one.
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
    /// The failure, and how to fix it.
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

/// Returns the secret in the link of an e-mail, which is its longest part between punctuation. A server that checks
/// links may quote it.
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

/// The idle connection.
#[derive(Default)]
struct Idle(Mutex<Option<(Instant, Connection)>>);

impl Idle {
    fn take(&self) -> Option<Connection> {
        self.slot().take().map(|(_since, connection)| connection)
    }

    /// Stores a connection until it is taken or `time` is over. Closes it if another one is stored already.
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

    /// Locks the slot, even if the lock is poisoned: a panic leaves no incomplete change.
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Connection)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
