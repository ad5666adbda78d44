//! Invalid tokens. Each vector differs from an accepted token in one detail only, and is signed with the correct key
//! unless it tests the signature.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::support::*;
use keepstone_auth::error::{TokenError, TokenFault};
use keepstone_auth::token::{KeyId, MAX_TOKEN_BYTES, Secret, Verifier, VerifyingKey, VerifyingKeys};
use serde_json::{Value, json};

#[test]
fn the_unchanged_token_is_accepted() {
    let read = verify(&sign(&header(), &claims())).unwrap();
    assert_eq!((read.subject.as_str(), read.role.as_str(), read.session_id), ("ada", "clerk", SESSION));
    assert_eq!((read.issued_at, read.not_before, read.expires_at), (NOW, None, NOW + LIFETIME));
    assert_eq!((read.client_id.as_deref(), read.authenticated_at), (Some(AUDIENCE), Some(LOGIN)));
    assert!(read.has_scope("orders:read") && !read.has_scope("orders") && !read.has_scope("orders:read orders:write"));
}

#[test]
fn the_header_cannot_choose_the_algorithm() {
    let names = [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384",
        "EdDSA", "hs256", "HS256 ", " HS256", "HS256\0", "HMAC", "dir", "A128KW",
    ];
    for name in names {
        let header = with(header(), "alg", json!(name));
        assert_eq!(fault(&sign(&header, &claims())), TokenFault::Algorithm, "{name:?}");
        let message = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
        assert_eq!(fault(&format!("{message}.")), TokenFault::Form, "{name:?} unsigned");
        assert_eq!(fault(&format!("{message}.AA")), TokenFault::Algorithm, "{name:?} badly signed");
    }
    assert_eq!(fault(&sign(&without(header(), "alg"), &claims())), TokenFault::Algorithm);
    for wrong in [json!(null), json!(["HS256"]), json!({"HS256": 1}), json!(256), json!(true)] {
        assert_eq!(fault(&sign(&with(header(), "alg", wrong), &claims())), TokenFault::Header);
    }
}

#[test]
fn only_the_signature_of_the_key_is_accepted() {
    let message = format!("{}.{}", encode(header().to_string()), encode(claims().to_string()));
    let good = sign_message(&message, SECRET.as_bytes());
    let (_, signature) = good.rsplit_once('.').unwrap();
    let truncated = &signature[..signature.len() - 3];
    for bad in [encode([0; 32]), encode([]) + "AA", truncated.to_owned(), encode([0; 64]), signature.repeat(2) + "A"] {
        let verdict = fault(&format!("{message}.{bad}"));
        assert!(matches!(verdict, TokenFault::Signature | TokenFault::Form), "{bad}");
    }
    assert_eq!(fault(&sign_message(&message, b"another secret")), TokenFault::Signature);
    assert_eq!(fault(&sign_message(&message, b"")), TokenFault::Signature);
    assert_eq!(fault(&sign_message(&message, secret().for_refresh_tokens().expose())), TokenFault::Signature);
}

