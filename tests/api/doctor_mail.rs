//! `doctor` names the cause of a mail server's failure and a fix for it. The log and failed jobs name the same cause.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use keepstone_test_backends::{Authority, Database, Fault, Smtp, SmtpOptions, SmtpStep};

use crate::doctor::doctor;
use crate::harness::{Home, Server, eventually, no_smtp};

/// Returns a home that sends its e-mails to this URL.
fn sending_to(url: &str) -> Home {
    Home::on(Database::Sqlite).env("MAIL_URL", url)
}

/// Like [`sending_to`], trusting the certificate authority of this server.
fn trusting(smtp: &Smtp, url: &str) -> Home {
    sending_to(url).env("MAIL_CA_FILE", smtp.ca_file().to_str().unwrap())
}

/// Limits an attempt to 6 seconds and a step to 3.
fn in_a_hurry(home: Home) -> Home {
    home.env("JOB_LEASE", "9")
}

/// Asserts that `doctor` reports this cause and this fix for e-mail. The password of every test is `canary`.
#[track_caller]
fn names(home: &Home, cause: &str, fix: &str) {
    let run = doctor(home).exits(1);
    let report = run.json();
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "mail");
    let [check] = checks.collect::<Vec<_>>().try_into().unwrap();
    let text = |member: &str| check[member].as_str().unwrap_or_default();
    assert_eq!(text("state"), "failed", "{check}");
    assert!(text("detail").contains(cause), "{cause:?} is not in {check}");
    assert!(text("fix").contains(fix), "{fix:?} is not in {check}");
    assert!(text("detail").starts_with("smtp"), "the server is named: {check}");
    assert!(!run.output().contains("canary"), "{run:#?}");
}

/// Starts a server that sends the first line to each client, and each other line after one line from the client.
fn scripted(lines: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut heard = BufReader::new(stream.try_clone().unwrap());
                for line in lines {
                    // Clients may disconnect at any time.
                    let _ = stream.write_all(format!("{line}\r\n").as_bytes());
                    let _ = heard.read_until(b'\n', &mut Vec::new());
                }
            });
        }
    });
    port
}

#[test]
fn an_unreachable_server_is_reported_with_the_cause() {
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    for scheme in ["smtp", "smtps"] {
        let home = sending_to(&format!("{scheme}://ada:canary@localhost:{refused}"));
        names(&home, "connecting: the connection was refused: nothing listens there", "SMTP_PORT");
        let home = sending_to(&format!("{scheme}://ada:canary@keepstone.invalid"));
        names(&home, "the name of the host cannot be resolved (DNS: ", "DNS of this machine");
    }
}

#[test]
fn an_unreachable_host_is_distinguished_from_a_silent_server() {
    // Neither accepts connections. The second has a full backlog, so packets are dropped as on a network.
    let [silent, full] = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let address = full.local_addr().unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    let silent = silent.local_addr().unwrap();
    for scheme in ["smtp", "smtps"] {
        let home = |address: SocketAddr| {
            in_a_hurry(sending_to(&format!("{scheme}://ada:canary@localhost:{}", address.port())))
        };
        names(&home(address), "timeout: the host did not accept a connection in time", "firewalls");
        names(&home(silent), "accepted the connection, but sent no greeting within 3s", "the port in MAIL_URL");
    }
}

#[test]
fn the_wrong_kind_of_tls_is_reported_in_both_directions() {
    if no_smtp() {
        return;
    }
    for plain in [Smtp::with(), Smtp::with().starttls()] {
        let smtp = plain.start();
        let home = trusting(&smtp, &format!("smtps://ada:canary@localhost:{}", smtp.port()));
        names(
            &home,
            "the server does not speak TLS from the start, which smtps:// does",
            "write smtp:// instead of smtps://",
        );
    }
    let smtp = Smtp::with().tls().start();
    for query in ["", "?tls=required"] {
        let home = trusting(&smtp, &format!("smtp://ada:canary@localhost:{}{query}", smtp.port()));
        names(
            &in_a_hurry(home),
            "the server speaks TLS from the start, which smtp:// does not",
            "write smtps:// instead of smtp://",
        );
    }
}

#[test]
fn missing_or_broken_starttls_is_reported() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let home = trusting(&smtp, &format!("smtp://ada:canary@localhost:{}?tls=required", smtp.port()));
    names(&home, "TLS is required, but the server does not offer STARTTLS", "turn STARTTLS on in the server");
    let smtp = Smtp::with().starttls().start();
    smtp.fault(&Fault::BrokenTls);
    names(
        &trusting(&smtp, smtp.url()),
        "STARTTLS: what the server sent cannot be understood: it is not TLS",
        "its log",
    );
    let port = scripted(&["220 localhost", "250-localhost\r\n250 STARTTLS", "454 4.7.0 no TLS now"]);
    let home = sending_to(&format!("smtp://localhost:{port}?tls=required"));
    names(
        &home,
        "STARTTLS: the server does not begin TLS: 454 4.7.0 no TLS now",
        "TLS in the configuration of the server",
    );
}

