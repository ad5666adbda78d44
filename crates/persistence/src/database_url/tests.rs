//! Tests of URLs: what is parsed, what is rejected and what is never shown.

use super::*;
use crate::tls::TlsMode;

fn parsed(text: &str) -> DatabaseUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn server(text: &str) -> ServerUrl {
    parsed(text).server().unwrap_or_else(|| panic!("{text}")).clone()
}

#[test]
fn all_documented_urls_are_parsed() {
    let file = |path: &str| DatabaseUrl::SqliteFile(PathBuf::from(path));
    for (text, url) in [
        ("sqlite:///./keepstone.db", file("./keepstone.db")),
        ("sqlite:///keepstone.db", file("keepstone.db")),
        ("sqlite:////var/lib/keepstone.db", file("/var/lib/keepstone.db")),
        ("sqlite+aiosqlite:///./keepstone.db", file("./keepstone.db")),
        ("sqlite:///./keepstone.db?check_same_thread=false", file("./keepstone.db")),
        ("SQLite:///a b.db", file("a b.db")),
        ("sqlite::memory:", DatabaseUrl::SqliteMemory),
        ("sqlite:///:memory:", DatabaseUrl::SqliteMemory),
        ("sqlite://:memory:", DatabaseUrl::SqliteMemory),
        ("sqlite+aiosqlite:///:memory:", DatabaseUrl::SqliteMemory),
    ] {
        assert_eq!(text.parse(), Ok(url), "{text}");
    }
    for (text, canonical) in [
        ("postgres://u:p@h:5432/d", "postgres://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgres://u:p@h/d?sslmode=require"),
        ("postgresql+asyncpg://u:p@h/d", "postgres://u:p@h/d"),
        ("postgresql+psycopg2://u:p%40ss@[::1]:5432/d", "postgres://u:p%40ss@[::1]:5432/d"),
        ("postgres:///d?host=/run/postgresql", "postgres:///d?host=/run/postgresql"),
        ("mysql://u:p@h/d", "mysql://u:p@h/d"),
        ("mysql+aiomysql://u:p@h:3306/d", "mysql://u:p@h:3306/d"),
        ("mariadb+asyncmy://u@h/d", "mysql://u@h/d"),
        ("  postgres://h/d\n", "postgres://h/d"),
    ] {
        assert_eq!(server(text).as_str(), canonical, "{text}");
    }
}

#[test]
fn a_url_is_split_into_its_parts() {
    let url = server("postgresql+asyncpg://a%40b:p%2Fw%3A%3F@db.test:5433/my%20app");
    assert_eq!((url.user(), url.password(), url.database()), (Some("a@b"), Some("p/w:?"), Some("my app")));
    assert_eq!(url.first_address(), Some(("db.test", 5433)));

    let places = |text: &str| -> Vec<(String, u16)> {
        server(text).addresses().map(|(host, port)| (host.to_owned(), port)).collect()
    };
    let of = |list: &[(&str, u16)]| -> Vec<(String, u16)> {
        list.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect()
    };
    assert_eq!(places("postgres://h/d"), of(&[("h", 5432)]));
    assert_eq!(places("mysql://h/d"), of(&[("h", 3306)]));
    assert_eq!(places("mysql:///d"), of(&[("localhost", 3306)]));
    assert_eq!(places("postgres://[::1]:6000,h2/d"), of(&[("::1", 6000), ("h2", 5432)]));
    assert_eq!(places("postgres://x/d?host=h1:1&host=h2:2"), of(&[("h1", 1), ("h2", 2)]));
    assert_eq!(places("postgres:///d?port=6000&host=h1,h2"), of(&[("h1", 6000), ("h2", 6000)]));

    let url = server("postgres:///?user=u&password=p%2Bw+x&dbname=d&host=/run/pg&port=6000");
    assert_eq!((url.user(), url.password(), url.database()), (Some("u"), Some("p+w+x"), Some("d")));
    assert_eq!(url.socket(), Some(Path::new("/run/pg")));
    assert_eq!(url.hosts().next(), Some((&Host::Socket("/run/pg".into()), 6000)));
    for text in [
        "postgres:///d?host=/run/my.sock",
        "postgres://%2Frun%2Fmy.sock/d",
        "postgres://h/d?host=/run/my.sock",
        "mysql://u@h/d?unix_socket=/run/my.sock",
        "mysql://u@localhost/d?unix_socket=%2Frun%2Fmy.sock",
        "mysql://%2Frun%2Fmy.sock/d",
    ] {
        let url = server(text);
        assert_eq!((url.socket(), url.is_remote()), (Some(Path::new("/run/my.sock")), false), "{text}");
    }
}

