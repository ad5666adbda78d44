//! Connecting to PostgreSQL.

use diesel_async::AsyncPgConnection;
use tokio_postgres::{
    Config, Error, NoTls, Socket,
    config::SslMode,
    error::SqlState,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Cause, ConnectFailure};
use crate::{
    database_url::{Host, ServerUrl},
    tls::TlsMode,
};

pub(super) async fn connect(server: &ServerUrl) -> Result<AsyncPgConnection, ConnectFailure> {
    let mut config = config(server);
    let mode = if server.first_address().is_some() { server.tls().mode() } else { TlsMode::Disable };
    if mode == TlsMode::Disable {
        config.ssl_mode(SslMode::Disable);
        return open(server, &config, NoTls).await;
    }
    let tls = server.tls().client_config();
    let tls = MakeRustlsConnect::new(tls.map_err(|error| ConnectFailure::new(server, Cause::File(error)))?);
    config.ssl_mode(if mode == TlsMode::Prefer { SslMode::Prefer } else { SslMode::Require });
    match open(server, &config, tls).await {
        // As libpq does: this mode accepts an unencrypted connection if TLS fails.
        Err(ConnectFailure { cause: Cause::Handshake(_), .. }) if mode == TlsMode::Prefer => {
            open(server, config.ssl_mode(SslMode::Disable), NoTls).await
        }
        outcome => outcome,
    }
}

async fn open<T>(server: &ServerUrl, config: &Config, tls: T) -> Result<AsyncPgConnection, ConnectFailure>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Unpin + Send + 'static,
    T::TlsConnect: TlsConnect<Socket>,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| failure(server, &error))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection)
        .await
        .map_err(|error| ConnectFailure::new(server, Cause::Other(error.to_string())))
}

fn config(server: &ServerUrl) -> Config {
    let session = server.session();
    let mut config = Config::new();
    for (host, port) in server.hosts() {
        match host {
            Host::Tcp(name) => config.host(name),
            Host::Socket(folder) => config.host_path(folder),
        };
        config.port(port);
    }
    for address in &session.addresses {
        config.hostaddr(*address);
    }
    config.application_name(session.application_name.as_deref().unwrap_or("keepstone"));
    macro_rules! set {
        ($($method:ident: $value:expr),* $(,)?) => {
            $(if let Some(value) = $value { config.$method(value); })*
        };
    }
    set!(
        user: server.user().map(str::to_owned),
        password: server.password(),
        dbname: server.database(),
        options: session.options.as_deref(),
        target_session_attrs: session.target,
        channel_binding: session.channel_binding,
        load_balance_hosts: session.load_balance,
        keepalives: session.keepalives,
        keepalives_idle: session.keepalives_idle,
        keepalives_interval: session.keepalives_interval,
        keepalives_retries: session.keepalives_count,
        tcp_user_timeout: session.tcp_user_timeout,
    );
    config
}

fn failure(server: &ServerUrl, error: &Error) -> ConnectFailure {
    let cause = match error.as_db_error() {
        Some(said) => {
            let words = said.message().to_owned();
            match *said.code() {
                SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Cause::Login(words),
                SqlState::INVALID_CATALOG_NAME | SqlState::INSUFFICIENT_PRIVILEGE => Cause::DatabaseUnknown(words),
                SqlState::TOO_MANY_CONNECTIONS => Cause::Full(words),
                _ => Cause::Other(words),
            }
        }
        None => match std::error::Error::source(error) {
            Some(source) => {
                if let Some(failure) = ConnectFailure::of_network(server, source) {
                    return failure;
                }
                let words = source.to_string();
                // This text is the driver's own, so it does not depend on the server's language.
                if words == "server does not support TLS" { Cause::NotEncrypted } else { Cause::Other(words) }
            }
            None => Cause::Other(error.to_string()),
        },
    };
    ConnectFailure::new(server, cause)
}