#[test]
fn header_extensions_are_rejected_whatever_their_value() {
    for name in ["crit", "zip", "enc", "b64"] {
        for value in [json!(["exp"]), json!([]), json!(null), json!("DEF"), json!(true), json!(false), json!({})] {
            let token = sign(&with(header(), name, value), &claims());
            assert_eq!(fault(&token), TokenFault::Extension, "{name}");
        }
    }
    let escaped = header().to_string().replacen('{', r#"{"cr\u0069t":["exp"],"#, 1);
    assert_eq!(fault(&sign_text(&escaped, &claims().to_string())), TokenFault::Extension);
}

#[test]
fn keys_inside_a_token_are_ignored_and_never_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let jwk = json!({"kty": "oct", "k": encode("attacker's key"), "kid": key_id()});
    for (name, value) in [("jku", json!(url)), ("x5u", json!(url)), ("jwk", jwk), ("x5c", json!(["MIIB"]))] {
        let header = with(header(), name, value);
        assert!(verify(&sign(&header, &claims())).is_ok(), "{name}");
        let message = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
        assert_eq!(fault(&sign_message(&message, b"attacker's key")), TokenFault::Signature, "{name}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_key_is_found_by_its_exact_id_only() {
    let upper = key_id().to_uppercase();
    let padded = format!("{} ", key_id());
    let strangers =
        ["", "../../dev/null", "/dev/null", "' OR 1=1", "\0", "0", upper.as_str(), padded.as_str(), &key_id()[..15]];
    for kid in strangers {
        assert_eq!(fault(&sign(&with(header(), "kid", json!(kid)), &claims())), TokenFault::UnknownKey, "{kid}");
    }
    assert_eq!(fault(&sign(&with(header(), "kid", json!("k".repeat(2000))), &claims())), TokenFault::UnknownKey);
    assert_eq!(fault(&sign(&with(header(), "kid", json!("k".repeat(10_240))), &claims())), TokenFault::TooLong);
    assert_eq!(fault(&sign(&without(header(), "kid"), &claims())), TokenFault::UnknownKey);
    for wrong in [json!(null), json!(1), json!([key_id()]), json!({})] {
        assert_eq!(fault(&sign(&with(header(), "kid", wrong), &claims())), TokenFault::Header);
    }
}

#[test]
fn the_header_determines_the_kind_of_token() {
    for typ in ["at+jwt", "JWT"] {
        assert!(verify(&sign(&with(header(), "typ", json!(typ)), &claims())).is_ok(), "{typ}");
    }
    for typ in ["rt+jwt", "jwt", "", "JWE", "dpop+jwt", "logout+jwt", "at+jwt "] {
        assert_eq!(fault(&sign(&with(header(), "typ", json!(typ)), &claims())), TokenFault::Type, "{typ}");
    }
    assert_eq!(fault(&sign(&without(header(), "typ"), &claims())), TokenFault::Type);
    assert_eq!(fault(&sign(&with(header(), "typ", json!(null)), &claims())), TokenFault::Header);
}

#[test]
fn size_is_limited_before_anything_is_decoded() {
    let padded = |length: usize| {
        let token = sign(&header(), &with(claims(), "scope", json!("x".repeat(length))));
        (token.len(), token)
    };
    let (length, token) = (1..4096).map(padded).take_while(|(length, _)| *length <= MAX_TOKEN_BYTES).last().unwrap();
    assert!(length > MAX_TOKEN_BYTES - 2 && verify(&token).is_ok());
    let longer = format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES + 1 - length));
    assert_eq!(longer.len(), MAX_TOKEN_BYTES + 1);
    assert_eq!(fault(&longer), TokenFault::TooLong);
    assert_eq!(fault(&"!".repeat(MAX_TOKEN_BYTES + 1)), TokenFault::TooLong);
    assert_eq!(fault(&".".repeat(10_000_000)), TokenFault::TooLong);
}

#[test]
fn the_form_is_three_unpadded_base64url_parts() {
    let token = sign(&header(), &claims());
    let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let spoiled = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        head.to_owned(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!(".{body}.{signature}"),
        format!("{head}..{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{head}.{body}.{signature}.{signature}.{signature}"),
        format!("{token}="),
        format!("{head}=.{body}.{signature}"),
        format!("{head}.{body}==.{signature}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("\u{feff}{token}"),
        format!("{head} .{body}.{signature}"),
        format!("{head}.{body}. {signature}"),
        format!("{token}\0"),
        format!("{token}é"),
        format!("{token},{token}"),
        format!("Bearer {token}"),
        token.replace('.', ":"),
        format!("{token}%3D"),
    ];
    for token in spoiled {
        assert_eq!(fault(&token), TokenFault::Form, "{token:?}");
    }
    assert_eq!(fault(&format!("{token}AAAA")), TokenFault::Signature, "trailing data that decodes");
    for (from, to) in [('-', '+'), ('_', '/')] {
        let encoded = (0..10_000)
            .map(|n| sign(&header(), &with(claims(), "scope", json!(format!("{n}")))))
            .find(|token| token.contains(from));
        assert_eq!(fault(&encoded.unwrap().replace(from, &to.to_string())), TokenFault::Form, "the other alphabet");
    }
}

#[test]
fn a_signature_has_exactly_one_encoding() {
    let token = sign(&header(), &claims());
    let (rest, last) = token.split_at(token.len() - 1);
    let others =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).map(String::from).filter(|c| c != last);
    for other in others {
        assert!(verify(&format!("{rest}{other}")).is_err(), "{other}");
    }
}