#[test]
fn session_parameters_are_parsed() {
    let url = server(
        "postgresql://h/d?application_name=my+app&options=-c+search_path%3Dx&connect_timeout=7&client_encoding=utf8\
         &target_session_attrs=read-write&keepalives=1&channel_binding=require&gssencmode=disable",
    );
    let session = url.session();
    assert_eq!(session.application_name.as_deref(), Some("my app"));
    assert_eq!(session.options.as_deref(), Some("-c search_path=x"));
    assert_eq!(session.connect_timeout, Some(std::time::Duration::from_secs(7)));
    assert_eq!(session.keepalives, Some(true));
    assert!(session.target.is_some() && session.channel_binding.is_some());
    server("mysql+aiomysql://u:p@h/d?charset=utf8mb4&connect_timeout=0&use_unicode=1");
}

#[test]
fn all_spellings_of_encryption_parameters_are_parsed() {
    use TlsMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
    for (query, mode) in [
        ("", Prefer),
        ("?sslmode=", Prefer),
        ("?sslmode=disable", Disable),
        ("?sslmode=allow", Prefer),
        ("?sslmode=prefer", Prefer),
        ("?sslmode=require", Require),
        ("?sslmode=verify-ca", VerifyCa),
        ("?sslmode=verify-full", VerifyFull),
        ("?ssl=require", Require),
        ("?ssl=true", Require),
        ("?ssl=1", Require),
        ("?ssl=false", Disable),
        ("?ssl=verify-full", VerifyFull),
        ("?ssl-mode=REQUIRED", Require),
        ("?ssl_mode=DISABLED", Disable),
        ("?ssl-mode=PREFERRED", Prefer),
        ("?ssl_mode=VERIFY_CA", VerifyCa),
        ("?sslMode=VERIFY_IDENTITY", VerifyFull),
        ("?ssl_mode=verify_identity", VerifyFull),
        ("?sslmode=require&ssl=true", Require),
        ("?sslrootcert=/ca.pem", VerifyFull),
        ("?sslmode=require&sslrootcert=/ca.pem", VerifyCa),
        ("?sslmode=prefer&sslrootcert=/ca.pem", Prefer),
        ("?sslrootcert=system", VerifyFull),
        ("?ssl_ca=/ca.pem", VerifyFull),
        ("?sslmode=verify-full&sslcert=/c.pem&sslkey=/k.pem", VerifyFull),
    ] {
        for start in ["postgres://u:p@db.test/d", "mysql://u:p@db.test/d"] {
            assert_eq!(server(&format!("{start}{query}")).tls().mode(), mode, "{start}{query}");
        }
    }
    for (query, mode) in [
        ("?ssl_verify_cert=true", VerifyCa),
        ("?ssl_verify_identity=true&ssl_verify_cert=true", VerifyFull),
        ("?ssl_ca=/ca.pem&ssl_check_hostname=false", VerifyCa),
        ("?ssl_mode=REQUIRED&ssl_check_hostname=true", VerifyFull),
    ] {
        assert_eq!(server(&format!("mysql://u:p@db.test/d{query}")).tls().mode(), mode, "{query}");
    }
}