#[test]
fn a_rejected_certificate_is_reported_with_the_reason() {
    if no_smtp() {
        return;
    }
    let ways: [fn(SmtpOptions) -> SmtpOptions; 2] = [SmtpOptions::starttls, SmtpOptions::tls];
    for way in ways {
        let start = |options: SmtpOptions| way(options.login("ada", "canary")).start();
        let smtp = start(Smtp::with());
        let authority = Authority::new();
        let stranger = sending_to(smtp.url()).file("ca.pem", authority.pem()).env("MAIL_CA_FILE", "ca.pem");
        for home in [sending_to(smtp.url()), stranger] {
            names(&home, "certificate of the server is rejected: no known authority has signed it", "set MAIL_CA_FILE");
        }
        doctor(&trusting(&smtp, smtp.url()).migrated()).exits(0);
        let smtp = start(Smtp::with().certified_for("mail.example.com"));
        names(&trusting(&smtp, smtp.url()), "it is for mail.example.com, not for the host of MAIL_URL", "use a host");
        let smtp = start(Smtp::with().expired());
        names(&trusting(&smtp, smtp.url()), "it has expired (2001-01-01)", "renew the certificate");
        let smtp = start(Smtp::with().self_signed());
        names(&trusting(&smtp, smtp.url()), "it is self-signed", "CA:FALSE");
    }
}

#[test]
fn a_failed_login_is_reported_with_the_cause() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::with().tls().login("ada", "right-canary").start();
    let wrong = trusting(&smtp, &smtp.url().replace("right-canary", "canary"));
    names(&wrong, "logging in: the login was rejected: 535 5.7.8", "check user and password");
    for (reply, cause, fix) in [
        ("535 5.7.8 canary is wrong", "the login was rejected: 535 5.7.8 … is wrong", "user and password"),
        ("534 5.7.9 application-specific password required", "the login was rejected: 534 5.7.9", "an app password"),
        ("538 5.7.11 encryption required", "the server takes logins only over TLS: 538", "?tls=required"),
        ("454 4.7.0 try later", "the server cannot verify the login now: 454 4.7.0", "try again later"),
    ] {
        smtp.fault(&Fault::Reply(SmtpStep::Login, reply));
        names(&wrong, cause, fix);
    }
    let smtp = Smtp::with().starttls().login("ada", "canary").start();
    let in_clear = smtp.url().trim_end_matches("?tls=required");
    names(&trusting(&smtp, in_clear), "the server offers a login only after STARTTLS", "add ?tls=required");
    for features in [&["220 localhost", "250 localhost"], &["220 localhost", "250-localhost\r\n250 AUTH CRAM-MD5"]] {
        let home = sending_to(&format!("smtp://ada:canary@localhost:{}", scripted(features)));
        names(&home, "the server does not offer a login with a password (PLAIN or LOGIN)", "remove user and password");
    }
}

#[test]
fn a_server_that_rejects_this_machine_is_reported() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    for (reply, cause, fix) in [
        (
            "421 4.3.2 too many connections",
            "the server takes no connections now: 421 4.3.2 too many",
            "try again later",
        ),
        (
            "554 5.7.1 blocked",
            "the server does not serve this machine: 554 5.7.1 blocked",
            "why it rejects the address",
        ),
    ] {
        smtp.fault(&Fault::Reply(SmtpStep::Connect, reply));
        names(&sending_to(smtp.url()), cause, fix);
    }
}

#[tokio::test]
async fn another_protocol_on_the_port_is_recognised() {
    let http = Server::start().await; // any HTTP server works
    let port = http.url.rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    for scheme in ["smtp", "smtps"] {
        let home = in_a_hurry(sending_to(&format!("{scheme}://ada:canary@localhost:{port}")));
        names(&home, "this is not a mail server: it answered \"HTTP/1.1 400 ", "another program listens there");
    }
    for line in [&["SSH-2.0-OpenSSH_9.2"], &["* OK IMAP4rev1 ready"], &["HTTP/1.1 400 Bad Request"]] {
        let port = scripted(line);
        for scheme in ["smtp", "smtps"] {
            let home = in_a_hurry(sending_to(&format!("{scheme}://ada:canary@localhost:{port}")));
            names(&home, &format!("this is not a mail server: it answered {:?}", line[0]), "another program");
        }
    }
    // FTP greets clients like SMTP.
    let home = sending_to(&format!("smtp://localhost:{}", scripted(&["220 FTP", "500 unknown command"])));
    names(&home, "the server rejected the greeting of this client: 500", "check that the port is a mail server's");
    let home = in_a_hurry(sending_to(&format!("smtp://localhost:{}", scripted(&[]))));
    names(&home, "connecting: the server closed the connection", "check host and port");
}

#[tokio::test]
async fn the_log_and_a_failed_job_name_the_same_cause() {
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let home = Home::new().env("MAIL_URL", &format!("smtp://ada:canary@localhost:{refused}"));
    let server = home.env("JOB_POLL_INTERVAL", "1").start().await;
    let cause = "connecting: the connection was refused: nothing listens there; check that the server runs";
    eventually("a warning at the start", async || server.log().contains(cause).then_some(())).await;
    server.anonymous().register("ada").await;
    let error = eventually("a failed job", async || {
        server.unfinished().iter().find_map(|job| job["last_error"].as_str().map(str::to_owned))
    })
    .await;
    assert!(error.contains(cause) && !error.contains("canary"), "{error}");
    assert!(!server.log().contains("canary"));
}
