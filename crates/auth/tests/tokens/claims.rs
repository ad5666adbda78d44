//! Invalid claims with a valid signature. Each vector differs from an accepted token in one claim.

use keepstone_auth::error::{SetupError, TokenError, TokenFault};
use keepstone_auth::token::{
    Issuer, KeySet, MAX_ACCESS_LIFETIME, Profile, SigningKey, Verifier, VerifyingKey, VerifyingKeys,
};
use serde_json::json;

use crate::support::*;

#[test]
fn every_claim_is_required() {
    for name in claims().as_object().unwrap().keys() {
        let optional = matches!(name.as_str(), "client_id" | "auth_time");
        let refused = verify(&sign(&header(), &without(claims(), name)));
        let expected = if optional { None } else { Some(TokenError::Invalid(TokenFault::Claims)) };
        assert_eq!(refused.err(), expected, "{name}");
    }
}

#[test]
fn tokens_of_an_earlier_version_are_accepted() {
    let read = verify(&sign(&header(), &claims_of_an_earlier_version())).unwrap();
    assert_eq!((read.not_before, read.client_id, read.authenticated_at), (Some(NOW), None, None));
    let future = with(claims_of_an_earlier_version(), "nbf", json!(NOW + 6));
    assert_eq!(fault(&sign(&header(), &future)), TokenFault::NotYetValid);
}

#[test]
fn every_claim_has_its_type() {
    let wrong =
        [json!(null), json!(""), json!([]), json!({}), json!(1), json!("1"), json!(true), json!(-1), json!([null])];
    for name in with(claims(), "nbf", json!(NOW)).as_object().unwrap().keys() {
        for value in &wrong {
            // Valid values: names of another service, a user without permissions, a token valid since 1970.
            let text = ["sub", "role", "scope", "client_id"].contains(&name.as_str()) && value == "1";
            let empty = ["scope", "client_id"].contains(&name.as_str()) && value == "";
            let right = text || empty || (["nbf", "auth_time"].contains(&name.as_str()) && value == 1);
            let token = sign(&header(), &with(claims(), name, value.clone()));
            assert_eq!(verify(&token).is_ok(), right, "{name} = {value}");
        }
    }
    for name in ["sub", "role"] {
        for value in ["a\0b", "a\nb", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(fault(&sign(&header(), &with(claims(), name, json!(value)))), TokenFault::Claims);
        }
    }
    for name in ["sid", "jti"] {
        for value in
            [SESSION.simple().to_string(), SESSION.urn().to_string(), SESSION.braced().to_string(), "x".repeat(36)]
        {
            assert_eq!(fault(&sign(&header(), &with(claims(), name, json!(value)))), TokenFault::Claims, "{value}");
        }
    }
}

#[test]
fn another_kind_of_token_is_rejected_even_with_the_same_key() {
    for kind in ["refresh", "Access", "access ", "verify-email", "ws-ticket", "id"] {
        assert_eq!(fault(&sign(&header(), &with(claims(), "type", json!(kind)))), TokenFault::Kind, "{kind}");
    }
}

#[test]
fn issuer_and_audience_match_exactly() {
    for iss in ["https://id.example.com/", "https://ID.example.com", "http://id.example.com", "id.example.com"] {
        assert_eq!(fault(&sign(&header(), &with(claims(), "iss", json!(iss)))), TokenFault::Issuer, "{iss}");
    }
    assert_eq!(fault(&sign(&header(), &with(claims(), "iss", json!([ISSUER])))), TokenFault::Claims);
    for aud in [json!("Orders"), json!("orders "), json!("orders2"), json!([]), json!(["a", "b"]), json!([""])] {
        assert_eq!(fault(&sign(&header(), &with(claims(), "aud", aud.clone()))), TokenFault::Audience, "{aud}");
    }
    for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(["billing", AUDIENCE])] {
        assert!(verify(&sign(&header(), &with(claims(), "aud", aud.clone()))).is_ok(), "{aud}");
    }
    for aud in [json!([AUDIENCE, 1]), json!([[AUDIENCE]]), json!({AUDIENCE: 1})] {
        assert_eq!(fault(&sign(&header(), &with(claims(), "aud", aud.clone()))), TokenFault::Claims, "{aud}");
    }
    let elsewhere = Verifier::new(VerifyingKeys::new(VerifyingKey::hs256(&secret())), ISSUER, "billing").unwrap();
    let refused = elsewhere.verify_access_at(&sign(&header(), &claims()), at(NOW));
    assert_eq!(refused, Err(TokenError::Invalid(TokenFault::Audience)));
}

