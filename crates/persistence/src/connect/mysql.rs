//! Connecting to MySQL and MariaDB.

use diesel_async::AsyncMysqlConnection;
use mysql_async::{ClientIdentity, Conn, DriverError, Error, OptsBuilder, SslOpts};

use super::{Cause, ConnectFailure};
use crate::{
    database_url::{Host, ServerUrl},
    tls::{Identity, TlsFileError, TlsMode, install_provider},
};

/// What `mysql_async` takes for permission to ignore the name: it looks for this word in the error, and the error quotes
/// the name that was expected. (Its flag alone does nothing since rustls writes the error in words.)
const ANY_NAME: &str = "NotValidForName";

pub(super) async fn connect(server: &ServerUrl) -> Result<AsyncMysqlConnection, ConnectFailure> {
    let mut last = None;
    for (host, port) in server.hosts() {
        match connect_to(server, host, port).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| ConnectFailure::new(server, Cause::Unreachable("it has no host".to_owned()))))
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
        // A server's own word about its socket leads elsewhere behind a tunnel.
        .prefer_socket(false)
        // diesel has a cache of its own.
        .stmt_cache_size(0)
        // An update that changes nothing counts its rows, as on the other databases.
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

/// The chain as PEM, of which there may be several in one text, and the key as DER, of which `mysql_async` believes that
/// it is PKCS #1: our provider finds out what it is.
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
