//! An issuer that is slow, wrong, gone or changed, on a port of its own. The rule: the clock is the test's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use actix_web::{App, HttpResponse, HttpServer, web};
use secrecy::ExposeSecret;

use super::fetch::max_age;
use super::{Inner, RemoteVerifier};
use crate::error::{RemoteError, SetupError, TokenError, TokenFault};
use crate::token::{AccessGrant, Algorithm, Issuer, KeySet, Profile, Secret, SigningKey, VerifyingKeys};

/// Status, body, `Cache-Control`.
type Answer = (u16, String, &'static str);

/// The issuer's side: what it answers, how often it was asked, and the seconds that have passed.
#[derive(Clone)]
struct Remote {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    passed: Arc<AtomicU64>,
    url: String,
}

async fn answer(remote: web::Data<Remote>) -> HttpResponse {
    remote.asked.fetch_add(1, Ordering::SeqCst);
    let (status, body, caching) = remote.answer.lock().unwrap().clone();
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    let target = format!("{}/elsewhere", remote.url);
    HttpResponse::build(status).insert_header(("cache-control", caching)).insert_header(("location", target)).body(body)
}

impl Remote {
    fn start(keys: &VerifyingKeys) -> Self {
        let answer = Arc::new(Mutex::new((200, keys.to_jwks().to_json(), "public, max-age=300")));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let remote = Self { answer, asked: Arc::default(), passed: Arc::default(), url };
        let data = web::Data::new(remote.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(self::answer));
        let server = HttpServer::new(app).workers(1).listen(listener).unwrap().disable_signals().run();
        actix_web::rt::spawn(server);
        remote
    }

    fn answers(&self, status: u16, body: impl Into<String>, caching: &'static str) {
        *self.answer.lock().unwrap() = (status, body.into(), caching);
    }

    fn publishes(&self, keys: &VerifyingKeys) {
        self.answers(200, keys.to_jwks().to_json(), "max-age=300");
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    fn verifier(&self) -> RemoteVerifier {
        let verifier = RemoteVerifier::new(&self.url, "https://id.example.com", "orders").unwrap();
        let Inner { source, template, state, fetching, .. } = Arc::into_inner(verifier.0).unwrap();
        let (start, passed) = (Instant::now(), Arc::clone(&self.passed));
        let clock = Box::new(move || start + Duration::from_secs(passed.load(Ordering::SeqCst)));
        RemoteVerifier(Arc::new(Inner { source, template, state, fetching, clock }))
    }
}

fn issuer() -> Issuer {
    let key = SigningKey::from_pem(SigningKey::generate_pem(Algorithm::EdDsa).unwrap().expose_secret()).unwrap();
    let refresh = KeySet::new(SigningKey::hs256(&Secret::new("r".repeat(32)).unwrap()));
    let profile = Profile {
        issuer: "https://id.example.com".into(),
        audience: "orders".into(),
        access_lifetime: Duration::from_mins(30),
    };
    Issuer::new(KeySet::new(key), refresh, profile).unwrap()
}

fn keys(issuer: &Issuer) -> VerifyingKeys {
    issuer.verifier().keys().clone()
}

fn token(issuer: &Issuer) -> String {
    let grant = AccessGrant { subject: "ada", role: "clerk", scope: "", session_id: uuid::Uuid::now_v7() };
    issuer.access(&grant, SystemTime::now()).unwrap().token
}

const UNKNOWN: RemoteError = RemoteError::Token(TokenError::Invalid(TokenFault::UnknownKey));
const UNAVAILABLE: RemoteError = RemoteError::Unavailable { retry_after: Duration::from_secs(1) };

#[actix_web::test]
async fn keys_are_fetched_with_the_first_token_and_kept_for_as_long_as_they_say() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    assert_eq!(remote.asked(), 0);
    for _ in 0..3 {
        assert_eq!(verifier.verify_access(&token).await.unwrap().subject, "ada");
    }
    remote.pass(299);
    assert!(verifier.verify_access(&token).await.is_ok());
    assert_eq!(remote.asked(), 1);
    remote.pass(1);
    assert!(verifier.verify_access(&token).await.is_ok());
    assert_eq!(remote.asked(), 2);
}

#[actix_web::test]
async fn many_first_tokens_at_once_are_one_fetch() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            actix_web::rt::spawn(async move { verifier.verify_access(&token).await.is_ok() })
        })
        .collect();
    for one in waiting {
        assert!(one.await.unwrap());
    }
    assert_eq!(remote.asked(), 1);
}

#[actix_web::test]
async fn a_new_key_is_found_and_unknown_ones_cause_one_fetch_in_ten_seconds() {
    let (old, new) = (issuer(), issuer());
    let remote = Remote::start(&keys(&old));
    let verifier = remote.verifier();
    assert!(verifier.verify_access(&token(&old)).await.is_ok());
    let both = keys(&new).with(keys(&old).iter().next().unwrap().clone()).unwrap();
    remote.publishes(&both);
    for _ in 0..20 {
        assert_eq!(verifier.verify_access(&token(&new)).await, Err(UNKNOWN));
    }
    assert_eq!(remote.asked(), 1);
    remote.pass(10);
    assert!(verifier.verify_access(&token(&new)).await.is_ok());
    assert!(verifier.verify_access(&token(&old)).await.is_ok());
    for _ in 0..20 {
        assert_eq!(verifier.verify_access(&token(&issuer())).await, Err(UNKNOWN));
    }
    assert_eq!(remote.asked(), 2);
}

