//! Issuing tokens. The tests control the time.

use std::time::Duration;

use crate::support::*;
use keepstone_auth::error::{IssueError, SetupError, TokenError, TokenFault};
use keepstone_auth::token::{
    AccessGrant, Issuer, KeyId, KeySet, Profile, RefreshClaims, Secret, SigningKey, Verifier, VerifyingKey,
    VerifyingKeys,
};
use serde_json::json;

#[test]
fn an_access_token_contains_exactly_the_documented_claims() {
    let issued = issuer().access(&grant(), at(NOW)).unwrap();
    assert_eq!(part(&issued.token, 0), header());
    let expected = with(claims(), "jti", json!(issued.token_id));
    assert_eq!(part(&issued.token, 1), expected);
    assert_eq!(issued.expires_in, LIFETIME);
    assert_eq!(issued.token_id.get_version_num(), 7);
    assert_eq!(issued.token_id.get_timestamp().unwrap().to_unix().0, NOW);
    assert_ne!(issued.token_id, issuer().access(&grant(), at(NOW)).unwrap().token_id);
}

#[test]
fn an_issued_token_equals_that_of_another_implementation() {
    let issued = issuer().access(&grant(), at(NOW)).unwrap().token;
    let (message, _) = issued.rsplit_once('.').unwrap();
    assert_eq!(issued, sign_message(message, SECRET.as_bytes()), "HS256 under the secret's raw bytes");
    let read = verifier().verify_access_at(&issued, at(NOW)).unwrap();
    assert_eq!((read.subject.as_str(), read.scope.as_str()), (grant().subject, grant().scope));
    assert_eq!(issuer().verifier().verify_access_at(&issued, at(NOW)), Ok(read));
}

#[test]
fn the_system_clock_is_the_default() {
    let issued = issuer().access(&grant(), std::time::SystemTime::now()).unwrap().token;
    assert!(verifier().verify_access(&issued).is_ok());
    let old = issuer().access(&grant(), at(NOW - 1_000_000_000)).unwrap().token;
    assert_eq!(verifier().verify_access(&old), Err(TokenError::Expired));
}

#[test]
fn a_refresh_token_is_deterministic_and_verifies() {
    let token = issuer().refresh(&refresh_claims()).unwrap();
    assert_eq!(token, issuer().refresh(&refresh_claims()).unwrap());
    assert_eq!(part(&token, 0)["typ"], "rt+jwt");
    let expected =
        json!({"type": "refresh", "sub": "ada", "sid": SESSION, "jti": "first", "iat": NOW, "exp": NOW + 86_400});
    assert_eq!(part(&token, 1), expected);
    assert_eq!(issuer().verify_refresh_at(&token, at(NOW)), Ok(refresh_claims()));
    assert_eq!(issuer().verify_refresh_at(&token, at(NOW + 86_400)), Err(TokenError::Expired));
    let other = RefreshClaims { token_id: "second".to_owned(), ..refresh_claims() };
    assert_ne!(token, issuer().refresh(&other).unwrap());
}

#[test]
fn each_kind_is_rejected_in_place_of_the_other() {
    let issuer = issuer();
    let access = issuer.access(&grant(), at(NOW)).unwrap().token;
    let refresh = issuer.refresh(&refresh_claims()).unwrap();
    assert!(matches!(verifier().verify_access_at(&refresh, at(NOW)), Err(TokenError::Invalid(_))));
    assert!(matches!(issuer.verify_refresh_at(&access, at(NOW)), Err(TokenError::Invalid(_))));

    // Even with the refresh key, both the kind in the header and the claim must be correct.
    let secret = secret().for_refresh_tokens();
    let kid = SigningKey::hs256(&secret).verifying_key().id().as_str().to_owned();
    let forge = |typ: &str, kind: &str| {
        let head = json!({"typ": typ, "alg": "HS256", "kid": kid});
        let body = with(claims(), "type", json!(kind));
        sign_message(&format!("{}.{}", encode(head.to_string()), encode(body.to_string())), secret.expose())
    };
    assert!(issuer.verify_refresh_at(&forge("rt+jwt", "refresh"), at(NOW)).is_ok());
    for (typ, kind, fault) in [
        ("at+jwt", "refresh", TokenFault::Type),
        ("JWT", "refresh", TokenFault::Type),
        ("rt+jwt", "access", TokenFault::Kind),
    ] {
        assert_eq!(issuer.verify_refresh_at(&forge(typ, kind), at(NOW)), Err(TokenError::Invalid(fault)));
    }
}

