//! Every attempt ends, and reports correctly whether a retry makes sense, for every fault of a mail server.

use std::time::{Duration, Instant};

use keepstone_adapters::Patience;
use keepstone_service::{MailError, Mailer};
use keepstone_test_backends::{Fault, Smtp, SmtpStep};

use super::{HURRY, PATIENCE, eventually, mailer, mailer_of, smtp_is_here, verification};

/// Returns the error of an attempt, which names the server.
async fn error(smtp: &Smtp, patience: Patience) -> MailError {
    let error = mailer_of(smtp, smtp.url(), patience).send(&verification()).await.unwrap_err();
    assert!(error.to_string().contains(&format!(":{}", smtp.port())), "{error}");
    error
}

#[tokio::test]
async fn only_a_permanent_fault_of_the_email_is_a_rejection() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    for (step, reply, is_refusal) in [
        (SmtpStep::Connect, "554 5.3.2 no service here", false),
        (SmtpStep::Connect, "421 4.3.2 too many connections", false),
        (SmtpStep::From, "421 4.3.0 later", false),
        (SmtpStep::From, "451 4.3.0 later", false),
        (SmtpStep::From, "550 5.7.0 relaying denied", false),
        (SmtpStep::To, "421 4.2.1 later", false),
        (SmtpStep::To, "451 4.7.1 greylisted", false),
        (SmtpStep::To, "550 5.1.1 no such user", true),
        (SmtpStep::To, "554 5.7.1 <Ada.L@example.com>: Relay access denied", false),
        (SmtpStep::To, "530 5.7.0 log in first", false),
        (SmtpStep::Data, "451 4.3.0 later", false),
        (SmtpStep::Data, "554 5.5.1 no", true),
        (SmtpStep::Data, "250 which is no answer to DATA", false),
        (SmtpStep::End, "451 4.3.0 later", false),
        (SmtpStep::End, "554 5.7.1 this is spam", true),
    ] {
        smtp.fault(&Fault::Reply(step, reply));
        let error = error(&smtp, PATIENCE).await;
        assert_eq!(matches!(error, MailError::Refused(_)), is_refusal, "{reply}: {error}");
        let told = if reply.starts_with("250") { "250 is not a valid reply" } else { reply };
        assert!(error.to_string().contains(told), "{reply}: {error}");
    }
    assert_eq!(smtp.received().len(), 0);
    smtp.clear_fault();
    mailer(&smtp).send(&verification()).await.unwrap();
}

#[tokio::test]
async fn a_stopped_server_is_unavailable_until_it_restarts() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let mailer = mailer(&smtp);
    mailer.send(&verification()).await.unwrap();
    smtp.stop();
    for result in [mailer.send(&verification()).await, mailer.check().await] {
        assert!(matches!(result, Err(MailError::Unavailable(_))), "{result:?}");
    }
    smtp.start_again();
    mailer.check().await.unwrap();
    mailer.send(&verification()).await.unwrap();
    assert_eq!(smtp.received().len(), 2);
}

