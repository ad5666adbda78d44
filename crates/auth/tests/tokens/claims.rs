//! Every way to spoil a claim, under a right signature. The rule: each vector differs from an accepted token in one
//! thing.

use keepstone_auth::error::{TokenError, TokenFault};
use keepstone_auth::token::{Verifier, VerifyingKey, VerifyingKeys};
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn every_claim_is_required() {
    for name in claims().as_object().unwrap().keys() {
        assert_eq!(fault(&sign(&header(), &without(claims(), name))), TokenFault::Claims, "{name}");
    }
}

#[test]
fn every_claim_has_its_type() {
    let wrong =
        [json!(null), json!(""), json!([]), json!({}), json!(1), json!("1"), json!(true), json!(-1), json!([null])];
    for name in claims().as_object().unwrap().keys() {
        for value in &wrong {
            // Names that another service may well use, a user without permissions, a token valid since 1970.
            let right = matches!((name.as_str(), value), ("sub" | "role" | "scope", Value::String(text)) if text == "1")
                || (name == "scope" && value == "")
                || (name == "nbf" && value == 1);
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
fn another_kind_of_token_is_refused_even_under_the_same_key() {
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

    let with_time = |name, value: u64| verify(&sign(&header(), &with(claims(), name, json!(value))));
    assert!(with_time("nbf", NOW + 5).is_ok());
    assert_eq!(with_time("nbf", NOW + 6), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    assert_eq!(with_time("iat", NOW + 6), Err(TokenError::Invalid(TokenFault::NotYetValid)));
    assert_eq!(with_time("exp", NOW + LIFETIME + 1), Err(TokenError::Invalid(TokenFault::Lifetime)));
    assert_eq!(with_time("exp", NOW), Err(TokenError::Invalid(TokenFault::Lifetime)));
    assert_eq!(with_time("exp", NOW - 1), Err(TokenError::Invalid(TokenFault::Lifetime)));
    assert_eq!(with_time("iat", 0), Err(TokenError::Invalid(TokenFault::Lifetime)));
}

#[test]
fn odd_times_are_refused_without_a_panic() {
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
    for name in ["iat", "nbf", "exp"] {
        for value in odd {
            let json = with(claims(), name, json!("@")).to_string().replace("\"@\"", value);
            let refused = verify(&sign_text(&header().to_string(), &json));
            assert!(matches!(refused, Err(TokenError::Invalid(_))), "{name} = {value}: {refused:?}");
        }
    }
    let eternal = with(with(claims(), "exp", json!(u64::MAX)), "iat", json!(0));
    assert_eq!(fault(&sign(&header(), &eternal)), TokenFault::Lifetime);
}