#[test]
fn defaults_apply_where_the_url_sets_nothing() {
    use TlsMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
    let ca = Path::new("/ca.pem");
    for (text, ca_file, verifies, mode) in [
        ("postgres://db.test/d", None, true, VerifyFull),
        ("mysql://10.0.0.7/d", None, true, VerifyFull),
        ("postgres://localhost,db.test/d", None, true, VerifyFull),
        ("postgres://localhost/d?hostaddr=10.0.0.7", None, true, VerifyFull),
        ("postgres://db.test/d", None, false, Prefer),
        ("postgres://127.0.0.1/d", None, true, Prefer),
        ("postgres://[::1]/d", None, true, Prefer),
        ("mysql://LOCALHOST/d", None, true, Prefer),
        ("postgres://db.test/d?sslmode=disable", None, true, Disable),
        ("postgres://db.test/d?sslmode=require", None, true, Require),
        ("postgres://db.test/d?sslmode=require", Some(ca), true, VerifyCa),
        ("postgres://db.test/d", Some(ca), false, VerifyFull),
    ] {
        let mut url = parsed(text);
        url.server_mut().unwrap().set_tls_defaults(ca_file, verifies);
        assert_eq!(url.server().unwrap().tls().mode(), mode, "{text}");
    }
}

#[test]
fn unsupported_parameters_are_rejected_by_name() {
    for (text, named) in [
        ("postgres://h/d?sslmode=canary", "sslmode"),
        ("postgres://h/d?ssl=canary", "`ssl`"),
        ("mysql://h/d?ssl-mode=canary", "ssl-mode"),
        ("postgres://h/d?sslmode=require&sslmode=require", "sslmode"),
        ("postgres://h/d?sslmode=require&sslMode=require", "sslMode"),
        ("postgres://h/d?sslmode=require&ssl=verify-full", "sslmode"),
        ("mysql://h/d?ssl_mode=DISABLED&ssl_verify_identity=true", "ssl-mode"),
        ("postgres://h/d?sslcert=/canary", "sslkey"),
        ("postgres://h/d?sslkey=/canary", "sslcert"),
        ("postgres://h/d?sslcrl=canary", "sslcrl"),
        ("postgres://h/d?sslpassword=canary", "sslpassword"),
        ("postgresql+asyncpg://h/d?prepared_statement_cache_size=0", "prepared_statement_cache_size"),
        ("postgresql://h/d?pgbouncer=true", "pgbouncer"),
        ("postgresql://h/d?pool_size=20", "DB_POOL_SIZE"),
        ("mysql://h/d?connection_limit=5", "DB_POOL_SIZE"),
        ("postgresql://h/d?schema=canary", "options=-csearch_path"),
        ("postgres://h/d?connect_timeout=canary", "connect_timeout"),
        ("postgres://h/d?target_session_attrs=canary", "target_session_attrs"),
        ("postgres://h/d?channel_binding=canary", "channel_binding"),
        ("postgres://h/d?hostaddr=canary", "hostaddr"),
        ("postgres://h/d?client_encoding=latin1", "client_encoding"),
        ("postgres://h/d?gssencmode=require", "gssencmode"),
        ("postgres://h/d?charset=utf8mb4", "charset"),
        ("postgres://h/d?service=canary", "service"),
        ("postgres://h/d?canarize=1", "canarize"),
        ("mysql://h/d?charset=latin1", "charset"),
        ("mysql://h/d?unix_socket=canary", "unix_socket"),
        ("mysql://h/d?local_infile=1", "local_infile"),
        ("mysql://h/d?prefer_socket=true", "unix_socket"),
        ("mysql://h/d?tls=skip-verify", "ssl-mode=VERIFY_IDENTITY"),
        ("mysql://h/d?application_name=canary", "application_name"),
        ("sqlite:///./k.db?mode=ro", "mode"),
        ("sqlite:///./k.db?timeout=1&timeout=2", "timeout"),
    ] {
        let error = text.parse::<DatabaseUrl>().expect_err(text).to_string();
        assert!(error.contains(named), "{text}: {error}");
        assert!(!error.contains("canary"), "{text}: {error}");
    }
}