#[test]
fn time_is_checked_to_the_second() {
    let token = sign(&header(), &claims());
    let at_second = |now| verifier().verify_access_at(&token, at(now));
    assert!(at_second(NOW + LIFETIME - 1).is_ok());
    assert_eq!(at_second(NOW + LIFETIME), Err(TokenError::Expired), "exp has no leeway");
    assert_eq!(at_second(u64::MAX >> 2), Err(TokenError::Expired));
    assert!(at_second(NOW - 5).is_ok());
    assert_eq!(at_second(NOW - 6), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    assert_eq!(at_second(0), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    let before_1970 = at(0) - std::time::Duration::from_mins(1);
    assert!(verifier().verify_access_at(&token, before_1970).is_err());

    let too_long = |lifetime| Err(TokenError::Invalid(TokenFault::LifetimeTooLong { lifetime, max: LIFETIME }));
    let with_time = |name, value: u64| verify(&sign(&header(), &with(claims(), name, json!(value))));
    assert!(with_time("nbf", NOW + 5).is_ok());
    assert_eq!(with_time("nbf", NOW + 6), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    assert_eq!(with_time("iat", NOW + 6), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    assert_eq!(with_time("exp", NOW + LIFETIME + 1), too_long(LIFETIME + 1));
    assert_eq!(with_time("exp", NOW), Err(TokenError::Invalid(TokenFault::Lifetime)));
    assert_eq!(with_time("exp", NOW - 1), Err(TokenError::Invalid(TokenFault::Lifetime)));
    assert_eq!(with_time("iat", 0), too_long(NOW + LIFETIME));
}

#[test]
fn extreme_times_are_rejected_without_a_panic() {
    let odd = [
        "1800000000.5",
        "1800001800.0",
        "1e9",
        "1.8e9",
        "1e308",
        "1e400",
        "-1",
        "-0",
        "-1e308",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "\"1800000000\"",
        "\"\"",
        "null",
        "true",
        "[]",
        "{}",
        "NaN",
        "Infinity",
        "0x10",
        "01",
    ];
    for name in ["iat", "nbf", "exp", "auth_time"] {
        for value in odd {
            let json = with(claims(), name, json!("@")).to_string().replace("\"@\"", value);
            let refused = verify(&sign_text(&header().to_string(), &json));
            // No decision depends on `auth_time`, so any whole number is accepted.
            let is_number = name == "auth_time" && value.parse::<u64>().is_ok_and(|number| number.to_string() == value);
            let expected = if is_number { refused.is_ok() } else { matches!(refused, Err(TokenError::Invalid(_))) };
            assert!(expected, "{name} = {value}: {refused:?}");
        }
    }
    let eternal = with(with(claims(), "exp", json!(u64::MAX)), "iat", json!(0));
    assert_eq!(fault(&sign(&header(), &eternal)), TokenFault::LifetimeTooLong { lifetime: u64::MAX, max: LIFETIME });
}

#[test]
fn the_maximum_lifetime_applies_to_issuers_and_verifiers() {
    let day = MAX_ACCESS_LIFETIME.as_secs();
    let keys = || VerifyingKeys::new(VerifyingKey::hs256(&secret()));
    let verifier = Verifier::new(keys(), ISSUER, AUDIENCE).unwrap();
    let living = |lifetime: u64| sign(&header(), &with(claims(), "exp", json!(NOW + lifetime)));
    assert!(verifier.verify_access_at(&living(day), at(NOW)).is_ok());
    let refused = verifier.verify_access_at(&living(day + 1), at(NOW)).unwrap_err();
    assert_eq!(refused, TokenError::Invalid(TokenFault::LifetimeTooLong { lifetime: day + 1, max: day }));
    let text = refused.to_string();
    assert!(text.contains("86401 s") && text.contains("86400 s") && text.contains("with_max_lifetime"), "{text}");

    let week = MAX_ACCESS_LIFETIME * 7;
    let start = |profile| Issuer::new(KeySet::new(SigningKey::hs256(&secret())), refresh_keys(), profile);
    let profile = || Profile::new(ISSUER, AUDIENCE, week);
    let refused = start(profile()).map(drop).unwrap_err();
    assert_eq!(refused, SetupError::LifetimeTooLong { lifetime: week, max: MAX_ACCESS_LIFETIME });
    assert!(refused.to_string().contains("with_max_lifetime"), "{refused}");
    let issuer = start(Profile { max_lifetime: week, ..profile() }).unwrap();
    let token = issuer.access(&grant(), at(NOW)).unwrap().token;
    assert!(issuer.verifier().verify_access_at(&token, at(NOW)).is_ok());
    assert!(verifier.verify_access_at(&token, at(NOW)).is_err());
    assert!(verifier.with_max_lifetime(week).verify_access_at(&token, at(NOW)).is_ok());
}

#[test]
fn a_shorter_lifetime_at_the_issuer_does_not_affect_earlier_tokens() {
    let issuer = |lifetime| {
        let profile = Profile::new(ISSUER, AUDIENCE, std::time::Duration::from_secs(lifetime));
        Issuer::new(KeySet::new(SigningKey::hs256(&secret())), refresh_keys(), profile).unwrap()
    };
    let before = issuer(LIFETIME).access(&grant(), at(NOW)).unwrap().token;
    assert!(issuer(LIFETIME / 2).verifier().verify_access_at(&before, at(NOW)).is_ok());
}
