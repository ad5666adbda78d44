//! Encrypted connections to servers: every mode, and every kind of invalid certificate.

use std::{fs, path::PathBuf};

use keepstone_persistence::{Cause, DatabaseUrl, DieselStore, Target, probe};
use keepstone_repository::Store;
use keepstone_test_backends::{Authority, Certificate, Database, Server, ServerOptions};
use tempfile::TempDir;

use crate::harness::{Proxy, Tamper};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// A server with this certificate and two users: "encrypted" requires TLS, and "certified" requires a client
/// certificate of the authority, too.
struct Encrypted {
    server: Server,
    files: TempDir,
}

/// Starts the server; `None` for SQLite, which has no server.
fn serve(authority: &Authority, certificate: &Certificate) -> Option<Encrypted> {
    let kind = Database::chosen();
    let mut options = ServerOptions {
        files: vec![
            ("server.pem", certificate.pem.clone()),
            ("server.key", certificate.key.clone()),
            ("ca.pem", authority.pem().to_owned()),
        ],
        ..ServerOptions::default()
    };
    let users = match kind {
        Database::Sqlite => {
            eprintln!("skipped: SQLite has no server");
            return None;
        }
        Database::Postgres => {
            let rules = "hostssl all certified all trust clientcert=verify-ca\nhost all certified all reject\n\
                         hostssl all encrypted all trust\nhost all encrypted all reject\nhost all all all trust\n";
            options.files.push(("hba.conf", rules.to_owned()));
            options.arguments = r#"-c ssl=on -c ssl_cert_file="$PWD/server.pem" -c ssl_key_file="$PWD/server.key" \
                -c ssl_ca_file="$PWD/ca.pem" -c hba_file="$PWD/hba.conf""#
                .into();
            "CREATE ROLE certified SUPERUSER LOGIN; CREATE ROLE encrypted SUPERUSER LOGIN"
        }
        Database::Mariadb => {
            options.arguments =
                r#"--ssl-cert="$PWD/server.pem" --ssl-key="$PWD/server.key" --ssl-ca="$PWD/ca.pem""#.into();
            "CREATE USER certified@'%' REQUIRE X509; CREATE USER encrypted@'%' REQUIRE SSL; \
             GRANT ALL ON *.* TO certified@'%'; GRANT ALL ON *.* TO encrypted@'%'"
        }
    };
    let server = kind.server_with(&options);
    assert!(kind.execute(&server, users));
    drop(kind.create_on(&server, "secret"));
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("ca.pem"), authority.pem()).unwrap();
    Some(Encrypted { server, files })
}

impl Encrypted {
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.files.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Returns the URL with this host and port; `{ca}` in the parameters stands for the CA file.
    fn url_at(&self, user: &str, host: &str, port: u16, parameters: &str) -> DatabaseUrl {
        let scheme = if Database::chosen() == Database::Postgres { "postgres" } else { "mysql" };
        let ca = format!("sslrootcert={}", self.files.path().join("ca.pem").display());
        let parameters = parameters.replace("{ca}", &ca);
        format!("{scheme}://{user}@{host}:{port}/secret?{parameters}").parse().unwrap()
    }

    async fn tried(&self, user: &str, host: &str, parameters: &str) -> Result<(), Cause> {
        let url = self.url_at(user, host, self.server.port, parameters);
        probe(&url).await.map_err(|failure| failure.cause)
    }
}

fn is_certificate(outcome: &Result<(), Cause>, words: &str) -> bool {
    matches!(outcome, Err(Cause::Certificate(said)) if said.contains(words))
}

#[tokio::test]
async fn every_mode_connects_to_a_server_with_a_valid_certificate() {
    let authority = Authority::new();
    let Some(server) = serve(&authority, &authority.issue(&HOSTS)) else { return };
    for host in HOSTS {
        for parameters in [
            "",
            "sslmode=prefer",
            "sslmode=require",
            "ssl=true",
            "ssl-mode=REQUIRED",
            "sslmode=verify-ca&{ca}",
            "ssl_mode=VERIFY_CA&{ca}",
            "sslmode=verify-full&{ca}",
            "ssl_mode=VERIFY_IDENTITY&{ca}",
            "{ca}",
        ] {
            assert_eq!(server.tried("encrypted", host, parameters).await, Ok(()), "{host} {parameters}");
        }
        let plain = server.tried("encrypted", host, "sslmode=disable").await;
        assert!(matches!(plain, Err(Cause::Login(_))), "{plain:?}");
    }
    let url = server.url_at("encrypted", "localhost", server.server.port, "sslmode=verify-full&{ca}");
    let store = DieselStore::open(&url, 2).await.unwrap();
    store.migrator().upgrade(Target::All).await.unwrap();
    assert_eq!((store.ping().await, store.is_migrated().await), (Ok(()), Ok(true)));
    assert!(store.migrator().look().await.unwrap().iter().all(|migration| migration.is_applied));
}

