//! A mail server that fails in many ways: requests are not affected, and every e-mail eventually arrives, always with
//! the same Message-ID.

use std::collections::{BTreeMap, BTreeSet};

use keepstone_test_backends::{Database, Fault, Received, Smtp, SmtpStep};

use crate::harness::{Server, eventually, no_smtp, posting_to};

/// Waits until every address has its e-mail, and returns all received e-mails.
async fn all_received(server: &Server, smtp: &Smtp, addresses: &[String]) -> Vec<Received> {
    eventually("an e-mail for every address", async || {
        let received = smtp.received();
        let answered = received.iter().filter(|mail| mail.answered);
        let to: BTreeSet<_> = answered.map(|mail| mail.to[0].clone()).collect();
        addresses.iter().all(|address| to.contains(address)).then_some(())
    })
    .await;
    server.jobs_end().await;
    smtp.received()
}

#[tokio::test]
async fn every_e_mail_arrives_despite_failures_of_the_mail_server() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).env("JOB_CONCURRENCY", "8").start().await;
    let mut addresses = Vec::new();
    let faults = [
        Some(Fault::Reply(SmtpStep::Connect, "421 4.3.2 come again")),
        Some(Fault::Reply(SmtpStep::From, "451 4.3.0 busy")),
        Some(Fault::Reply(SmtpStep::To, "450 4.2.1 greylisted")),
        Some(Fault::Reply(SmtpStep::Data, "452 4.3.1 no space")),
        Some(Fault::Reply(SmtpStep::End, "451 4.3.0 not now")),
        Some(Fault::HangUp),
        None, // refuses connections
    ];
    for (number, fault) in faults.iter().enumerate() {
        match fault {
            Some(fault) => smtp.fault(fault),
            None => smtp.stop(),
        }
        for person in 0..3 {
            let client = server.anonymous().register(&format!("user-{number}-{person}")).await;
            addresses.push(client.email);
        }
        eventually(&format!("a failed attempt for {fault:?}"), async || {
            let failed = |job: &serde_json::Value| job["last_error"].is_string();
            (server.unfinished().iter().filter(|job| failed(job)).count() > number).then_some(())
        })
        .await;
        smtp.clear_fault();
        if fault.is_none() {
            smtp.start_again();
        }
    }
    let received = all_received(&server, &smtp, &addresses).await;
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in &received {
        assert_eq!(mail.to.len(), 1, "{mail:#?}");
        assert!(mail.defects.is_empty(), "{mail:#?}");
        ids.entry(mail.to[0].clone()).or_default().insert(mail.header("Message-ID").to_owned());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "one Message-ID, for all attempts: {ids:#?}");
    assert!(server.cli(["jobs", "list", "--state", "dead", "--json"]).exits(0).json().as_array().unwrap().is_empty());
}

#[tokio::test]
async fn requests_do_not_wait_for_a_silent_mail_server() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).start().await;
    smtp.fault(&Fault::Silence);
    // More than the number of concurrent attempts. Each attempt would outlast a test.
    let ada = server.user("ada").await;
    for number in 0..20 {
        let client = server.anonymous().register(&format!("user-{number}")).await;
        client.log_in().await.get("/api/v1/users/me").await.is(200);
    }
    ada.post("/api/v1/auth/verify-email/request").await.is(202);
    let ready = server.anonymous().get("/health/ready").await.is(200).json();
    assert_eq!(ready["checks"]["jobs"], "ok");
}

#[tokio::test]
async fn tls_and_a_login_work_and_the_password_is_never_exposed() {
    if no_smtp() || Database::chosen() != Database::Sqlite {
        return; // this does not depend on the database
    }
    let password = "canary-of-the-mail-server";
    for options in [Smtp::with().starttls(), Smtp::with().tls()] {
        let smtp = options.login("keepstone", password).start();
        let home = posting_to(&smtp).env("MAIL_CA_FILE", smtp.ca_file().to_str().unwrap()).env("LOG_LEVEL", "trace");
        let server = home.start().await;
        let ada = server.anonymous().register("ada").await;
        all_received(&server, &smtp, std::slice::from_ref(&ada.email)).await;
        smtp.stop(); // the next attempt needs a new connection and a new login
        smtp.fault(&Fault::Reply(SmtpStep::Login, "535 5.7.8 go away"));
        smtp.start_again();
        server.anonymous().register("bob").await;
        // An error of our configuration must not lose an e-mail.
        let error = eventually("a rejected login", async || {
            server.unfinished().iter().find_map(|job| job["last_error"].as_str().map(str::to_owned))
        })
        .await;
        assert!(error.contains("535") && !error.contains(password), "{error}");
        smtp.clear_fault();
        all_received(&server, &smtp, &["bob@example.com".to_owned()]).await;
        assert!(!server.log().contains(password));
        assert!(!server.cli(["config", "show"]).exits(0).output().contains(password));
    }
}
