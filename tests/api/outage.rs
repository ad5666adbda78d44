//! A database that does not respond or cannot be reached: the errors for clients and on the command line.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use keepstone_test_backends::Database;
use rustix::process::Signal;

use crate::harness::{Home, PASSWORD, Server, eventually, together};

#[tokio::test]
async fn a_stopped_database_gets_503_within_five_seconds() {
    let database = Database::chosen();
    if database == Database::Sqlite {
        eprintln!("skipped: SQLite has no server");
        return;
    }
    let backend = database.server();
    let server = Server::with().env("DATABASE_URL", &database.create_on(&backend, "test")).start().await;
    let ada = server.user("ada").await;
    backend.signal(Signal::STOP);
    let tried = |number: usize| {
        let ada = ada.clone();
        async move {
            let start = Instant::now();
            let reply = match number % 3 {
                0 => ada.try_log_in(PASSWORD).await,
                1 => ada.get("/api/v1/items").await,
                _ => ada.get("/health/ready").await,
            };
            (reply, start.elapsed())
        }
    };
    for (reply, elapsed) in together((0..12).map(tried)).await {
        assert_eq!(reply.status, 503, "{reply:#?}");
        assert!(elapsed < Duration::from_secs(5), "took {elapsed:?}: {reply:#?}");
        if !reply.request_line.contains("/health/") {
            assert!(reply.header("retry-after").is_some(), "{reply:#?}");
        }
    }
    backend.signal(Signal::CONT);
    eventually("the server responds again", async || (ada.try_log_in(PASSWORD).await.status == 200).then_some(()))
        .await;
    ada.get("/api/v1/items").await.is(200);
}

/// Returns URLs that cannot work, each with its expected error.
fn unreachable(refused: u16, server: &str) -> Vec<(String, &'static str)> {
    let scheme = match Database::chosen() {
        Database::Sqlite => {
            return vec![
                ("sqlite:///missing/keepstone.db".to_owned(), "the folder missing does not exist"),
                ("sqlite:///text.db".to_owned(), "not a SQLite database"),
                ("sqlite:////proc".to_owned(), "cannot be opened"),
            ];
        }
        Database::Postgres => "postgres",
        Database::Mariadb => "mysql",
    };
    let mut urls = vec![
        (format!("{scheme}://u:canary@127.0.0.1:{refused}/d"), "the connection was refused"),
        (format!("{scheme}://u:canary@keepstone.invalid/d"), "DNS"),
        (server.replace("test_", "missing_"), "unknown database"),
        (format!("{server}?sslmode=require"), "does not offer TLS"),
    ];
    if scheme == "mysql" {
        urls.push((server.replace(":keepstone@", ":canary@"), "the login was rejected"));
    }
    if scheme == "postgres" {
        urls.push((server.replace("//keepstone:", "//stranger:"), "the login was rejected"));
    }
    urls
}

#[test]
fn every_command_names_the_cause_and_no_password() {
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let home = Home::new().file("text.db", &"no database ".repeat(100));
    for (url, cause) in unreachable(refused, home.database.url()) {
        let mut home = Home::new().file("text.db", &"no database ".repeat(100));
        home.environment.insert("DATABASE_URL".to_owned(), url.clone());
        home.environment.insert("PORT".to_owned(), "0".to_owned());
        for arguments in [&["serve"][..], &["doctor"], &["migrate", "upgrade"], &["list-users"], &["cleanup-tokens"]] {
            if cause.starts_with("the folder") && arguments == ["doctor"] {
                continue; // its expected error is that the file cannot be created
            }
            let run = home.cli(arguments.iter().copied()).exits(1);
            assert!(run.output().contains(cause), "{url} {arguments:?}: {run:#?}");
            assert!(!run.output().contains("canary"), "{url} {arguments:?}: {run:#?}");
        }
    }
}
