//! Access tokens that other services can verify: asymmetric keys, their publication and their rotation.

use rustix::process::Signal;

use crate::harness::{Client, Home, Server, eventually};

const ME: &str = "/api/v1/users/me";
const JWKS: &str = "/.well-known/jwks.json";

fn header_of(client: &Client) -> String {
    let token = client.tokens["access_token"].as_str().unwrap();
    let header = token.split('.').next().unwrap();
    String::from_utf8(base64_url(header)).unwrap()
}

/// Decodes base64url without padding (RFC 4648 section 5).
fn base64_url(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits = text.bytes().flat_map(|byte| (0..6).rev().map(move |bit| digit(byte) >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

#[tokio::test]
async fn every_algorithm_signs_tokens_and_publishes_its_key_only() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let home = Home::new().env("JWT_ALGORITHM", algorithm).env("JWT_KEYS_DIR", "keys");
        home.cli(["generate-keys"]).exits(0);
        let server = home.start().await;
        let ada = server.user("ada").await;
        ada.get(ME).await.is(200);
        assert!(header_of(&ada).contains(&format!("\"{algorithm}\"")), "{}", header_of(&ada));
        let reply = server.anonymous().get(JWKS).await.is(200);
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
        let keys = reply.json();
        let key = keys["keys"][0].as_object().unwrap();
        assert!(header_of(&ada).contains(key["kid"].as_str().unwrap()), "{keys}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(!key.contains_key(private), "{private} is in {keys}");
        }
        ada.refresh().await.is(200);
    }
}

#[tokio::test]
async fn an_access_token_has_the_documented_claims() {
    let claims_of = |client: &Client| {
        let token = client.tokens["access_token"].as_str().unwrap();
        serde_json::from_slice::<serde_json::Value>(&base64_url(token.split('.').nth(1).unwrap())).unwrap()
    };
    let server = Server::with().env("JWT_ISSUER", "https://id.example.com").env("JWT_AUDIENCE", "shop").start().await;
    let mut ada = server.user("ada").await;
    let claims = claims_of(&ada);
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let documented =
        ["aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "role", "scope", "sid", "sub", "type"];
    assert_eq!(names, documented);
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["client_id"]),
        (&"https://id.example.com".into(), &"shop".into(), &"shop".into())
    );
    assert_eq!(claims["scope"], ada.tokens["scope"], "the response names the same scope");
    assert!(header_of(&ada).contains("\"at+jwt\""), "{}", header_of(&ada));

    let login = claims["auth_time"].as_i64().unwrap();
    assert_eq!(claims["iat"], login);
    let later = eventually("a token of a later second", async || {
        ada.tokens = ada.refresh().await.is(200).json();
        let claims = claims_of(&ada);
        (claims["iat"].as_i64().unwrap() > login).then_some(claims)
    })
    .await;
    assert_eq!(later["auth_time"], login);
}

#[tokio::test]
async fn a_shared_secret_is_never_published() {
    let server = Server::start().await;
    assert_eq!(server.anonymous().get(JWKS).await.is(200).json(), serde_json::json!({"keys": []}));
}

#[tokio::test]
async fn development_creates_a_missing_key_and_keeps_it() {
    let home = Home::new().env("ENVIRONMENT", "development").env("BCRYPT_COST", "4").env("JWT_ALGORITHM", "EdDSA");
    let server = home.env("JWT_KEYS_DIR", "keys").start().await;
    let ada = server.user("ada").await;
    assert!(header_of(&ada).contains("EdDSA"));
    let again = server.another().await;
    ada.at(&again.url).get(ME).await.is(200);
}

#[tokio::test]
async fn keys_rotate_without_a_rejected_request() {
    let home = Home::new().env("JWT_ALGORITHM", "EdDSA").env("JWT_KEYS_DIR", "keys");
    // The shortest possible delay: the server must notice by itself that it is over.
    let home = home.env("JWT_KEY_ACTIVATION_DELAY", "1s");
    let old_key = home.cli(["generate-keys"]).exits(0).stdout;
    let server = home.start().await;
    let before = server.user("ada").await;

    server.cli(["generate-keys"]).exits(0);
    server.signal(Signal::HUP);
    let after = eventually("the new key signs", async || {
        let after = before.clone().log_in().await;
        before.get(ME).await.is(200);
        (header_of(&after) != header_of(&before)).then_some(after)
    })
    .await;
    after.get(ME).await.is(200);
    assert_eq!(server.anonymous().get(JWKS).await.json()["keys"].as_array().unwrap().len(), 2);

    std::fs::remove_file(server.home.path().join(old_key.trim())).unwrap();
    server.signal(Signal::HUP);
    eventually("the old key is no longer accepted", async || (before.get(ME).await.status == 401).then_some(())).await;
    after.get(ME).await.is(200);
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let home = Home::new().env("JWT_ALGORITHM", "EdDSA").env("JWT_KEYS_DIR", "keys");
    home.cli(["generate-keys"]).exits(0);
    let server = home.start().await;
    let ada = server.user("ada").await;
    let new_key = server.cli(["generate-keys"]).exits(0).stdout;
    server.signal(Signal::HUP);
    let published = async |server: &Server| server.anonymous().get(JWKS).await.json()["keys"].as_array().unwrap().len();
    eventually("the new key is published", async || (published(&server).await == 2).then_some(())).await;
    assert_eq!(header_of(&ada.clone().log_in().await), header_of(&ada), "the old key signs");
    eventually("the log says when", async || server.log().contains("another_signs_in").then_some(())).await;

    // A node that starts within the delay keeps the old key. A node that starts later uses the new one.
    let within = server.another().await;
    assert_eq!(published(&within).await, 2);
    assert_eq!(header_of(&ada.clone().at(&within.url).log_in().await), header_of(&ada));
    let file = std::fs::File::options().write(true).open(server.home.path().join(new_key.trim())).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_mins(6)).unwrap();
    let after = server.another().await;
    let new = ada.clone().at(&after.url).log_in().await;
    assert_ne!(header_of(&new), header_of(&ada));
    for node in [&server, &within, &after] {
        new.clone().at(&node.url).get(ME).await.is(200);
    }
}

#[tokio::test]
async fn unusable_new_keys_change_nothing() {
    let home = Home::new().env("JWT_ALGORITHM", "EdDSA").env("JWT_KEYS_DIR", "keys");
    home.cli(["generate-keys"]).exits(0);
    let server = home.start().await;
    let ada = server.user("ada").await;
    std::fs::write(server.home.path().join("keys/zzz.pem"), "no key").unwrap();
    server.signal(Signal::HUP);
    eventually("the failure is logged", async || server.log().contains("could not change the keys").then_some(()))
        .await;
    assert!(server.log().contains("keys/zzz.pem: not a PEM file with a key"), "{}", server.log());
    ada.get(ME).await.is(200);
    ada.clone().log_in().await.get(ME).await.is(200);
}
