//! E-mail: the texts, the bytes on the wire, and the guarantee that no mail server can cause lost, forged or disclosed
//! e-mails.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod encryption;
mod fault;
mod file;
mod letter;
mod log;
mod wire;

use std::{
    fs,
    time::{Duration, Instant},
};

use keepstone_adapters::{Composer, MailUrl, Patience, SmtpMailer, Templates};
use keepstone_domain::{DisplayName, Email, JobId, Timestamp};
use keepstone_service::{Letter, Mail};
use keepstone_test_backends::{Smtp, is_skipped};

/// For a local server that responds, on a busy machine.
const PATIENCE: Patience =
    Patience { step: Duration::from_secs(15), attempt: Duration::from_secs(30), idle: Duration::from_mins(1) };
/// For a server that does not respond.
const HURRY: Patience = Patience { step: Duration::from_millis(500), ..PATIENCE };

fn composer() -> Composer {
    Composer::new(Templates::new("Keepstone").unwrap(), "Keepstone <noreply@bücher.example>".parse().unwrap())
}

fn mail(letter: Letter) -> Mail {
    Mail {
        id: JobId::generate(),
        to: Email::parse("Ada.L@example.com").unwrap(),
        name: Some(DisplayName::parse("Ada Lovelace").unwrap()),
        letter,
    }
}

fn verification() -> Mail {
    mail(Letter::VerifyEmail {
        link: "https://app.example.com/verify#token=s3cret-s3cret-s3cret-s3cret".to_owned(),
        valid_for: Duration::from_hours(24),
    })
}

fn noon() -> Timestamp {
    Timestamp::from_micros(1_769_860_800_120_000).unwrap()
}

fn smtp_is_here() -> bool {
    !is_skipped(Smtp::missing())
}

fn mailer(smtp: &Smtp) -> SmtpMailer {
    mailer_of(smtp, smtp.url(), PATIENCE)
}

/// Creates a mailer with another URL or other time limits.
fn mailer_of(smtp: &Smtp, url: &str, patience: Patience) -> SmtpMailer {
    let Ok(MailUrl::Smtp(url)) = url.parse() else { panic!("{url} is not the URL of a mail server") };
    let ca = fs::read(smtp.ca_file()).unwrap();
    SmtpMailer::new(&url, Some(&ca), composer(), patience).unwrap()
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
