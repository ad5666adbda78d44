//! The server that a URL connects to, and the errors of failed connections.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
};

use keepstone_persistence::{Cause, ConnectFailure, DatabaseUrl, Migrator, probe};
use keepstone_test_backends::{Database, Server, ServerOptions};
use tempfile::TempDir;

use crate::harness::{Opened, Proxy, Tamper};

/// Creates a folder in which a server, which runs as another user, may create its socket.
fn shared_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

fn with_socket(folder: &Path) -> Option<Server> {
    let arguments = match Database::chosen() {
        Database::Sqlite => {
            eprintln!("skipped: SQLite has no server");
            return None;
        }
        Database::Postgres => format!("-k {}", folder.display()),
        Database::Mariadb => format!("--socket={}/socket", folder.display()),
    };
    Some(Database::chosen().server_with(&ServerOptions { arguments, ..ServerOptions::default() }))
}

#[tokio::test]
async fn a_server_is_reached_by_its_url_and_not_by_the_socket_that_it_reports() {
    let folder = shared_folder();
    let Some(server) = with_socket(folder.path()) else { return };
    let url = Database::chosen().create_on(&server, "test");
    // Another listener replaces the socket of the server.
    let path = match Database::chosen() {
        Database::Postgres => folder.path().join(format!(".s.PGSQL.{}", server.port)),
        Database::Sqlite | Database::Mariadb => folder.path().join("socket"),
    };
    fs::remove_file(&path).unwrap();
    let impostor = UnixListener::bind(&path).unwrap();
    impostor.set_nonblocking(true).unwrap();
    let tunnel = Proxy::start(server.port, Tamper::Nothing).await;
    for port in [server.port, tunnel.port] {
        let url = url.replace(&format!(":{}", server.port), &format!(":{port}"));
        assert_eq!(probe(&url.parse().unwrap()).await, Ok(()));
        let opened = Opened::at(&url).await;
        opened.assert_whole().await;
    }
    assert!(impostor.accept().is_err(), "no connection may go to the socket");
}

#[tokio::test]
async fn a_url_may_specify_a_socket() {
    let folder = shared_folder();
    let Some(server) = with_socket(folder.path()) else { return };
    drop(Database::chosen().create_on(&server, "test"));
    let (path, port) = (folder.path().display(), server.port);
    let urls = match Database::chosen() {
        Database::Postgres => [
            format!("postgresql+asyncpg://keepstone:keepstone@/test?host={path}&port={port}"),
            format!("postgres://keepstone@{}:{port}/test", path.to_string().replace('/', "%2F")),
            format!("postgres://keepstone@/test?port={port}&host={path}&sslmode=verify-full"),
        ],
        Database::Sqlite | Database::Mariadb => [
            format!("mysql+aiomysql://keepstone:keepstone@/test?unix_socket={path}/socket&charset=utf8mb4"),
            format!("mysql://keepstone:keepstone@localhost:1/test?unix_socket={path}/socket"),
            format!("mysql://keepstone:keepstone@{}%2Fsocket/test", path.to_string().replace('/', "%2F")),
        ],
    };
    for url in urls {
        let opened = Opened::at(&url).await;
        assert_eq!(opened.ping().await, Ok(()), "{url}");
    }
}

async fn failure(url: &str) -> ConnectFailure {
    let url: DatabaseUrl = url.parse().unwrap();
    let failure = probe(&url).await.unwrap_err();
    let said = format!("{failure} {failure:?}");
    assert!(!said.contains("canary"), "shows the password: {said}");
    // Migrations report the same error.
    let migrating = Migrator::of(&url).look().await.unwrap_err().to_string();
    assert!(migrating.contains(&failure.reason()) && migrating.contains(failure.fix()), "{migrating}");
    failure
}

