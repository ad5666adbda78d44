//! Properties of all tokens, whatever their origin. The property tests and the fuzz target `token` call these
//! functions. Each function panics if its property does not hold.

use serde_json::{Value, json};

use crate::support::*;

/// Checks that unsigned text is rejected.
pub fn is_rejected_unsigned(text: &str) {
    assert!(verify(text).is_err(), "{text:?}");
    assert!(issuer().verify_refresh_at(text, at(NOW)).is_err(), "{text:?}");
}

/// Checks that a header and claims with a valid signature are accepted only if the rules allow, and are read unchanged.
pub fn is_checked_by_its_content(header_text: &str, claims_text: &str) {
    let Ok(read) = verify(&sign_text(header_text, claims_text)) else { return };
    let input = format!("{header_text} {claims_text}");
    let [head, body] = [header_text, claims_text].map(|text| serde_json::from_str::<Value>(text).unwrap_or_default());
    assert!(head["typ"] == "at+jwt" || head["typ"] == "JWT", "{input}");
    assert_eq!((&head["alg"], &head["kid"]), (&json!("HS256"), &json!(key_id())), "{input}");
    assert!(["crit", "zip", "enc", "b64"].iter().all(|name| head.get(name).is_none()), "{input}");

    let is_ours = body["aud"] == AUDIENCE || body["aud"].as_array().is_some_and(|all| all.contains(&json!(AUDIENCE)));
    assert!(is_ours && body["iss"] == ISSUER && body["type"] == "access", "{input}");
    assert_eq!(body["sub"], read.subject, "{input}");
    assert_eq!(body["role"], read.role, "{input}");
    assert_eq!(body.get("client_id"), read.client_id.map(Value::from).as_ref(), "{input}");
    let (iat, nbf, exp) = (read.issued_at, read.not_before, read.expires_at);
    assert_eq!([&body["iat"], &body["exp"]], [&json!(iat), &json!(exp)], "{input}");
    for (name, time) in [("nbf", nbf), ("auth_time", read.authenticated_at)] {
        assert_eq!(body.get(name), time.map(Value::from).as_ref(), "{name} in {input}");
    }
    let begin = iat.max(nbf.unwrap_or_default());
    assert!(iat < exp && exp - iat <= LIFETIME && begin <= NOW + 5 && NOW < exp, "{input}");
}
