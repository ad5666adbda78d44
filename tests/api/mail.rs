//! E-mail from the operator's view: the configuration takes effect, and an unreachable mail server blocks no requests.

use keepstone_test_backends::{Database, Fault, Smtp, SmtpStep};

use crate::harness::{Home, Server, eventually, no_smtp};

/// Returns whether these tests run. They do not depend on the database.
fn is_here() -> bool {
    Database::chosen() == Database::Sqlite && !no_smtp()
}

#[tokio::test]
async fn the_mail_server_is_checked_at_start() {
    if !is_here() {
        return;
    }
    let smtp = Smtp::with().starttls().login("ada", "pass-word").start();
    let ca_file = smtp.ca_file();
    let home = || Server::with().env("MAIL_URL", smtp.url()).env("MAIL_CA_FILE", ca_file.to_str().unwrap());
    let server = home().start().await;
    eventually("the server connects to it", async || (smtp.connections() == 1).then_some(())).await;
    assert!(!server.log().contains("no e-mail"), "{}", server.log());
    smtp.fault(&Fault::Reply(SmtpStep::Login, "535 5.7.8 no such user"));
    let server = home().start().await;
    eventually("the failure is logged", async || server.log().contains("no e-mail can be sent now").then_some(()))
        .await;
    let log = server.log();
    let error = format!("localhost:{}, logging in: the login was rejected: 535 5.7.8 no such user", smtp.port());
    assert!(log.contains(&error), "{log}");
    assert!(!log.contains("pass-word"), "{log}");
    server.anonymous().get("/health/ready").await.is(200);
}

#[test]
fn unreadable_certificate_authorities_are_a_configuration_error() {
    for (path, reason) in [("missing.pem", "cannot be read"), ("empty.pem", "has no certificates")] {
        let home = Home::on(Database::Sqlite).env("MAIL_URL", "smtps://mail.example.com").env("MAIL_CA_FILE", path);
        let run = home.file("empty.pem", "").cli(["serve", "--port", "0"]).exits(2);
        assert!(run.stderr.contains(&format!("MAIL_CA_FILE: {path} {reason}")), "{run:#?}");
    }
}

#[tokio::test]
async fn production_without_a_mail_server_logs_that_no_e_mail_is_sent() {
    let mails = "MAIL_URL is not set, so no e-mail is sent";
    let server = Server::with().env("ENVIRONMENT", "production").env("DATABASE_URL", "sqlite::memory:").start().await;
    eventually("it is logged", async || server.log().contains(mails).then_some(())).await;
}
