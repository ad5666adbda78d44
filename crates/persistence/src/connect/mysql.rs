//! Connecting to MySQL and MariaDB.

use diesel_async::AsyncMysqlConnection;
use mysql_async::{ClientIdentity, Conn, DriverError, Error, OptsBuilder, SslOpts};

use super::{Cause, ConnectFailure};
use crate::{
    database_url::{Host, ServerUrl},
    tls::{Identity, TlsFileError, TlsMode, install_provider},
};

/// The host name override that makes `mysql_async` ignore the name in the certificate. It searches the error for this
/// word, and the error quotes the expected name. (Its own flag has had no effect since rustls changed the error text.)
const ANY_NAME: &str = "NotValidForName";

pub(super) async fn connect(server: &ServerUrl) -> Result<AsyncMysqlConnection, ConnectFailure> {
    let mut last = None;
    for (host, port) in server.hosts() {
        match connect_to(server, host, port).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| ConnectFailure::new(server, Cause::Unreachable("the URL has no host".to_owned()))))
}

async fn connect_to(server: &ServerUrl, host: &Host, port: u16) -> Result<AsyncMysqlConnection, ConnectFailure> {
    let options = options(server);
    let (options, mode) = match host {
        Host::Tcp(name) => (options.ip_or_hostname(name).tcp_port(port), server.tls().mode()),
        Host::Socket(path) => (options.socket(Some(path.to_string_lossy())), TlsMode::Disable),
    };
    if mode == TlsMode::Disable {
        return open(server, options).await;
    }
    let tls = encryption(server).map_err(|error| ConnectFailure::new(server, Cause::File(error)))?;
    match open(server, options.clone().ssl_opts(tls)).await {
        Err(ConnectFailure { cause: Cause::NotEncrypted | Cause::Handshake(_), .. }) if mode == TlsMode::Prefer => {
            open(server, options).await
        }
        outcome => outcome,
    }
}

async fn open(server: &ServerUrl, options: OptsBuilder) -> Result<AsyncMysqlConnection, ConnectFailure> {
    let connection = Conn::new(options).await.map_err(|error| failure(server, &error))?;
    AsyncMysqlConnection::try_from(connection)
        .await
        .map_err(|error| ConnectFailure::new(server, Cause::Other(error.to_string())))
}

fn options(server: &ServerUrl) -> OptsBuilder {
    OptsBuilder::default()
        .user(server.user())
        .pass(server.password())
        .db_name(server.database())
        // The socket path that a server reports would lead to another server behind a tunnel.
        .prefer_socket(false)
        // diesel has its own cache.
        .stmt_cache_size(0)
        // An update that changes nothing counts the matched rows, as on the other databases.
        .client_found_rows(true)
}

fn encryption(server: &ServerUrl) -> Result<SslOpts, TlsFileError> {
    install_provider();
    let tls = server.tls();
    let mut options = SslOpts::default();
    options = match tls.mode() {
        TlsMode::VerifyFull | TlsMode::VerifyCa => {
            let trusted = tls.trusted()?.into_iter().map(|certificate| certificate.to_vec().into());
            options.with_disable_built_in_roots(true).with_root_certs(trusted.collect())
        }
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => options.with_danger_accept_invalid_certs(true),
    };
    if tls.mode() == TlsMode::VerifyCa {
        options = options.with_danger_skip_domain_validation(true).with_danger_tls_hostname_override(Some(ANY_NAME));
    }
    if let Some(identity) = tls.identity()? {
        options = options.with_client_identity(Some(client_identity(&identity)));
    }
    Ok(options)
}

/// Converts the identity: the chain to PEM, which can hold several certificates, and the key to DER.
///
/// `mysql_async` labels every key as PKCS #1; our provider detects the real kind.
fn client_identity((chain, key): &Identity) -> ClientIdentity {
    let chain: String =
        chain.iter().map(|certificate| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.to_vec()))).collect();
    ClientIdentity::new(chain.into_bytes().into(), key.secret_der().to_vec().into())
}

fn failure(server: &ServerUrl, error: &Error) -> ConnectFailure {
    let cause = match error {
        Error::Server(said) => {
            let words = said.message.clone();
            match said.code {
                // ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED, ER_ACCESS_DENIED_NO_PASSWORD_ERROR,
                // ER_SECURE_TRANSPORT_REQUIRED
                1045 | 1130 | 1698 | 3159 => Cause::Login(words),
                // ER_DBACCESS_DENIED_ERROR, ER_BAD_DB_ERROR
                1044 | 1049 => Cause::DatabaseUnknown(words),
                // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS
                1040 | 1203 => Cause::Full(words),
                _ => Cause::Other(words),
            }
        }
        Error::Driver(DriverError::NoClientSslFlagFromServer) => Cause::NotEncrypted,
        other => {
            return ConnectFailure::of_network(server, other)
                .unwrap_or_else(|| ConnectFailure::new(server, Cause::Other(other.to_string())));
        }
    };
    ConnectFailure::new(server, cause)
}
