//! Publishing keys, and reading the keys of other issuers.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its keys has failed")]

use keepstone_auth::error::KeyError;
use keepstone_auth::token::{MAX_JWKS_BYTES, SigningKey, Verifier, VerifyingKey, VerifyingKeys};
use serde_json::{Value, json};

use crate::asymmetric::{key, samples};
use crate::support::*;

fn all() -> VerifyingKeys {
    samples().iter().fold(VerifyingKeys::new(VerifyingKey::hs256(&secret())), |keys, (_, private, _, _)| {
        keys.with(SigningKey::from_pem(private[0]).unwrap().verifying_key().clone()).unwrap()
    })
}

fn read(keys: &Value) -> Vec<String> {
    let keys = VerifyingKeys::from_jwks(&json!({"keys": keys}).to_string()).unwrap();
    keys.iter().map(|key| key.id().as_str().to_owned()).collect()
}

/// Returns a published key in the encoding of another implementation.
fn published(at: usize) -> Value {
    serde_json::from_str::<Value>(key!("jwks.json")).unwrap()["keys"][at].clone()
}

#[test]
fn published_keys_equal_those_of_another_implementation() {
    let ours: Value = serde_json::from_str(&all().to_jwks().to_json()).unwrap();
    assert_eq!(ours, serde_json::from_str::<Value>(key!("jwks.json")).unwrap());
}

#[test]
fn symmetric_and_private_keys_are_not_published() {
    fn names(value: &Value) -> Vec<&str> {
        match value {
            Value::Object(members) => {
                members.iter().flat_map(|(name, value)| [vec![name.as_str()], names(value)].concat()).collect()
            }
            Value::Array(values) => values.iter().flat_map(names).collect(),
            _ => Vec::new(),
        }
    }
    let json: Value = serde_json::from_str(&all().to_jwks().to_json()).unwrap();
    assert_eq!(json["keys"].as_array().unwrap().len(), 3);
    let names = names(&json);
    for private in ["k", "d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert!(!names.contains(&private), "{private}");
    }
    assert!(!json.to_string().contains("oct") && !json.to_string().contains(&key_id()));
    let symmetric = VerifyingKeys::new(VerifyingKey::hs256(&secret())).to_jwks();
    assert!(symmetric.is_empty());
    assert_eq!(symmetric.to_json(), r#"{"keys":[]}"#);
}

#[test]
fn published_keys_verify() {
    let keys = VerifyingKeys::from_jwks(&all().to_jwks().to_json()).unwrap();
    assert_eq!(keys.to_jwks(), all().to_jwks());
    let verifier = Verifier::new(keys, ISSUER, AUDIENCE).unwrap();
    for (algorithm, _, _, token) in samples() {
        assert!(verifier.verify_access_at(token, at(NOW)).is_ok(), "{algorithm:?}");
    }
    assert!(verifier.verify_access_at(&sign(&header(), &claims()), at(NOW)).is_err(), "HS256 was not published");
}

#[test]
fn thumbprints_match_the_examples_of_the_standards() {
    // RFC 8037 appendix A.3, RFC 7638 section 3.1.
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "n": concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok",
        "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6",
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa",
        "pJzKnqDKgw")});
    assert_eq!(
        read(&json!([ed, rsa])),
        ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]
    );
}

#[test]
fn unusable_keys_are_ignored_and_the_others_are_read() {
    let oct = json!({"kty": "oct", "k": encode(SECRET), "alg": "HS256", "kid": "oct"});
    let good = published(0);
    let mut keys = vec![oct, json!(null), json!("key"), json!({}), json!({"kty": 1})];
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!("verify")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("none")),
        ("alg", json!("")),
        ("crv", json!("Ed448")),
        ("crv", json!("X25519")),
        ("kty", json!("EC")),
        ("kid", json!("not an id")),
        ("kid", json!("k".repeat(65))),
        ("x", json!("")),
        ("x", json!(encode([1; 31]))),
        ("x", json!(encode([1; 33]))),
        ("x", json!(format!("{}=", good["x"].as_str().unwrap()))),
        ("d", json!(encode([1; 32]))),
    ] {
        keys.push(with(good.clone(), name, value));
    }
    for (name, value) in [("x", json!(encode([1; 32]))), ("y", json!(encode([0; 32]))), ("crv", json!("secp256k1"))] {
        keys.push(with(published(1), name, value));
    }
    for (name, value) in [
        ("n", json!(encode([0xff; 128]))),
        ("n", json!(encode([0xff; 1025]))),
        ("e", json!("")),
        ("e", json!("AA")),
        ("e", json!(encode([1; 9]))),
        ("alg", json!("PS256")),
        ("alg", json!("RS512")),
    ] {
        keys.push(with(published(2), name, value));
    }
    let refused = keys.len();
    keys.push(good.clone());
    let read = read(&json!(keys));
    assert_eq!(read, [good["kid"].as_str().unwrap()], "{refused} keys are unusable");
}

#[test]
fn members_are_optional_and_the_first_of_two_keys_with_one_id_is_used() {
    let bare = ["kid", "use", "alg"].into_iter().fold(published(1), without);
    assert_eq!(read(&json!([bare])), [published(1)["kid"].as_str().unwrap()]);
    let verifies = with(with(bare, "key_ops", json!(["verify"])), "x5t", json!("anything"));
    assert_eq!(read(&json!([verifies])).len(), 1);
    let second = with(published(1), "kid", published(0)["kid"].clone());
    let keys = VerifyingKeys::from_jwks(&json!({"keys": [published(0), second]}).to_string()).unwrap();
    assert_eq!(keys.iter().map(|key| key.algorithm().name()).collect::<Vec<_>>(), ["EdDSA"]);
}

#[test]
fn a_set_has_a_bounded_size() {
    let set =
        |keys: &Value| VerifyingKeys::from_jwks(&json!({"keys": keys}).to_string()).map(|keys| keys.iter().count());
    assert_eq!(set(&json!([])), Ok(0));
    assert_eq!(set(&json!(vec![json!({}); 64])), Ok(0));
    assert_eq!(set(&json!(vec![json!({}); 65])), Err(KeyError::Jwks));
    let padded = format!("{}{}", key!("jwks.json"), " ".repeat(MAX_JWKS_BYTES));
    assert_eq!(VerifyingKeys::from_jwks(&padded).map(drop), Err(KeyError::Jwks));
    for json in
        ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#, r#"{"keys":[],"keys":[]}"#]
    {
        assert_eq!(VerifyingKeys::from_jwks(json).map(drop), Err(KeyError::Jwks), "{json}");
    }
}
