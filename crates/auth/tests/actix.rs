//! An actix service that accepts another service's tokens. Handlers only receive requests that a verifier accepted.
#![expect(clippy::unwrap_used, reason = "a test that cannot create its token has failed")]

use std::time::{Duration, SystemTime};

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, ResponseError, test};
use keepstone_auth::actix::{Authenticated, Bearer, Challenge, RequirePermission};
use keepstone_auth::permission::Permission;
use keepstone_auth::token::{AccessGrant, Issuer, KeySet, Keyring, Profile, Secret, SigningKey};
use serde_json::{Value, json};
use uuid::Uuid;

const READ: Permission = Permission::new("orders:read");
const WRITE: Permission = Permission::new("orders:write");

fn issuer() -> Issuer {
    let secret = Secret::new("a secret of thirty-two bytes, or more").unwrap();
    let refresh = KeySet::new(SigningKey::hs256(&secret.for_refresh_tokens()));
    let profile = Profile::new("https://id.example.com", "orders", Duration::from_mins(30));
    Issuer::new(KeySet::new(SigningKey::hs256(&secret)), refresh, profile).unwrap()
}

fn grant(now: SystemTime) -> AccessGrant<'static> {
    let session_id = Uuid::now_v7();
    AccessGrant { subject: "ada", role: "clerk", scope: "orders:read", session_id, authenticated_at: now }
}

fn token_at(now: SystemTime) -> String {
    issuer().access(&grant(now), now).unwrap().token
}

fn token() -> String {
    token_at(SystemTime::now())
}

/// Status, `WWW-Authenticate` and body of a response.
type Answer = (u16, Option<String>, String);

macro_rules! answer {
    ($app:expr, $request:expr) => {{
        let app = test::init_service($app).await;
        let response = test::call_service(&app, $request.to_request()).await;
        let status = response.status().as_u16();
        let header = |name: HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (challenge, media, caching) = (header(WWW_AUTHENTICATE), header(CONTENT_TYPE), header(CACHE_CONTROL));
        let body = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        if status >= 400 {
            assert_eq!(media.as_deref(), Some("application/problem+json"));
            assert_eq!(caching.as_deref(), Some("no-store"));
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], status);
        }
        (status, challenge, body)
    }};
}

async fn me(caller: Authenticated) -> String {
    caller.subject.clone()
}

async fn write(caller: Authenticated) -> Result<HttpResponse, Challenge> {
    caller.require(&WRITE)?;
    Ok(HttpResponse::Ok().finish())
}

macro_rules! app {
    () => {
        App::new()
            .app_data(Data::new(issuer().verifier().clone()))
            .route("/me", web::get().to(me))
            .route("/write", web::get().to(write))
            .service(web::scope("/bearer").wrap(Bearer).route("", web::get().to(|| async { "in" })))
            .service(web::scope("/read").wrap(RequirePermission::new(READ)).route("", web::get().to(me)))
            .service(web::scope("/deny").wrap(RequirePermission::new(WRITE)).route("", web::get().to(me)))
    };
}

async fn get(path: &str, headers: &[&str]) -> Answer {
    let request = headers
        .iter()
        .fold(test::TestRequest::get().uri(path), |request, value| request.append_header((AUTHORIZATION, *value)));
    answer!(app!(), request)
}

const PROTECTED: [&str; 5] = ["/me", "/write", "/bearer", "/read", "/deny"];

#[actix_web::test]
async fn a_valid_token_is_accepted_and_identifies_the_caller() {
    let header = format!("bEARER {}", token());
    assert_eq!(get("/me", &[&header]).await, (200, None, "ada".to_owned()));
    assert_eq!(get("/bearer", &[&header]).await, (200, None, "in".to_owned()));
    assert_eq!(get("/read", &[&header]).await, (200, None, "ada".to_owned()));
}

#[actix_web::test]
async fn a_missing_token_is_401_with_a_bare_challenge() {
    for path in PROTECTED {
        for headers in [&[][..], &["Basic YTpi"], &["Bearer"], &["Bearer "], &["\u{e9}"]] {
            let (status, challenge, body) = get(path, headers).await;
            assert_eq!((status, challenge.as_deref()), (401, Some("Bearer")), "{path} {headers:?}");
            assert_eq!(
                serde_json::from_str::<Value>(&body).unwrap(),
                json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Not authenticated",
                       "code": "not_authenticated"})
            );
        }
        let (status, ..) = get(&format!("{path}?access_token={}", token()), &[]).await;
        assert_eq!(status, 401, "a token in the query is ignored");
    }
}

#[actix_web::test]
async fn an_invalid_token_is_401_without_the_reason() {
    let good = token();
    let forged = format!("Bearer {}", &good[..good.len() - 4]);
    let foreign = format!("Bearer {}", good.replacen('e', "f", 1));
    for path in PROTECTED {
        let answers = [get(path, &[&forged]).await, get(path, &[&foreign]).await, get(path, &["Bearer x"]).await];
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        let (status, challenge, body) = &answers[0];
        assert_eq!(*status, 401);
        let challenge = challenge.as_deref().unwrap();
        assert_eq!(challenge, r#"Bearer error="invalid_token", error_description="The access token is invalid""#);
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], "invalid_token");
    }
}

