//! The bytes that a mail server receives.

use keepstone_domain::{DisplayName, Email, MailText, Subject};
use keepstone_service::{Letter, Mail, Mailer};
use keepstone_test_backends::{Received, Smtp};

use super::{mail, mailer, noon, smtp_is_here, verification};

fn message(subject: &str, text: &str) -> Mail {
    mail(Letter::Message { subject: Subject::parse(subject).unwrap(), text: MailText::parse(text).unwrap() })
}

/// Sends an e-mail and returns it as received.
async fn sent(mail: &Mail) -> Received {
    let smtp = Smtp::start();
    mailer(&smtp).send(mail).await.unwrap();
    let [received] = smtp.received().try_into().unwrap();
    for line in received.raw.split("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\r', '\n']) && line.is_ascii(), "{line:?}");
    }
    assert_eq!(received.defects, [""; 0], "{}", received.raw);
    received
}

#[tokio::test]
async fn an_email_has_the_expected_headers() {
    if !smtp_is_here() {
        return;
    }
    let mail = verification();
    let received = sent(&mail).await;
    assert_eq!(
        (received.from.as_str(), received.to.as_slice()),
        ("noreply@xn--bcher-kva.example", ["Ada.L@example.com".to_owned()].as_slice())
    );
    assert_eq!(received.header("From"), "Keepstone <noreply@xn--bcher-kva.example>");
    assert_eq!(received.header("To"), "\"Ada Lovelace\" <Ada.L@example.com>");
    assert_eq!(received.header("Subject"), "Confirm your e-mail address for Keepstone");
    assert_eq!(received.header("Message-ID"), format!("<{}@xn--bcher-kva.example>", mail.id));
    assert_eq!(received.header("Auto-Submitted"), "auto-generated");
    assert_eq!(received.header("MIME-Version"), "1.0");
    assert!(received.header("Content-Type").starts_with("multipart/alternative"), "{received:?}");
    assert!(received.header("Date").ends_with(" +0000"), "{received:?}");
    assert!(received.text.contains("\nhttps://app.example.com/verify#token=s3cret-s3cret-s3cret-s3cret\n"));
    assert!(received.html.contains("<a href=\"https://app.example.com"), "{}", received.html);
    let mut names: Vec<&str> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]
    );
}

#[tokio::test]
async fn a_retry_has_the_same_message_id() {
    if !smtp_is_here() {
        return;
    }
    let smtp = Smtp::start();
    let (mail, mailer) = (verification(), mailer(&smtp));
    mailer.send(&mail).await.unwrap();
    mailer.send(&mail).await.unwrap();
    let [one, other] = smtp.received().try_into().unwrap();
    assert_eq!(one.header("Message-ID"), other.header("Message-ID"));
    assert_eq!(smtp.connections(), 1, "a healthy connection is reused");
}

#[tokio::test]
async fn any_script_and_any_domain_is_sent_as_ascii() {
    if !smtp_is_here() {
        return;
    }
    let name =
        DisplayName::parse("Ада \"Лавлейс\", 👩🏽‍💻 and a rather long name that does not fit into any line").unwrap();
    let subject = "Grüße 👋 an alle, in einer Betreffzeile, die so lang ist, dass sie in keine Zeile passt, ключ";
    let mail = Mail {
        to: Email::parse("Ada@Bücher.Example").unwrap(),
        name: Some(name.clone()),
        ..message(subject, "Здравствуйте, 世界")
    };
    let received = sent(&mail).await;
    assert_eq!(received.to, ["Ada@xn--bcher-kva.example"]);
    assert!(received.header("To").contains("<Ada@xn--bcher-kva.example>"), "{received:?}");
    assert!(received.header("To").contains(name.as_str()), "{received:?}");
    assert_eq!(received.header("Subject"), subject);
    assert!(received.text.starts_with("Здравствуйте, 世界\n"), "{}", received.text);
}

#[tokio::test]
async fn a_text_is_delivered_unchanged_with_any_lines() {
    if !smtp_is_here() {
        return;
    }
    let text = format!(
        "first\n.\n..\n.hidden\r\nQUIT\r\n.\r\nMAIL FROM:<evil@example.com>\rRCPT TO:<evil@example.com>\n{}\n\n=20 = \t \nFrom x",
        "x".repeat(1_000)
    );
    let received = sent(&message("Lines", &text)).await;
    let expected = text.replace("\r\n", "\n").replace('\r', "\n");
    assert!(received.text.starts_with(&expected), "{}", received.text);
    assert_eq!(received.to.len(), 1);
}

#[tokio::test]
async fn input_cannot_add_a_header_or_a_recipient() {
    if !smtp_is_here() {
        return;
    }
    for injected in ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: evil@example.com", "x\0y"] {
        assert!(DisplayName::parse(injected).is_err() && Subject::parse(injected).is_err(), "{injected:?}");
    }
    for hostile in [
        "evil@example.com, x",
        "x <evil@example.com>,",
        "x\" <evil@example.com>, \"y",
        "=?utf-8?q?x=0D=0ABcc:_evil@example.com?=",
        "x\u{2028}Bcc: evil@example.com",
        "x;\\",
        "(",
    ] {
        let mail = Mail { name: Some(DisplayName::parse(hostile).unwrap()), ..message(hostile, "x") };
        let received = sent(&mail).await;
        assert_eq!(received.to, ["Ada.L@example.com"], "{hostile:?}");
        assert_eq!(received.headers.len(), 8, "{hostile:?}: {:?}", received.headers);
        let raw = received.raw.to_ascii_lowercase();
        assert!(!raw.contains("\nbcc:"), "{hostile:?}: {raw}");
    }
    let moment = mail(Letter::SessionEnded { at: noon(), ip: Some("x\r\nBcc: evil@example.com".to_owned()) });
    assert_eq!(sent(&moment).await.headers.len(), 8);
}

#[tokio::test]
async fn encoded_words_in_input_are_not_decoded() {
    if !smtp_is_here() {
        return;
    }
    let encoded = "=?utf-8?q?=0D=0Awin_at_evil.example?=";
    let received = sent(&Mail { name: Some(DisplayName::parse(encoded).unwrap()), ..message(encoded, "x") }).await;
    for header in ["To", "Subject"] {
        let shown = received.header(header);
        assert!(shown.contains("?utf-8?q?=0D=0Awin") && !shown.contains('\n'), "{header}: {shown}");
    }
}