#[test]
fn repeated_names_are_rejected_in_header_and_claims() {
    let twice = |json: &Value, member: &str| json.to_string().replacen('{', &format!("{{{member},"), 1);
    for member in
        [r#""alg":"HS256""#, r#""alg":"none""#, r#""\u0061lg":"HS256""#, r#""x":1,"x":1"#, r#""x":{"y":1,"y":2}"#]
    {
        let token = sign_text(&twice(&header(), member), &claims().to_string());
        assert_eq!(fault(&token), TokenFault::Header, "{member}");
    }
    for member in [
        r#""sub":"eve""#,
        r#""sub":"ada""#,
        r#""ex\u0070":1"#,
        r#""x":1,"x":1"#,
        r#""x":[{"y":1,"y":2}]"#,
        r#""type":"access""#,
    ] {
        let token = sign_text(&header().to_string(), &twice(&claims(), member));
        assert_eq!(fault(&token), TokenFault::Claims, "{member}");
    }
}

#[test]
fn malformed_json_is_rejected() {
    for spoil in ["", "{", "[]", "null", "\"\"", "1", "{}x", "\u{feff}{}", "{\"a\"}", "{'alg':'HS256'}", "{\"a\":1,}"] {
        assert_eq!(
            fault(&sign_text(&header().to_string(), spoil)),
            if spoil.is_empty() { TokenFault::Form } else { TokenFault::Claims },
            "{spoil}"
        );
        assert_eq!(
            fault(&sign_text(spoil, &claims().to_string())),
            if spoil.is_empty() { TokenFault::Form } else { TokenFault::Header },
            "{spoil}"
        );
    }
    let trailing = format!("{} x", claims());
    assert_eq!(fault(&sign_text(&header().to_string(), &trailing)), TokenFault::Claims);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let json = with(claims(), "x", json!("@")).to_string().replace("\"@\"", &deep);
    assert_eq!(fault(&sign_text(&header().to_string(), &json)), TokenFault::Claims);
    let invalid_utf8 = [&b"{\"a\":\"\xff\xfe"[..], b"\"}"].concat();
    let message = format!("{}.{}", encode(header().to_string()), encode(invalid_utf8));
    assert_eq!(fault(&sign_message(&message, SECRET.as_bytes())), TokenFault::Claims);
}

#[test]
fn unknown_claims_are_ignored() {
    let foreign = with(with(claims(), "email", json!("a@b.c")), "nested", json!({"a": [1, null, {"b": -1.5e3}]}));
    assert!(verify(&sign(&header(), &foreign)).is_ok());
}

#[test]
fn another_key_of_the_set_needs_its_own_id() {
    let other = Secret::new("the secret of another key, 32 bytes and more").unwrap();
    let keys = VerifyingKeys::new(VerifyingKey::hs256(&secret()));
    let id = KeyId::parse("other").unwrap();
    let keys = keys.with(VerifyingKey::hs256(&other).with_id(id)).unwrap();
    let verifier = Verifier::new(keys, ISSUER, AUDIENCE).unwrap();
    let message = |kid: &str| {
        format!("{}.{}", encode(with(header(), "kid", json!(kid)).to_string()), encode(claims().to_string()))
    };
    let verify = |token: &str| verifier.verify_access_at(token, at(NOW));

    assert!(verify(&sign_message(&message("other"), other.expose())).is_ok());
    assert!(verify(&sign_message(&message(&key_id()), SECRET.as_bytes())).is_ok());
    let swapped =
        [sign_message(&message("other"), SECRET.as_bytes()), sign_message(&message(&key_id()), other.expose())];
    for token in swapped {
        assert_eq!(verify(&token), Err(TokenError::Invalid(TokenFault::Signature)));
    }
}