#[actix_web::test]
async fn an_expired_token_has_its_own_code() {
    let expired = format!("Bearer {}", token_at(SystemTime::now() - Duration::from_hours(1)));
    for path in PROTECTED {
        let (status, challenge, body) = get(path, &[&expired]).await;
        assert_eq!(status, 401);
        assert!(challenge.unwrap().starts_with(r#"Bearer error="invalid_token""#));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], "token_expired");
    }
}

#[actix_web::test]
async fn two_authorization_headers_are_400() {
    let header = format!("Bearer {}", token());
    for path in PROTECTED {
        let (status, challenge, _) = get(path, &[&header, &header]).await;
        assert_eq!((status, challenge.as_deref()), (400, Some(r#"Bearer error="invalid_request""#)));
    }
}

#[actix_web::test]
async fn a_missing_permission_is_403_and_named() {
    let header = format!("Bearer {}", token());
    for path in ["/deny", "/write"] {
        let (status, challenge, body) = get(path, &[&header]).await;
        let needed = r#"Bearer error="insufficient_scope", scope="orders:write""#;
        assert_eq!((status, challenge.as_deref()), (403, Some(needed)));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], "insufficient_scope");
    }
}

#[actix_web::test]
async fn without_a_verifier_every_request_is_rejected() {
    let header = (AUTHORIZATION, format!("Bearer {}", token()));
    let app = || App::new().route("/me", web::get().to(me));
    let (status, challenge, _) = answer!(app(), test::TestRequest::get().uri("/me").insert_header(header));
    assert_eq!((status, challenge), (500, None));
    assert_eq!(answer!(app(), test::TestRequest::get().uri("/me")).0, 401);
}

#[actix_web::test]
async fn a_verifier_may_be_bare_or_a_keyring_of_the_issuer() {
    let request = || test::TestRequest::get().uri("/me").insert_header((AUTHORIZATION, format!("Bearer {}", token())));
    let bare = App::new().app_data(issuer().verifier().clone()).route("/me", web::get().to(me));
    assert_eq!(answer!(bare, request()).0, 200);
    let ring = App::new().app_data(Data::new(Keyring::new(issuer()))).route("/me", web::get().to(me));
    assert_eq!(answer!(ring, request()).0, 200);
}

#[cfg(feature = "jwks")]
#[actix_web::test]
async fn a_verifier_may_fetch_its_keys() {
    use keepstone_auth::jwks::RemoteVerifier;
    use keepstone_auth::token::Algorithm;
    use secrecy::ExposeSecret;

    let key = SigningKey::from_pem(SigningKey::generate_pem(Algorithm::Es256).unwrap().expose_secret()).unwrap();
    let refresh = KeySet::new(SigningKey::hs256(&Secret::new("r".repeat(32)).unwrap()));
    let profile = Profile::new("https://id.example.com", "orders", Duration::from_mins(30));
    let issuer = Issuer::new(KeySet::new(key), refresh, profile).unwrap();
    let now = SystemTime::now();
    let token = issuer.access(&grant(now), now).unwrap().token;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
    let published = issuer.verifier().keys().to_jwks().to_json();
    let keys = move || {
        let published = published.clone();
        App::new().route("/.well-known/jwks.json", web::get().to(move || std::future::ready(published.clone())))
    };
    actix_web::rt::spawn(actix_web::HttpServer::new(keys).workers(1).listen(listener).unwrap().disable_signals().run());

    let app = |url: &str| {
        let verifier = RemoteVerifier::new(url, "https://id.example.com", "orders").unwrap();
        App::new().app_data(Data::new(verifier)).route("/me", web::get().to(me))
    };
    let request = || test::TestRequest::get().uri("/me");
    let header = |token: &str| (AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(answer!(app(&url), request().insert_header(header(&token))), (200, None, "ada".to_owned()));
    assert_eq!(answer!(app(&url), request().insert_header(header(&self::token()))).0, 401);
    assert_eq!(answer!(app(&url), request()).0, 401);
    let nowhere = url.replace(".well-known", "nowhere");
    assert_eq!(answer!(app(&nowhere), request().insert_header(header(&token))).0, 503);
}

#[actix_web::test]
async fn wrapped_routes_are_401_without_a_token_even_if_missing() {
    let (status, ..) = get("/bearer/no/such/page", &[]).await;
    assert_eq!(status, 401);
    let post = test::TestRequest::default().method(Method::POST).uri("/read");
    assert_eq!(answer!(app!(), post).0, 401);
}

#[::core::prelude::v1::test]
fn keys_that_cannot_be_fetched_are_503_with_retry_after() {
    let response = Challenge::Unavailable(Duration::from_millis(200)).error_response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
}