#[actix_web::test]
async fn a_token_that_is_no_good_for_another_reason_causes_no_fetch() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let verifier = remote.verifier();
    let good = token(&issuer);
    assert!(verifier.verify_access(&good).await.is_ok());
    remote.pass(60);
    for bad in ["", "a.b.c", &good[..good.len() - 4]] {
        assert!(matches!(verifier.verify_access(bad).await, Err(RemoteError::Token(TokenError::Invalid(_)))));
    }
    let later = SystemTime::now() + Duration::from_hours(1);
    let expired = verifier.verify_access_at(&good, later).await;
    assert_eq!(expired, Err(RemoteError::Token(TokenError::Expired)));
    assert_eq!(remote.asked(), 1);
}

#[actix_web::test]
async fn a_removed_key_is_forgotten_with_the_next_fetch() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    assert!(verifier.verify_access(&token).await.is_ok());
    remote.answers(200, r#"{"keys":[]}"#, "max-age=300");
    remote.pass(300);
    assert_eq!(verifier.verify_access(&token).await, Err(UNKNOWN));
}

#[actix_web::test]
async fn without_keys_nobody_gets_in() {
    let issuer = issuer();
    let good = keys(&issuer).to_jwks().to_json();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    let large = format!("{good}{}", " ".repeat(65_536));
    for (status, body) in
        [(500, good.as_str()), (404, &good), (302, &good), (201, &good), (200, ""), (200, "<html>"), (200, &large)]
    {
        let before = remote.asked();
        remote.answers(status, body, "max-age=300");
        remote.pass(1);
        for _ in 0..3 {
            assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE), "{status}");
        }
        assert_eq!(remote.asked(), before + 1, "{status}: no redirect, and one fetch in a second");
    }
    remote.publishes(&keys(&issuer));
    remote.pass(1);
    assert!(verifier.verify_access(&token).await.is_ok());
}

#[actix_web::test]
async fn the_last_good_keys_count_for_an_hour_while_the_issuer_is_gone() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    assert!(verifier.verify_access(&token).await.is_ok());
    remote.answers(503, "", "");
    remote.pass(300);
    for _ in 0..20 {
        assert!(verifier.verify_access(&token).await.is_ok());
    }
    assert_eq!(remote.asked(), 2, "one fetch in ten seconds");
    remote.pass(3599);
    assert!(verifier.verify_access(&token).await.is_ok());
    remote.pass(1);
    assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE));
}

#[actix_web::test]
async fn an_issuer_that_does_not_answer_is_given_up() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    remote.answers(0, "", "");
    let started = Instant::now();
    assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE));
    assert!((2..20).contains(&started.elapsed().as_secs()));
}

#[actix_web::test]
async fn a_client_that_hangs_up_does_not_spoil_the_fetch_for_others() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    tokio::select! {
        biased;
        _ = verifier.verify_access(&token) => panic!("no answer can be here yet"),
        () = std::future::ready(()) => {}
    }
    assert!(verifier.verify_access(&token).await.is_ok());
    assert_eq!(remote.asked(), 1);
}

#[test]
fn keys_come_from_https_or_from_this_machine() {
    let new = |url: &str| RemoteVerifier::new(url, "https://id.example.com", "orders").map(drop);
    for good in ["https://id.example.com/jwks.json", "http://localhost:8000/", "http://127.0.0.1/", "http://[::1]:1/"] {
        assert_eq!(new(good), Ok(()), "{good}");
    }
    for bad in
        ["", "id.example.com", "http://id.example.com/", "http://10.0.0.1/", "file:///etc/passwd", "ftp://localhost/"]
    {
        assert_eq!(new(bad), Err(SetupError::JwksUrl), "{bad}");
    }
    let plain = |url: &str| RemoteVerifier::trusting_the_network(url, "https://id.example.com", "orders").map(drop);
    assert_eq!(plain("http://keepstone:8000/.well-known/jwks.json"), Ok(()));
    assert_eq!(plain("file:///etc/passwd"), Err(SetupError::JwksUrl));
    let nobody = RemoteVerifier::new("https://id.example.com/", "", "orders").map(drop);
    assert_eq!(nobody, Err(SetupError::EmptyIssuer));
    let no_one = RemoteVerifier::new("https://id.example.com/", "https://id.example.com", "").map(drop);
    assert_eq!(no_one, Err(SetupError::EmptyAudience));
}

#[test]
fn an_age_is_between_a_minute_and_an_hour() {
    for (headers, seconds) in [
        (&[][..], 300),
        (&["public"], 300),
        (&["public, max-age=300"], 300),
        (&["Max-Age=\"900\""], 900),
        (&["public", "max-age=120"], 120),
        (&["max-age=0"], 60),
        (&["max-age=-1"], 60),
        (&["max-age=99999999999999999999999"], 60),
        (&["max-age=86400"], 3600),
        (&["no-store, max-age=600"], 60),
        (&["max-age=600, No-Cache"], 60),
        (&["s-maxage=600"], 300),
    ] {
        assert_eq!(max_age(headers.iter().copied()).as_secs(), seconds, "{headers:?}");
    }
}