#[test]
fn an_old_key_verifies_until_it_is_removed() {
    let new = Secret::new("the new secret, thirty-two bytes and more").unwrap();
    let old_token = issuer().access(&grant(), at(NOW)).unwrap().token;
    let both = KeySet::new(SigningKey::hs256(&new)).with(VerifyingKey::hs256(&secret())).unwrap();
    let rotated = Issuer::new(both, refresh_keys(), profile()).unwrap();
    let new_token = rotated.access(&grant(), at(NOW)).unwrap().token;
    assert_ne!(part(&new_token, 0)["kid"], json!(key_id()));
    for token in [&old_token, &new_token] {
        assert!(rotated.verifier().verify_access_at(token, at(NOW)).is_ok());
    }
    let done = Issuer::new(KeySet::new(SigningKey::hs256(&new)), refresh_keys(), profile()).unwrap();
    assert!(done.verifier().verify_access_at(&new_token, at(NOW)).is_ok());
    let refused = done.verifier().verify_access_at(&old_token, at(NOW));
    assert_eq!(refused, Err(TokenError::Invalid(TokenFault::UnknownKey)));
}

#[test]
fn an_issuer_signs_nothing_that_its_verifier_rejects() {
    for bad in ["", "a\nb", &"x".repeat(256)] {
        let subject = AccessGrant { subject: bad, ..grant() };
        assert_eq!(issuer().access(&subject, at(NOW)).unwrap_err(), IssueError::Claim("sub"));
        let role = AccessGrant { role: bad, ..grant() };
        assert_eq!(issuer().access(&role, at(NOW)).unwrap_err(), IssueError::Claim("role"));
        let token_id = RefreshClaims { token_id: bad.to_owned(), ..refresh_claims() };
        assert_eq!(issuer().refresh(&token_id).unwrap_err(), IssueError::Claim("jti"));
    }
    let scope = "resource:action ".repeat(250);
    assert_eq!(issuer().access(&AccessGrant { scope: &scope, ..grant() }, at(NOW)).unwrap_err(), IssueError::TooLong);
    let born_dead = RefreshClaims { expires_at: NOW, ..refresh_claims() };
    assert_eq!(issuer().refresh(&born_dead).unwrap_err(), IssueError::Claim("exp"));
}

#[test]
fn an_issuer_rejects_an_invalid_setup() {
    let access = || KeySet::new(SigningKey::hs256(&secret()));
    let start = |profile: Profile| Issuer::new(access(), refresh_keys(), profile).map(drop).unwrap_err();
    assert_eq!(start(Profile { issuer: String::new(), ..profile() }), SetupError::EmptyIssuer);
    assert_eq!(start(Profile { audience: String::new(), ..profile() }), SetupError::EmptyAudience);
    assert_eq!(start(Profile { client_id: String::new(), ..profile() }), SetupError::EmptyClientId);
    let blink = Duration::from_millis(999);
    assert_eq!(start(Profile { access_lifetime: blink, ..profile() }), SetupError::NoLifetime);
    assert_eq!(Issuer::new(access(), access(), profile()).map(drop), Err(SetupError::SharedKey));
    let renamed = SigningKey::hs256(&secret()).with_id(KeyId::parse("other").unwrap());
    assert_eq!(Issuer::new(access(), KeySet::new(renamed), profile()).map(drop), Err(SetupError::SharedKey));
    let retired = refresh_keys().with(VerifyingKey::hs256(&secret())).unwrap();
    assert_eq!(Issuer::new(access(), retired, profile()).map(drop), Err(SetupError::SharedKey));
    let keys = || VerifyingKeys::new(VerifyingKey::hs256(&secret()));
    assert_eq!(Verifier::new(keys(), "", AUDIENCE).map(drop), Err(SetupError::EmptyIssuer));
    assert_eq!(Verifier::new(keys(), ISSUER, "").map(drop), Err(SetupError::EmptyAudience));
}

#[test]
fn debug_output_contains_no_token_and_no_key() {
    let issued = issuer().access(&grant(), at(NOW)).unwrap();
    let (_, signature) = issued.token.rsplit_once('.').unwrap();
    assert!(!format!("{issued:?}").contains(signature));
    assert!(!format!("{:?}", refresh_claims()).contains("first"));
    let text = format!("{:?}", issuer());
    assert!(!text.contains(SECRET) && !text.contains("97, 32, 115"), "{text}");
}

#[test]
fn verifiers_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Issuer>();
    shared::<Verifier>();
    shared::<keepstone_auth::password::Passwords>();
}