#[tokio::test]
async fn silent_and_slow_servers_time_out() {
    if !smtp_is_here() {
        return;
    }
    for fault in [Fault::Silence, Fault::Slow] {
        let smtp = Smtp::start();
        smtp.fault(&fault);
        let start = Instant::now();
        let error = error(&smtp, HURRY).await;
        assert!(start.elapsed() < HURRY.attempt, "{error}");
        assert!(
            matches!(&error, MailError::Unavailable(text) if text.contains("sent no greeting within 500ms")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_connection_to_a_silent_server_is_not_reused() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let mailer = mailer_of(&smtp, smtp.url(), Patience { step: Duration::from_secs(3), ..PATIENCE });
    mailer.check().await.unwrap();
    smtp.fault(&Fault::Silence);
    assert!(matches!(mailer.send(&verification()).await, Err(MailError::Unavailable(_))));
    smtp.clear_fault();
    for _ in 0..3 {
        mailer.send(&verification()).await.unwrap();
    }
    assert_eq!(smtp.received().len(), 3);
}

#[tokio::test]
async fn an_attempt_ends_even_if_every_step_is_within_its_limit() {
    if !smtp_is_here() {
        return;
    }
    // The greeting arrives at one byte a second, within the 100 seconds of the step, so only the limit of the attempt
    // applies.
    let smtp = Smtp::start();
    smtp.fault(&Fault::Slow);
    let patience = Patience { step: Duration::from_secs(100), attempt: Duration::from_secs(1), ..PATIENCE };
    let mailer = mailer_of(&smtp, smtp.url(), patience);
    let start = Instant::now();
    let error = mailer.send(&verification()).await.unwrap_err();
    assert!(matches!(&error, MailError::Unavailable(text) if text.contains("not done within 1s")), "{error}");
    assert!(start.elapsed() < patience.step);
}

#[tokio::test]
async fn an_email_that_may_have_been_received_is_resent_with_the_same_id() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    smtp.fault(&Fault::HangUp);
    let (mail, mailer) = (verification(), mailer(&smtp));
    let error = mailer.send(&mail).await.unwrap_err();
    assert!(matches!(&error, MailError::Unavailable(text) if text.contains("which may have been received")), "{error}");
    smtp.clear_fault();
    mailer.send(&mail).await.unwrap();
    let [first, second] = smtp.received().try_into().unwrap();
    assert_eq!((first.answered, second.answered), (false, true));
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
}

#[tokio::test]
async fn a_wrong_password_loses_no_email_and_is_not_revealed() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::with().starttls().login("ada", "Zx81canary").start();
    let url = smtp.url().to_owned();
    mailer(&smtp).send(&verification()).await.unwrap();
    let wrong = url.replace("Zx81canary", "Qy72canary");
    let none = url.replace("ada:Zx81canary@", "");
    for (url, told) in [(&wrong, "logging in: the login was rejected: 535 5.7.8"), (&none, "MAIL FROM: 530 5.7.0")] {
        let error = mailer_of(&smtp, url, PATIENCE).send(&verification()).await.unwrap_err();
        assert!(matches!(&error, MailError::Unavailable(text) if text.contains(told)), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    // A server that quotes the login: "\0ada\0Zx81canary" in base64, and the plain password.
    smtp.fault(&Fault::Reply(SmtpStep::Login, "535 5.7.8 AGFkYQBaeDgxY2FuYXJ5 or Zx81canary is wrong"));
    let error = mailer(&smtp).check().await.unwrap_err().to_string();
    assert!(!error.contains("canary") && !error.contains("AGFkYQ") && error.contains("is wrong"), "{error}");
}

#[tokio::test]
async fn no_error_contains_the_secret_of_an_email() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let reply = "554 5.7.1 app.example.com/verify#token=s3cret-s3cret-s3cret-s3cret is on a list";
    smtp.fault(&Fault::Reply(SmtpStep::End, reply));
    let error = error(&smtp, PATIENCE).await.to_string();
    assert!(!error.contains("s3cret") && error.contains("is on a list"), "{error}");
}

#[tokio::test]
async fn concurrent_emails_have_a_connection_each_and_one_stays_open() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let (mailer, [a, b, c]) = (mailer(&smtp), [(); 3].map(|()| verification()));
    let (a, b, c) = tokio::join!(mailer.send(&a), mailer.send(&b), mailer.send(&c));
    assert_eq!([a, b, c], [Ok(()), Ok(()), Ok(())]);
    assert_eq!((smtp.received().len(), smtp.connections()), (3, 3));
    eventually("the other connections are closed", || smtp.open() == 1).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let mailer = mailer_of(&smtp, smtp.url(), Patience { idle: Duration::from_millis(200), ..PATIENCE });
    mailer.send(&verification()).await.unwrap();
    eventually("the connection is closed", || smtp.open() == 0).await;
    mailer.send(&verification()).await.unwrap();
    assert_eq!(smtp.connections(), 2);
}
