//! An issuer on a local port that is slow, faulty, unreachable or changed. The tests control the clock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use actix_web::{App, HttpResponse, HttpServer, web};
use secrecy::ExposeSecret;

use super::{Inner, RemoteVerifier};
use crate::error::{RemoteError, TokenError, TokenFault};
use crate::token::{
    AccessGrant, Algorithm, Issuer, KeySet, MAX_ACCESS_LIFETIME, Profile, Secret, SigningKey, VerifyingKeys,
};

/// Status, body and `Cache-Control` of a response.
type Answer = (u16, String, &'static str);

/// The issuer: its response, the number of requests it received, and the seconds that have passed.
#[derive(Clone)]
struct Remote {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    passed: Arc<AtomicU64>,
    url: String,
    /// The `Location` header of a redirect.
    location: Arc<Mutex<String>>,
}

async fn answer(remote: web::Data<Remote>) -> HttpResponse {
    remote.asked.fetch_add(1, Ordering::SeqCst);
    let (status, body, caching) = remote.answer.lock().unwrap().clone();
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    let location = remote.location.lock().unwrap().clone();
    HttpResponse::build(status)
        .insert_header(("cache-control", caching))
        .insert_header(("location", location))
        .body(body)
}

impl Remote {
    fn start(keys: &VerifyingKeys) -> Self {
        let answer = Arc::new(Mutex::new((200, keys.to_jwks().to_json(), "public, max-age=300")));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let remote = Self { answer, asked: Arc::default(), passed: Arc::default(), url, location: Arc::default() };
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
        let Inner { source, template, .. } = Arc::into_inner(verifier.0).unwrap();
        let (start, passed) = (Instant::now(), Arc::clone(&self.passed));
        RemoteVerifier::with(
            source,
            template,
            Arc::new(move || start + Duration::from_secs(passed.load(Ordering::SeqCst))),
        )
    }
}

fn issuer() -> Issuer {
    issuer_of(Profile::new("https://id.example.com", "orders", Duration::from_mins(30)))
}

fn issuer_of(profile: Profile) -> Issuer {
    let key = SigningKey::from_pem(SigningKey::generate_pem(Algorithm::EdDsa).unwrap().expose_secret()).unwrap();
    let refresh = KeySet::new(SigningKey::hs256(&Secret::new("r".repeat(32)).unwrap()));
    Issuer::new(KeySet::new(key), refresh, profile).unwrap()
}

fn keys(issuer: &Issuer) -> VerifyingKeys {
    issuer.verifier().keys().clone()
}

fn token(issuer: &Issuer) -> String {
    let (now, session_id) = (SystemTime::now(), uuid::Uuid::now_v7());
    let grant = AccessGrant { subject: "ada", role: "clerk", scope: "", session_id, authenticated_at: now };
    issuer.access(&grant, now).unwrap().token
}

const UNKNOWN: RemoteError = RemoteError::Token(TokenError::Invalid(TokenFault::UnknownKey));
const UNAVAILABLE: RemoteError = RemoteError::Unavailable { retry_after: Duration::from_secs(1) };

#[actix_web::test]
async fn keys_are_fetched_with_the_first_token_and_cached_for_their_max_age() {
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
async fn concurrent_first_tokens_share_one_fetch() {
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
async fn unknown_keys_cause_at_most_one_fetch_in_ten_seconds() {
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
async fn a_token_rejected_for_another_reason_causes_no_fetch() {
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
async fn a_removed_key_is_dropped_with_the_next_fetch() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    assert!(verifier.verify_access(&token).await.is_ok());
    remote.answers(200, r#"{"keys":[]}"#, "max-age=300");
    remote.pass(300);
    assert_eq!(verifier.verify_access(&token).await, Err(UNKNOWN));
}

#[actix_web::test]
async fn without_keys_every_token_is_unavailable() {
    let issuer = issuer();
    let good = keys(&issuer).to_jwks().to_json();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    let large = format!("{good}{}", " ".repeat(65_536));
    for (status, body) in
        [(500, good.as_str()), (404, &good), (201, &good), (206, &good), (200, ""), (200, "<html>"), (200, &large)]
    {
        let before = remote.asked();
        remote.answers(status, body, "max-age=300");
        remote.pass(1);
        for _ in 0..3 {
            assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE), "{status}");
        }
        assert_eq!(remote.asked(), before + 1, "{status}: one fetch in a second");
    }
    remote.publishes(&keys(&issuer));
    remote.pass(1);
    assert!(verifier.verify_access(&token).await.is_ok());
}

#[actix_web::test]
async fn a_redirect_is_never_followed() {
    let issuer = issuer();
    let (remote, other) = (Remote::start(&keys(&issuer)), Remote::start(&keys(&issuer)));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys(&issuer).to_jwks().to_json()).unwrap();
    let locations = [
        format!("{}/elsewhere", remote.url),
        other.url.clone(),
        other.url.replace("http://", "http://user:password@"),
        other.url.replace("http://", "https://"),
        other.url.replace("http://", "//"),
        format!("file://{}", file.path().display()),
        String::new(),
    ];
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for location in &locations {
            let before = remote.asked();
            remote.location.lock().unwrap().clone_from(location);
            remote.answers(status, keys(&issuer).to_jwks().to_json(), "max-age=300");
            remote.pass(1);
            assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE), "{status} to {location}");
            assert_eq!((remote.asked(), other.asked()), (before + 1, 0), "{status} to {location}");
        }
    }
}

#[actix_web::test]
async fn a_lifetime_above_the_maximum_is_rejected_with_a_hint() {
    let week = MAX_ACCESS_LIFETIME * 7;
    let profile = Profile::new("https://id.example.com", "orders", week);
    let issuer = issuer_of(Profile { max_lifetime: week, ..profile });
    let remote = Remote::start(&keys(&issuer));
    let token = token(&issuer);
    let rejected = remote.verifier().verify_access(&token).await.unwrap_err();
    let (lifetime, max) = (week.as_secs(), MAX_ACCESS_LIFETIME.as_secs());
    assert_eq!(rejected, RemoteError::Token(TokenError::Invalid(TokenFault::LifetimeTooLong { lifetime, max })));
    assert!(rejected.to_string().contains("with_max_lifetime"), "{rejected}");
    let verifier = remote.verifier().with_max_lifetime(week);
    assert!(verifier.verify_access(&token).await.is_ok());
}

#[actix_web::test]
async fn the_last_keys_are_used_for_an_hour_while_the_issuer_is_unreachable() {
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
async fn a_fetch_from_an_unresponsive_issuer_times_out() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    remote.answers(0, "", "");
    let started = Instant::now();
    assert_eq!(verifier.verify_access(&token).await, Err(UNAVAILABLE));
    assert!((2..20).contains(&started.elapsed().as_secs()));
}

#[actix_web::test]
async fn a_fetch_continues_after_the_client_disconnects() {
    let issuer = issuer();
    let remote = Remote::start(&keys(&issuer));
    let (verifier, token) = (remote.verifier(), token(&issuer));
    tokio::select! {
        biased;
        _ = verifier.verify_access(&token) => panic!("the fetch cannot have completed yet"),
        () = std::future::ready(()) => {}
    }
    assert!(verifier.verify_access(&token).await.is_ok());
    assert_eq!(remote.asked(), 1);
}