#[test]
fn an_invalid_url_is_rejected_with_the_reason() {
    use DatabaseUrlError as E;
    for (text, error) in [
        ("", E::SchemeMissing),
        ("keepstone.db", E::SchemeMissing),
        ("localhost:5432/d", E::SchemeMissing),
        ("user:canary@host/d", E::SchemeMissing),
        ("://h/d", E::SchemeMissing),
        ("oracle://h/d", E::SchemeUnknown("oracle".to_owned())),
        ("mongodb+srv://u:p@h", E::SchemeUnknown("mongodb".to_owned())),
        ("sqlite:", E::FileMissing),
        ("sqlite://", E::FileMissing),
        ("sqlite:///", E::FileMissing),
        ("sqlite:////", E::FileMissing),
        ("sqlite://keepstone.db", E::TwoSlashes),
        ("sqlite:///file:x?uri=true", E::FileUri),
        ("postgres:", E::HostMissing),
        ("postgres:h/d", E::HostMissing),
        ("mysql://", E::HostMissing),
        ("postgres://u:p/ss@h/d", E::PasswordCut),
        ("postgres://h:port/d", E::PortInvalid),
        ("postgres://h:0/d", E::PortInvalid),
        ("postgres://h:65536/d", E::PortInvalid),
        ("postgres://h/d?port=x", E::PortInvalid),
        ("postgres://u:123?canary@h/d", E::PasswordCut),
        ("postgres://u:123?canary&x@h/d", E::PasswordCut),
        ("postgres://u:123/canary@h/d", E::PasswordCut),
        ("postgres://u:123#canary@h/d", E::PasswordCut),
        ("postgres://u:p@canary?ss@h/d", E::PasswordCut),
        ("postgres://h/d?password=can@canary", E::PasswordCut),
        ("postgres://u:%ff@h/d", E::EscapeInvalid),
        ("postgres://u:%00@h/d", E::EscapeInvalid),
    ] {
        assert_eq!(text.parse::<DatabaseUrl>(), Err(error), "{text}");
    }
    assert!(E::SchemeMissing.to_string().contains(KNOWN));
}

#[test]
fn neither_display_nor_debug_shows_the_user_or_the_password() {
    for (text, shown) in [
        ("postgres://canary:canary@h:5432/d?password=canary", "postgres://h:5432/d"),
        ("postgres://canary:can@ary@h/d", "postgres://h/d"),
        ("mysql+aiomysql://canary@h/d", "mysql://h/d"),
        ("postgres://canary@/d?host=/run/pg&user=canary", "postgres:///d?host=/run/pg"),
        ("mysql://canary@[::1]:3307/d?unix_socket=/run/m.sock", "mysql:///d?unix_socket=/run/m.sock"),
        ("postgres://h1:1,[::1]/d", "postgres://h1:1,[::1]/d"),
        ("sqlite:////var/lib/k.db", "sqlite:////var/lib/k.db"),
        ("sqlite:///./k.db", "sqlite:///./k.db"),
        ("sqlite:///:memory:", "sqlite::memory:"),
    ] {
        let url: DatabaseUrl = parsed(text);
        assert_eq!(url.to_string(), shown, "{text}");
        assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"), "{text}");
    }
}

#[test]
fn a_url_without_the_password_keeps_the_other_parts() {
    for (text, written) in [
        ("postgres://ada:canary@db.test:5433/app", "postgres://ada@db.test:5433/app"),
        ("postgres://a%2Fb:canary@h/my%20app?sslmode=require", "postgres://a%2Fb@h/my%20app?sslmode=require"),
        (
            "postgres://h/d?password=canary&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem",
            "postgres://h/d?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem",
        ),
        ("postgres:///app?host=/run/pg&sslmode=disable", "postgres:///app?host=/run/pg&sslmode=disable"),
    ] {
        assert_eq!(server(text).without_password(), written, "{text}");
    }
}
