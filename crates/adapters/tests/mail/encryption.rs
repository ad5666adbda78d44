//! Connections to mail servers are encrypted, and the servers authenticated.

use keepstone_adapters::{MailUrl, SmtpMailer};
use keepstone_service::{MailError, Mailer};
use keepstone_test_backends::{Fault, Smtp, SmtpOptions};

use super::{PATIENCE, composer, mailer, mailer_of, smtp_is_here, verification};

/// The two ways to begin TLS.
fn ways() -> [SmtpOptions; 2] {
    [Smtp::with().starttls(), Smtp::with().tls()]
}

async fn unavailable(smtp: &Smtp, mailer: &SmtpMailer) -> String {
    let error = mailer.send(&verification()).await.unwrap_err();
    assert!(matches!(error, MailError::Unavailable(_)), "{error}");
    assert_eq!(smtp.received().len(), 0);
    error.to_string()
}

#[tokio::test]
async fn implicit_tls_and_starttls_work_with_and_without_a_login() {
    if !smtp_is_here() {
        return;
    }
    for smtp in ways().into_iter().flat_map(|way| [way.clone(), way.login("ada", "pass-word")]) {
        let smtp = smtp.start();
        let mailer = mailer(&smtp);
        mailer.check().await.unwrap();
        mailer.send(&verification()).await.unwrap();
        mailer.send(&verification()).await.unwrap();
        assert_eq!((smtp.received().len(), smtp.connections()), (2, 1), "{}", smtp.url());
    }
}

#[tokio::test]
async fn a_server_without_starttls_receives_no_email() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::with().login("ada", "pass-word").start();
    let error = unavailable(&smtp, &mailer_of(&smtp, &format!("{}?tls=required", smtp.url()), PATIENCE)).await;
    assert!(error.contains("STARTTLS"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_rejected() {
    if !smtp_is_here() {
        return;
    }
    for way in ways() {
        let smtp = way.clone().certified_for("mail.example.com").start();
        let error = unavailable(&smtp, &mailer(&smtp)).await;
        assert!(error.contains("certificate"), "{error}");
        let smtp = way.start();
        let Ok(MailUrl::Smtp(url)) = smtp.url().parse() else { panic!() };
        let trusting_the_machine = SmtpMailer::new(&url, None, composer(), PATIENCE).unwrap();
        let error = unavailable(&smtp, &trusting_the_machine).await;
        assert!(error.contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn broken_tls_fails_the_attempt() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::with().starttls().start();
    smtp.fault(&Fault::BrokenTls);
    unavailable(&smtp, &mailer(&smtp)).await;
    // A server that speaks plain text where TLS is expected.
    let smtp = Smtp::start();
    unavailable(&smtp, &mailer_of(&smtp, &format!("smtps://localhost:{}", smtp.port()), PATIENCE)).await;
}

#[tokio::test]
async fn replies_injected_before_the_encryption_are_rejected() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::with().starttls().start();
    smtp.fault(&Fault::Injection);
    let error = unavailable(&smtp, &mailer(&smtp)).await;
    assert!(error.contains("STARTTLS"), "{error}");
    smtp.clear_fault();
    mailer(&smtp).send(&verification()).await.unwrap();
}

#[test]
fn an_invalid_certificate_is_not_accepted_as_an_authority() {
    let Ok(MailUrl::Smtp(url)) = "smtps://mail.example.com".parse() else { panic!() };
    for ca in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"] {
        assert!(SmtpMailer::new(&url, Some(ca.as_bytes()), composer(), PATIENCE).is_err(), "{ca:?}");
    }
}
