//! Several verifiers in one application. Each scope accepts only tokens that its own verifier accepts, whatever an
//! outer scope has accepted.
#![expect(clippy::unwrap_used, reason = "a test that cannot create its token has failed")]

use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Condition;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer, test};
use keepstone_auth::actix::{Authenticated, Bearer, RequirePermission, TokenVerifier};
use keepstone_auth::jwks::RemoteVerifier;
use keepstone_auth::permission::Permission;
use keepstone_auth::token::{AccessGrant, Algorithm, Issuer, KeySet, Keyring, Profile, Secret, SigningKey};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

const READ: Permission = Permission::new("orders:read");
const WRITE: Permission = Permission::new("orders:write");
const NAME: &str = "https://id.example.com";
/// The lifetimes of tokens, and the maximum of a lenient and a strict verifier. Both have the same key, so a token with
/// a short lifetime is accepted by both.
const LONG: Duration = Duration::from_mins(30);
const SHORT: Duration = Duration::from_mins(10);

static KEYS: LazyLock<[SecretString; 2]> =
    LazyLock::new(|| [(); 2].map(|()| SigningKey::generate_pem(Algorithm::EdDsa).unwrap()));

fn issuer_of(key: usize, audience: &str, lifetime: Duration) -> Issuer {
    let access = KeySet::new(SigningKey::from_pem(KEYS[key].expose_secret()).unwrap());
    let refresh = KeySet::new(SigningKey::hs256(&Secret::new("r".repeat(32)).unwrap()));
    let profile = Profile { max_lifetime: lifetime, ..Profile::new(NAME, audience, lifetime) };
    Issuer::new(access, refresh, profile).unwrap()
}

fn issuer(lifetime: Duration) -> Issuer {
    issuer_of(0, "public", lifetime)
}

fn token(issuer: &Issuer) -> String {
    let (now, session_id) = (SystemTime::now(), Uuid::now_v7());
    let grant = AccessGrant { subject: "ada", role: "clerk", scope: "orders:read", session_id, authenticated_at: now };
    issuer.access(&grant, now).unwrap().token
}

/// The registration of a verifier: the type of the data, and the type of the verifier in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Verifier,
    DataVerifier,
    DataKeyring,
    Remote,
    DataRemote,
    Unified(Inside),
    DataUnified(Inside),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Verifier,
    Keyring,
    Remote,
}

/// One form of each type, for the outer verifier.
const OUTER: [Form; 4] = [Form::DataVerifier, Form::DataKeyring, Form::DataRemote, Form::Unified(Inside::Verifier)];

const FORMS: [Form; 9] = [
    Form::Verifier,
    Form::DataVerifier,
    Form::DataKeyring,
    Form::Remote,
    Form::DataRemote,
    Form::Unified(Inside::Verifier),
    Form::Unified(Inside::Keyring),
    Form::Unified(Inside::Remote),
    Form::DataUnified(Inside::Keyring),
];

impl Form {
    /// Whether actix itself can determine which of two is the inner one.
    fn has_type_of(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// Registers a verifier with this maximum lifetime.
    fn register(self, config: &mut ServiceConfig, jwks: &str, max: Duration) {
        let verifier = || issuer(max).verifier().clone();
        let keyring = || Keyring::new(issuer(max));
        let remote = || RemoteVerifier::new(jwks, NAME, "public").unwrap().with_max_lifetime(max);
        let unified = |inside| match inside {
            Inside::Verifier => TokenVerifier::from(verifier()),
            Inside::Keyring => TokenVerifier::from(Arc::new(keyring())),
            Inside::Remote => TokenVerifier::from(remote()),
        };
        match self {
            Self::Verifier => config.app_data(verifier()),
            Self::DataVerifier => config.app_data(Data::new(verifier())),
            Self::DataKeyring => config.app_data(Data::new(keyring())),
            Self::Remote => config.app_data(remote()),
            Self::DataRemote => config.app_data(Data::new(remote())),
            Self::Unified(inside) => config.app_data(unified(inside)),
            Self::DataUnified(inside) => config.app_data(Data::new(unified(inside))),
        };
    }
}

/// Publishes the keys of the issuers. Returns the URL.
fn publish() -> String {
    let published = issuer(LONG).verifier().keys().to_jwks().to_json();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let app = move || {
        let published = published.clone();
        App::new().default_service(web::to(move || std::future::ready(published.clone())))
    };
    actix_web::rt::spawn(HttpServer::new(app).workers(1).listen(listener).unwrap().disable_signals().run());
    url
}

async fn me(caller: Authenticated) -> String {
    caller.subject.clone()
}

async fn maybe(caller: Option<Authenticated>) -> String {
    caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.subject.clone())
}

