//! The texts of e-mails. The snapshots show what users receive: review them when they change.

use std::time::Duration;

use keepstone_adapters::{Rendered, Templates};
use keepstone_domain::{DisplayName, MailText, Subject, Username};
use keepstone_service::{Letter, Mail};
use proptest::prelude::*;

use super::{mail, noon, verification};

const LINK: &str = "https://app.example.com/page#token=aB3-_x&kind=\"1\"";

fn write(mail: &Mail) -> Rendered {
    Templates::new("Keepstone").unwrap().write(mail).unwrap()
}

fn message(subject: &str, text: &str) -> Letter {
    Letter::Message { subject: Subject::parse(subject).unwrap(), text: MailText::parse(text).unwrap() }
}

fn email_changed(undo: Option<String>) -> Letter {
    Letter::EmailChanged { at: noon(), undo, valid_for: Duration::from_hours(7 * 24) }
}

#[test]
fn every_email_matches_its_snapshot() {
    let link = || LINK.to_owned();
    let letters = [
        ("verify_email", Letter::VerifyEmail { link: link(), valid_for: Duration::from_hours(24) }),
        ("reset_password", Letter::ResetPassword { link: link(), valid_for: Duration::from_mins(30) }),
        ("address_taken", Letter::AddressTaken),
        ("username_taken", Letter::UsernameTaken { username: Username::parse("ada.example.com").unwrap() }),
        ("password_changed", Letter::PasswordChanged { at: noon() }),
        ("email_changed", email_changed(Some(link()))),
        ("email_changed_again", email_changed(None)),
        ("session_ended", Letter::SessionEnded { at: noon(), ip: Some("192.0.2.7".to_owned()) }),
        ("message", message("Maintenance & more", "Dear all,\r\n\r\n<b>no service</b> on Sunday.\n.\nBye")),
    ];
    for (name, letter) in letters {
        let Rendered { subject, text, html } = write(&mail(letter));
        insta::assert_snapshot!(format!("{name}.txt"), format!("{subject}\n\n{text}"));
        insta::assert_snapshot!(format!("{name}.html"), html);
    }
}

#[test]
fn html_has_only_the_character_references_of_markup_and_quotes() {
    let link = || "https://host.example/svc/a/b?c=d&e=f#token=aB3-_x'\"<>`=".to_owned();
    let letters = [
        Letter::VerifyEmail { link: link(), valid_for: Duration::from_hours(24) },
        Letter::ResetPassword { link: link(), valid_for: Duration::from_mins(30) },
        Letter::UsernameTaken { username: Username::parse("a.b-c_d").unwrap() },
        email_changed(Some(link())),
        Letter::SessionEnded { at: noon(), ip: Some("2001:db8::1".to_owned()) },
        message("a/b & c", "</p> 1/2 = \"half\" & 'more' + ` ä"),
    ];
    for letter in letters {
        let html = write(&mail(letter)).html;
        for reference in html.split('&').skip(1).map(|rest| rest.split_once(';').unwrap().0) {
            assert!(["amp", "lt", "gt", "quot", "#x27"].contains(&reference), "&{reference}; in {html}");
        }
    }
    let html = write(&mail(email_changed(Some(link())))).html;
    assert!(html.contains("href=\"https://host.example/svc/a/b?c=d&amp;e=f#token="), "{html}");
}

#[test]
fn unknown_values_are_left_out() {
    let unnamed = Mail { name: None, ..mail(Letter::SessionEnded { at: noon(), ip: None }) };
    let Rendered { text, html, .. } = write(&unnamed);
    assert!(text.starts_with("Hello,\n") && html.contains("<p>Hello,</p>"), "{text}{html}");
    assert!(!text.contains("second use came") && !html.contains("second use came"), "{text}{html}");
}

#[test]
fn durations_are_written_in_words() {
    for (minutes, words) in [
        (0, "1 minute"),
        (1, "1 minute"),
        (30, "30 minutes"),
        (90, "90 minutes"),
        (60, "1 hour"),
        (1_440, "24 hours"),
        (2_880, "2 days"),
        (10_080, "7 days"),
    ] {
        let letter = Letter::VerifyEmail { link: LINK.to_owned(), valid_for: Duration::from_mins(minutes) };
        let Rendered { text, html, .. } = write(&mail(letter));
        assert!(text.contains(&format!("valid for {words}.")) && html.contains(&format!("for {words}.")), "{text}");
    }
}

#[test]
fn a_name_that_looks_like_a_web_address_is_left_out() {
    for (name, is_greeted) in [
        ("Ada Lovelace", true),
        ("Dr. Ada King, J.R.R.", true),
        ("Ада Лавлейс", true),
        ("evil.example", false),
        ("Win at www.evil.example now", false),
        ("https://evil", false),
        ("evil。example", false),
        ("pay@evil", false),
    ] {
        let Rendered { text, html, .. } =
            write(&Mail { name: Some(DisplayName::parse(name).unwrap()), ..verification() });
        assert_eq!(text.contains(name), is_greeted, "{text}");
        assert_eq!(html.contains(name), is_greeted, "{html}");
    }
}

/// Removes the tags of the templates.
fn stripped(html: &str) -> String {
    let mut outside = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        outside.push_str(before);
        rest = tag.split_once('>').map_or("", |(_tag, behind)| behind);
    }
    outside + rest
}

/// Returns each tag with its attributes, in order, as a browser would find them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|tag| tag.split('>').next().unwrap())
        .filter(|tag| *tag != "br" && *tag != "wbr")
        .collect()
}

proptest! {
    #[test]
    fn user_input_never_becomes_markup(
        name in "[<>&\"'/a-z{}%#! \\PC]{1,40}",
        username in "[a-z_.-]{3,20}",
        subject in "[<>&\"'/a-z{}% \\PC]{1,40}",
        text in "[<>&\"'/a-z{}%\\r\\n\\t \\PC]{1,200}",
        ip in "[<>&\"'/0-9.:]{1,20}",
    ) {
        let plain = |letter| Mail { name: DisplayName::parse("Ada").ok(), ..mail(letter) };
        let name = DisplayName::parse(&name).ok();
        let username = Username::parse(&username).unwrap();
        let written = [Subject::parse(&subject).ok().zip(MailText::parse(&text).ok())
            .map(|(subject, text)| (Letter::Message { subject, text }, message("x", "x")))];
        let taken = Letter::UsernameTaken { username };
        let pairs = written.into_iter().flatten().chain([
            (taken, Letter::UsernameTaken { username: Username::parse("ada").unwrap() }),
            (Letter::SessionEnded { at: noon(), ip: Some(ip) }, Letter::SessionEnded { at: noon(), ip: Some("1".into()) }),
            (verification().letter, verification().letter),
        ]);
        for (hostile, harmless) in pairs {
            let hostile = write(&Mail { name: name.clone().or(DisplayName::parse("Ada").ok()), ..mail(hostile) }).html;
            let harmless = write(&plain(harmless)).html;
            prop_assert_eq!(tags(&hostile), tags(&harmless), "{}", &hostile);
            prop_assert!(!stripped(&hostile).contains(['<', '>', '"', '\'']), "{}", hostile);
        }
    }
}