#[tokio::test]
async fn an_unreachable_server_is_reported_with_the_cause() {
    let scheme = match Database::chosen() {
        Database::Sqlite => {
            eprintln!("skipped: SQLite has no server");
            return;
        }
        Database::Postgres => "postgres",
        Database::Mariadb => "mysql",
    };
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let refused = failure(&format!("{scheme}://u:canary@127.0.0.1:{unused}/d")).await;
    assert_eq!(refused.cause, Cause::Refused);
    let unknown = failure(&format!("{scheme}://u:canary@keepstone.invalid/d")).await;
    assert!(matches!(unknown.cause, Cause::NameUnknown(_)), "{unknown:?}");
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let late = failure(&format!("{scheme}://u:canary@127.0.0.1:{port}/d?connect_timeout=1")).await;
    assert_eq!(late.cause, Cause::Silent);
    let socket = failure(match Database::chosen() {
        Database::Postgres => "postgres://u:canary@/d?host=/nonexistent",
        Database::Sqlite | Database::Mariadb => "mysql://u:canary@h/d?unix_socket=/nonexistent/socket",
    })
    .await;
    assert!(matches!(socket.cause, Cause::Unreachable(_)), "{socket:?}");
}

#[tokio::test]
async fn a_rejected_login_is_reported_with_the_cause() {
    let kind = Database::chosen();
    let mut options = ServerOptions::default();
    match kind {
        Database::Sqlite => {
            eprintln!("skipped: SQLite has no server");
            return;
        }
        Database::Postgres => {
            options.files.push(("hba.conf", "host all all all scram-sha-256\n".to_owned()));
            options.arguments = r#"-c hba_file="$PWD/hba.conf""#.to_owned();
        }
        Database::Mariadb => {}
    }
    let server = kind.server_with(&options);
    let url = kind.create_on(&server, "test");
    assert_eq!(probe(&url.parse().unwrap()).await, Ok(()));
    for url in [url.replace(":keepstone@", ":canary@"), url.replace("//keepstone:", "//stranger:")] {
        let login = failure(&url).await;
        assert!(matches!(login.cause, Cause::Login(_)), "{login:?}");
    }
    let unknown = failure(&format!("{url}_missing")).await;
    assert!(matches!(unknown.cause, Cause::DatabaseUnknown(_)), "{unknown:?}");
    let grant = match kind {
        Database::Postgres => "CREATE ROLE guest LOGIN PASSWORD 'canary'; REVOKE ALL ON DATABASE test FROM PUBLIC",
        Database::Sqlite | Database::Mariadb => "CREATE USER guest@'%' IDENTIFIED BY 'canary'",
    };
    assert!(kind.execute(&server, grant));
    let denied = failure(&url.replace("//keepstone:keepstone@", "//guest:canary@")).await;
    assert!(matches!(denied.cause, Cause::DatabaseUnknown(_)), "{denied:?}");
}

#[tokio::test]
async fn an_invalid_database_file_is_reported_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:///{}/{name}", folder.path().display());
    fs::write(folder.path().join("text.db"), "no database ".repeat(1000)).unwrap();
    fs::write(folder.path().join("short.db"), "SQLite").unwrap();
    fs::write(folder.path().join("empty.db"), "").unwrap();
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    for name in ["text.db", "short.db"] {
        assert_eq!(failure(&url(name)).await.cause, Cause::NotADatabase, "{name}");
    }
    let directory = probe(&url("folder.db").parse().unwrap()).await.unwrap_err();
    assert!(matches!(directory.cause, Cause::NotOpened(_)), "{directory:?}");
    for name in ["empty.db", "new.db", "missing/new.db"] {
        assert_eq!(probe(&url(name).parse().unwrap()).await, Ok(()), "{name}: not an error yet");
    }
    let opened = keepstone_persistence::DieselStore::open(&url("missing/new.db").parse().unwrap(), 1).await;
    let said = opened.map(drop).unwrap_err().to_string();
    assert!(said.contains("does not exist") && said.contains("create the folder"), "{said}");
}