/// Registers routes with an extractor, without an extractor, and with an optional extractor.
fn routes(config: &mut ServiceConfig) {
    config
        .route("/extractor", web::get().to(me))
        .route("/nothing", web::get().to(|| async { "in" }))
        .route("/maybe", web::get().to(maybe));
}

/// Sends a request, and returns status and body.
macro_rules! get {
    ($app:expr, $path:expr, $token:expr) => {{
        let header = (AUTHORIZATION, format!("Bearer {}", $token));
        let request = test::TestRequest::get().uri($path).insert_header(header).to_request();
        let response = test::call_service($app, request).await;
        let status = response.status().as_u16();
        (status, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
    }};
}

/// A lenient verifier outside, and a strict verifier in every scope, each with another way to authenticate.
macro_rules! app {
    ($outer:expr, $inner:expr, $jwks:expr, wrapped: $wrapped:expr) => {{
        let inner = |config: &mut ServiceConfig| $inner.register(config, $jwks, SHORT);
        let scope = |path| web::scope(path).configure(inner).configure(routes);
        test::init_service(
            App::new()
                .configure(|config| $outer.register(config, $jwks, LONG))
                .wrap(Condition::new($wrapped, Bearer))
                .service(scope("/bare"))
                .service(scope("/bearer").wrap(Bearer))
                .service(scope("/permission").wrap(RequirePermission::new(READ)))
                .service(scope("/twice").wrap(RequirePermission::new(READ)).wrap(Bearer))
                .service(scope("/denied").wrap(RequirePermission::new(WRITE)))
                .route("/extractor", web::get().to(me)),
        )
        .await
    }};
}

const GUARDED: [&str; 7] = [
    "/bare/extractor",
    "/bearer/extractor",
    "/bearer/nothing",
    "/permission/extractor",
    "/permission/nothing",
    "/twice/extractor",
    "/twice/nothing",
];

#[actix_web::test]
async fn the_innermost_verifier_decides_for_everything_in_its_scope() {
    let jwks = publish();
    let (long, short) = (token(&issuer(LONG)), token(&issuer(SHORT)));
    let cases = OUTER.iter().flat_map(|outer| FORMS.iter().map(move |inner| (outer, inner)));
    for (outer, inner, wrapped) in cases.flat_map(|(outer, inner)| [(outer, inner, true), (outer, inner, false)]) {
        let case = format!("{outer:?} outside, wrapped: {wrapped}, {inner:?} inside");
        let app = app!(outer, inner, &jwks, wrapped: wrapped);
        assert_eq!(get!(&app, "/extractor", long).0, 200, "{case}");
        // The order is known if an outer middleware has run, or if both have one type. Otherwise the request is
        // rejected.
        let known = wrapped || outer.has_type_of(*inner);
        let (good, bad, denied) = if known { (200, 401, 403) } else { (500, 500, 500) };
        for path in GUARDED {
            assert_eq!(get!(&app, path, short).0, good, "{case}: {path}");
            assert_eq!(get!(&app, path, long).0, bad, "{case}: {path}");
        }
        assert_eq!(get!(&app, "/denied/nothing", short).0, denied, "{case}");
        assert_eq!(get!(&app, "/denied/nothing", long).0, bad, "{case}");
        let anonymous = (200, "anonymous".to_owned());
        assert_eq!(get!(&app, "/bare/maybe", long), anonymous, "{case}");
        let expected = if known { (200, "ada".to_owned()) } else { anonymous };
        assert_eq!(get!(&app, "/bare/maybe", short), expected, "{case}");
    }
}

#[actix_web::test]
async fn a_token_accepted_outside_is_rejected_in_a_scope_with_other_keys() {
    for (key, audience) in [(0, "admin"), (1, "public"), (1, "admin")] {
        let (public, admin) = (issuer(LONG), issuer_of(key, audience, LONG));
        let data = |issuer: &Issuer| Data::new(issuer.verifier().clone());
        let app = test::init_service(
            App::new()
                .app_data(data(&public))
                .service(
                    web::scope("/public")
                        .wrap(Bearer)
                        .configure(routes)
                        .service(web::scope("/admin").app_data(data(&admin)).wrap(Bearer).configure(routes)),
                )
                .service(web::scope("/admin").app_data(data(&admin)).wrap(Bearer).configure(routes))
                .service(web::resource("/resource").app_data(data(&admin)).wrap(Bearer).to(|| async { "in" })),
        )
        .await;
        let (public, admin) = (token(&public), token(&admin));
        for path in ["/extractor", "/nothing", "/maybe"] {
            assert_eq!(get!(&app, &format!("/public{path}"), public).0, 200, "{audience} {path}");
            assert_eq!(get!(&app, &format!("/public/admin{path}"), public).0, 401, "{audience} {path}");
            assert_eq!(get!(&app, &format!("/public/admin{path}"), admin).0, 401, "{audience} {path}");
            assert_eq!(get!(&app, &format!("/admin{path}"), public).0, 401, "{audience} {path}");
            assert_eq!(get!(&app, &format!("/admin{path}"), admin).0, 200, "{audience} {path}");
        }
        assert_eq!((get!(&app, "/resource", public).0, get!(&app, "/resource", admin).0), (401, 200), "{audience}");
    }
}

#[actix_web::test]
async fn a_scope_in_a_scope_may_return_to_the_outermost_verifier() {
    // The first and the third scope have the same data; in the third it still counts as the innermost.
    let lenient = Data::new(issuer(LONG).verifier().clone());
    let strict = || Data::new(Keyring::new(issuer(SHORT)));
    let third = || web::scope("/third").app_data(Data::clone(&lenient)).wrap(Bearer).configure(routes);
    let maybe = || web::scope("/second").app_data(strict()).service(third()).configure(routes);
    let app = test::init_service(
        App::new()
            .app_data(Data::clone(&lenient))
            .wrap(Bearer)
            .service(maybe().service(web::scope("/wrapped").wrap(Bearer).service(third()))),
    )
    .await;
    let (long, short) = (token(&issuer(LONG)), token(&issuer(SHORT)));
    assert_eq!((get!(&app, "/second/extractor", long).0, get!(&app, "/second/extractor", short).0), (401, 200));
    assert_eq!(get!(&app, "/second/wrapped/third/extractor", short).0, 200);
    assert_eq!(get!(&app, "/second/wrapped/third/extractor", long).0, 401, "the scope in between rejects it");
    // No middleware has run in the second scope, so the third scope has two new verifiers.
    assert_eq!(get!(&app, "/second/third/extractor", short).0, 500);
}

#[actix_web::test]
async fn a_request_is_verified_once_per_verifier() {
    // The keyring changes between the middleware and the handler. The handler uses the middleware's result.
    let ring = Arc::new(Keyring::new(issuer(LONG)));
    let data = Data::from(Arc::clone(&ring));
    let app = test::init_service(
        App::new()
            .app_data(data)
            .wrap(actix_web::middleware::from_fn(move |request, next: actix_web::middleware::Next<_>| {
                ring.replace(issuer_of(1, "public", LONG));
                next.call(request)
            }))
            .wrap(Bearer)
            .configure(routes),
    )
    .await;
    let token = token(&issuer(LONG));
    assert_eq!(get!(&app, "/extractor", token).0, 200);
    assert_eq!(get!(&app, "/extractor", token).0, 401, "the next request is verified with the new key");
}
