//! A proxy in the environment responds to plain `http` with forged keys. Each case runs in its own process, because a
//! client reads the environment when it is created.
#![expect(clippy::unwrap_used, reason = "a test that cannot start its servers has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use keepstone_auth::error::RemoteError;
use keepstone_auth::jwks::RemoteVerifier;
use keepstone_auth::token::{AccessGrant, Algorithm, Issuer, KeySet, Profile, Secret, SigningKey};
use secrecy::ExposeSecret;
use uuid::Uuid;

const ISSUER: &str = "https://id.example.com";
/// The environment variables that configure a proxy.
const VARIABLES: [&str; 8] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

fn issuer() -> Issuer {
    let key = SigningKey::from_pem(SigningKey::generate_pem(Algorithm::EdDsa).unwrap().expose_secret()).unwrap();
    let refresh = KeySet::new(SigningKey::hs256(&Secret::new("r".repeat(32)).unwrap()));
    Issuer::new(KeySet::new(key), refresh, Profile::new(ISSUER, "orders", Duration::from_mins(30))).unwrap()
}

fn token(issuer: &Issuer) -> String {
    let (now, session_id) = (SystemTime::now(), Uuid::now_v7());
    let grant = AccessGrant { subject: "ada", role: "clerk", scope: "", session_id, authenticated_at: now };
    issuer.access(&grant, now).unwrap().token
}

/// Starts a server that responds to every request with the keys of an issuer. Returns its port, and the first line of
/// each request.
fn server(issuer: &Issuer) -> (u16, Receiver<String>) {
    let keys = issuer.verifier().keys().to_jwks().to_json();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (requests, received) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
            requests.send(lines.next().unwrap_or_default()).unwrap_or_default();
            lines.find(String::is_empty).unwrap_or_default();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", keys.len());
            connection.write_all(format!("{head}{keys}").as_bytes()).unwrap_or_default();
        }
    });
    (port, received)
}

/// Verifies a token in another process. Returns `accepted`, `rejected` or `unavailable`.
fn verify(url: &str, token: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    for name in VARIABLES {
        child.env_remove(name);
    }
    child.args(["--exact", "the_other_process", "--ignored", "--nocapture"]);
    child.env("TEST_URL", url).env("TEST_TOKEN", token).envs(environment.iter().copied());
    let output = child.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let result = printed.lines().find_map(|line| line.split_once("result: ")).map(|(_, result)| result.to_owned());
    result.unwrap_or_else(|| panic!("{printed}"))
}

#[tokio::test]
#[ignore = "run by the other tests, in its own process"]
async fn the_other_process() {
    #[expect(clippy::disallowed_methods, reason = "a test that is its own child process")]
    let [url, token] = ["TEST_URL", "TEST_TOKEN"].map(|name| std::env::var(name).unwrap());
    let verifier = RemoteVerifier::trusting_the_network(&url, ISSUER, "orders").unwrap();
    let result = match verifier.verify_access(&token).await {
        Ok(_) => "accepted",
        Err(RemoteError::Token(_)) => "rejected",
        Err(RemoteError::Unavailable { .. }) => "unavailable",
    };
    println!("result: {result}");
}

#[test]
fn plain_http_never_uses_a_proxy() {
    let (genuine, forged) = (issuer(), issuer());
    let ((port, requests), (proxy, proxied)) = (server(&genuine), server(&forged));
    let proxy = format!("http://127.0.0.1:{proxy}");
    let one = |name| vec![(name, proxy.as_str())];
    let environments = [
        one("HTTP_PROXY"),
        one("http_proxy"),
        one("ALL_PROXY"),
        one("all_proxy"),
        vec![("http_proxy", &proxy), ("NO_PROXY", "example.com")],
        vec![("HTTP_PROXY", &proxy), ("http_proxy", &proxy), ("ALL_PROXY", &proxy), ("no_proxy", "")],
    ];
    for environment in &environments {
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("http://{host}:{port}/jwks.json");
            assert_eq!(verify(&url, &token(&genuine), environment), "accepted", "{environment:?}");
            assert_eq!(requests.recv_timeout(Duration::from_secs(5)).unwrap(), "GET /jwks.json HTTP/1.1");
            assert_eq!(verify(&url, &token(&forged), environment), "rejected", "{environment:?}");
            assert_eq!(requests.recv_timeout(Duration::from_secs(5)).unwrap(), "GET /jwks.json HTTP/1.1");
        }
        // The proxy is not even used for a host that does not respond.
        assert_eq!(verify("http://keepstone.invalid/", &token(&forged), environment), "unavailable", "{environment:?}");
    }
    assert_eq!(proxied.try_iter().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn https_uses_the_proxy_from_the_environment() {
    let forged = issuer();
    let (proxy, proxied) = server(&forged);
    let proxy = format!("http://127.0.0.1:{proxy}");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let result = verify("https://keepstone.invalid/jwks.json", &token(&forged), &[(name, &proxy)]);
        assert_eq!(result, "unavailable", "{name}: the proxy has no certificate of this host");
        let request = proxied.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(request, "CONNECT keepstone.invalid:443 HTTP/1.1", "{name}");
    }
    let spared = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "keepstone.invalid")];
    assert_eq!(verify("https://keepstone.invalid/jwks.json", &token(&forged), &spared), "unavailable");
    assert_eq!(proxied.try_iter().count(), 0);
}