#[tokio::test]
async fn an_unknown_or_expired_authority_is_rejected() {
    let authority = Authority::new();
    let Some(server) = serve(&authority, &authority.issue(&HOSTS)) else { return };
    server.file("ca.pem", Authority::new().pem());
    for mode in ["require", "verify-ca", "verify-full"] {
        let outcome = server.tried("encrypted", "localhost", &format!("sslmode={mode}&{{ca}}")).await;
        assert!(is_certificate(&outcome, "no known authority"), "{mode}: {outcome:?}");
    }
    for mode in ["verify-ca", "verify-full"] {
        let outcome = server.tried("encrypted", "localhost", &format!("sslmode={mode}")).await;
        assert!(is_certificate(&outcome, "no known authority"), "the authorities of the system, {mode}: {outcome:?}");
    }
    let expired = Authority::expired();
    let Some(server) = serve(&expired, &expired.issue(&HOSTS)) else { return };
    for content in [expired.pem(), "", "no certificate", &expired.issue(&HOSTS).key] {
        server.file("ca.pem", content);
        let outcome = server.tried("encrypted", "localhost", "sslmode=verify-full&{ca}").await;
        assert!(matches!(outcome, Err(Cause::File(_))), "{outcome:?}");
    }
    fs::remove_file(server.files.path().join("ca.pem")).unwrap();
    let outcome = server.tried("encrypted", "localhost", "sslmode=verify-full&{ca}").await;
    assert!(matches!(outcome, Err(Cause::File(_))), "{outcome:?}");
    assert_eq!(server.tried("encrypted", "localhost", "sslmode=require").await, Ok(()));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_accepted_only_by_verify_ca() {
    let authority = Authority::new();
    for certificate in [authority.issue(&["other.test"]), authority.issue_without_names()] {
        let Some(server) = serve(&authority, &certificate) else { return };
        for host in HOSTS {
            assert_eq!(server.tried("encrypted", host, "sslmode=verify-ca&{ca}").await, Ok(()), "{host}");
            let outcome = server.tried("encrypted", host, "sslmode=verify-full&{ca}").await;
            assert!(is_certificate(&outcome, "another name"), "{host}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_expired_certificate_is_rejected_by_modes_that_verify_certificates() {
    let authority = Authority::new();
    let Some(server) = serve(&authority, &authority.issue_expired(&HOSTS)) else { return };
    for mode in ["verify-ca", "verify-full"] {
        let outcome = server.tried("encrypted", "localhost", &format!("sslmode={mode}&{{ca}}")).await;
        assert!(is_certificate(&outcome, "expired"), "{mode}: {outcome:?}");
    }
    assert_eq!(server.tried("encrypted", "localhost", "sslmode=require").await, Ok(()));
}

#[tokio::test]
async fn a_server_that_requests_a_client_certificate_gets_it_for_any_kind_of_key() {
    let authority = Authority::new();
    let Some(server) = serve(&authority, &authority.issue(&HOSTS)) else { return };
    let outcome = server.tried("certified", "localhost", "sslmode=verify-full&{ca}").await;
    assert!(matches!(outcome, Err(Cause::Login(_))), "{outcome:?}");
    for (name, certificate) in [("ec", authority.issue(&["certified"])), ("rsa", authority.issue_rsa(&["certified"]))] {
        let chain = server.file(&format!("{name}.pem"), &certificate.pem);
        let key = server.file(&format!("{name}.key"), &certificate.key);
        let identity = format!("sslcert={}&sslkey={}", chain.display(), key.display());
        let outcome = server.tried("certified", "localhost", &format!("sslmode=verify-full&{{ca}}&{identity}")).await;
        assert_eq!(outcome, Ok(()), "{name}");
    }
    let stranger = Authority::new().issue(&["certified"]);
    let (chain, key) = (server.file("s.pem", &stranger.pem), server.file("s.key", &stranger.key));
    let identity = format!("sslmode=require&sslcert={}&sslkey={}", chain.display(), key.display());
    assert!(server.tried("certified", "localhost", &identity).await.is_err());
    let mixed = format!("sslmode=require&sslcert={}&sslkey={}", chain.display(), server.file("k", "x").display());
    let outcome = server.tried("certified", "localhost", &mixed).await;
    assert!(matches!(outcome, Err(Cause::File(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_attacker_cannot_prevent_required_encryption() {
    let authority = Authority::new();
    let Some(server) = serve(&authority, &authority.issue(&HOSTS)) else { return };
    let proxy = Proxy::start(server.server.port, Tamper::NoEncryption).await;
    let tried = async |user: &str, parameters: &str| {
        let url = server.url_at(user, "localhost", proxy.port, parameters);
        probe(&url).await.map_err(|failure| failure.cause)
    };
    for parameters in ["sslmode=require", "ssl=true", "sslmode=verify-ca&{ca}", "sslmode=verify-full&{ca}", "{ca}"] {
        assert_eq!(tried("keepstone", parameters).await, Err(Cause::NotEncrypted), "{parameters}");
    }
    let outcome = tried("encrypted", "sslmode=prefer").await;
    assert!(matches!(outcome, Err(Cause::Login(_))), "the server sees that it is not encrypted: {outcome:?}");
}

#[tokio::test]
async fn a_server_without_encryption_is_rejected_if_the_mode_requires_it() {
    let kind = Database::chosen();
    if kind == Database::Sqlite {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    let server = kind.server();
    let url = kind.create_on(&server, "plain");
    for (parameters, outcome) in [
        ("", Ok(())),
        ("?sslmode=disable", Ok(())),
        ("?sslmode=prefer", Ok(())),
        ("?sslmode=require", Err(Cause::NotEncrypted)),
        ("?sslmode=verify-ca", Err(Cause::NotEncrypted)),
        ("?ssl_mode=VERIFY_IDENTITY", Err(Cause::NotEncrypted)),
    ] {
        let url = format!("{url}{parameters}").parse().unwrap();
        assert_eq!(probe(&url).await.map_err(|failure| failure.cause), outcome, "{parameters}");
    }
    let mut url: DatabaseUrl = url.parse().unwrap();
    url.server_mut().unwrap().set_tls_defaults(None, true);
    assert_eq!(probe(&url).await, Ok(()), "a server on this machine need not be verified");
}
