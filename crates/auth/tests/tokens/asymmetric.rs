//! Keys whose verifiers cannot sign. The keys and tokens in `keys/` were created with OpenSSL and `PyJWT`, for these
//! tests only.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its keys has failed")]

use keepstone_auth::error::{KeyError, SetupError, TokenError, TokenFault};
use keepstone_auth::token::{Algorithm, Issuer, KeyId, KeySet, SigningKey, Verifier, VerifyingKey, VerifyingKeys};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::*;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("keys/", $name))
    };
}
pub(crate) use key;

/// Algorithm, private keys in all encodings, public keys in all encodings, and a token.
type Sample = (Algorithm, Vec<&'static str>, Vec<&'static str>, &'static str);

pub fn samples() -> [Sample; 3] {
    [
        (Algorithm::EdDsa, vec![key!("ed25519.pem")], vec![key!("ed25519.pub.pem")], key!("ed25519.jwt")),
        (Algorithm::Es256, vec![key!("p256.pem"), key!("p256.sec1.pem")], vec![key!("p256.pub.pem")], key!("p256.jwt")),
        (
            Algorithm::Rs256,
            vec![key!("rsa.pem"), key!("rsa.pkcs1.pem")],
            vec![key!("rsa.pub.pem"), key!("rsa.pub.pkcs1.pem")],
            key!("rsa.jwt"),
        ),
    ]
}

pub fn issuer_with(access: KeySet) -> Issuer {
    Issuer::new(access, refresh_keys(), profile()).unwrap()
}

fn verifier_of(key: VerifyingKey) -> Verifier {
    Verifier::new(VerifyingKeys::new(key), ISSUER, AUDIENCE).unwrap()
}

#[test]
fn all_encodings_of_a_key_are_the_same_key() {
    for (algorithm, private, public, _) in samples() {
        let id = SigningKey::from_pem(private[0]).unwrap().verifying_key().id().clone();
        assert_eq!(id.as_str().len(), 43, "a thumbprint");
        for pem in private {
            let key = SigningKey::from_pem(pem).unwrap();
            assert_eq!((key.verifying_key().id(), key.verifying_key().algorithm()), (&id, algorithm));
            assert_eq!(key.verifying_key().to_pem().unwrap(), public[0], "the encoding of OpenSSL");
        }
        for pem in public {
            let key = VerifyingKey::from_pem(pem).unwrap();
            assert_eq!((key.id(), key.algorithm()), (&id, algorithm));
        }
    }
    assert_eq!(VerifyingKey::hs256(&secret()).to_pem(), None);
}

#[test]
fn tokens_of_another_implementation_are_verified() {
    for (algorithm, _, public, token) in samples() {
        let claims = verifier_of(VerifyingKey::from_pem(public[0]).unwrap()).verify_access_at(token, at(NOW)).unwrap();
        assert_eq!(claims.subject, "ada", "{algorithm:?}");
    }
}

#[test]
fn tokens_of_a_new_key_of_any_kind_verify_with_the_public_key() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let pem = SigningKey::generate_pem(algorithm).unwrap();
        let key = SigningKey::from_pem(pem.expose_secret()).unwrap();
        let public = VerifyingKey::from_pem(&key.verifying_key().to_pem().unwrap()).unwrap();
        let token = issuer_with(KeySet::new(key)).access(&grant(), at(NOW)).unwrap().token;
        assert_eq!(part(&token, 0), json!({"typ": "at+jwt", "alg": algorithm.name(), "kid": public.id().as_str()}));
        assert_eq!(verifier_of(public).verify_access_at(&token, at(NOW)).unwrap().subject, "ada");
        assert_ne!(SigningKey::generate_pem(algorithm).unwrap().expose_secret(), pem.expose_secret());
    }
    assert_eq!(SigningKey::generate_pem(Algorithm::Hs256).unwrap_err(), KeyError::Symmetric);
}

#[test]
fn a_key_verifies_its_own_algorithm_and_its_own_signatures_only() {
    let names = ["HS256", "EdDSA", "ES256", "RS256", "PS256", "ES384", "RS512", "none", "None", "", "Ed25519", "eddsa"];
    for (algorithm, _, public, token) in samples() {
        let key = VerifyingKey::from_pem(public[0]).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let body = message.split_once('.').unwrap().1;
        for name in names {
            let head = encode(json!({"alg": name, "kid": key.id().as_str(), "typ": "at+jwt", "x": 1}).to_string());
            let refused = verifier_of(key.clone()).verify_access_at(&format!("{head}.{body}.{signature}"), at(NOW));
            let fault = if name == algorithm.name() { TokenFault::Signature } else { TokenFault::Algorithm };
            assert_eq!(refused, Err(TokenError::Invalid(fault)), "{algorithm:?} as {name}");
            // CVE-2015-9235: the published key as the secret of an HMAC.
            for public in &public {
                let forged = sign_message(&format!("{head}.{body}"), public.as_bytes());
                let refused = verifier_of(key.clone()).verify_access_at(&forged, at(NOW));
                assert_eq!(refused, Err(TokenError::Invalid(fault)), "{algorithm:?} as {name}");
            }
        }
        for (_, _, _, other) in samples().iter().filter(|sample| sample.0 != algorithm) {
            let swapped = format!("{message}.{}", other.rsplit_once('.').unwrap().1);
            let refused = verifier_of(key.clone()).verify_access_at(&swapped, at(NOW));
            assert_eq!(refused, Err(TokenError::Invalid(TokenFault::Signature)));
        }
    }
}

#[test]
fn an_ecdsa_signature_of_zeros_is_rejected() {
    // CVE-2022-21449.
    let key = VerifyingKey::from_pem(key!("p256.pub.pem")).unwrap();
    let message = key!("p256.jwt").rsplit_once('.').unwrap().0;
    let token = format!("{message}.{}", encode([0; 64]));
    let refused = verifier_of(key).verify_access_at(&token, at(NOW));
    assert_eq!(refused, Err(TokenError::Invalid(TokenFault::Signature)));
}

#[test]
fn a_chosen_id_replaces_the_thumbprint() {
    let id = || KeyId::parse("2026-11").unwrap();
    let key = SigningKey::from_pem(key!("ed25519.pem")).unwrap().with_id(id());
    let token = issuer_with(KeySet::new(key)).access(&grant(), at(NOW)).unwrap().token;
    assert_eq!(part(&token, 0)["kid"], "2026-11");
    let public = VerifyingKey::from_pem(key!("ed25519.pub.pem")).unwrap();
    assert!(verifier_of(public.clone()).verify_access_at(&token, at(NOW)).is_err());
    assert!(verifier_of(public.with_id(id())).verify_access_at(&token, at(NOW)).is_ok());
}

#[test]
fn a_set_signs_with_its_first_key_and_verifies_with_all_kinds() {
    let mut keys = KeySet::new(SigningKey::hs256(&secret()));
    for (_, _, public, _) in samples() {
        keys = keys.with(VerifyingKey::from_pem(public[0]).unwrap()).unwrap();
    }
    let issuer = issuer_with(keys);
    assert_eq!(part(&issuer.access(&grant(), at(NOW)).unwrap().token, 0)["alg"], "HS256");
    for (algorithm, _, _, token) in samples() {
        assert!(issuer.verifier().verify_access_at(token, at(NOW)).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn refresh_tokens_are_hs256_only() {
    for (_, private, public, _) in samples() {
        let key = SigningKey::from_pem(private[0]).unwrap();
        let access = || KeySet::new(SigningKey::hs256(&secret()));
        let refused = Issuer::new(access(), KeySet::new(key), profile()).map(drop);
        assert_eq!(refused, Err(SetupError::RefreshKey));
        let retired = refresh_keys().with(VerifyingKey::from_pem(public[0]).unwrap()).unwrap();
        assert_eq!(Issuer::new(access(), retired, profile()).map(drop), Err(SetupError::RefreshKey));
    }
}

#[test]
fn an_unusable_key_is_rejected_with_its_reason() {
    let private = |pem: &str| SigningKey::from_pem(pem).map(drop).unwrap_err();
    let public = |pem: &str| VerifyingKey::from_pem(pem).map(drop).unwrap_err();
    for pem in [
        key!("refused/rsa1024.pem"),
        key!("refused/p384.pem"),
        key!("refused/ed448.pem"),
        key!("refused/x25519.pem"),
        key!("refused/certificate.pem"),
    ] {
        assert_eq!(private(pem), KeyError::Unsupported, "{pem}");
    }
    for pem in [key!("refused/rsa1024.pub.pem"), key!("refused/p384.pub.pem"), key!("refused/certificate.pem")] {
        assert_eq!(public(pem), KeyError::Unsupported, "{pem}");
    }
    assert_eq!(private(key!("refused/encrypted.pem")), KeyError::Encrypted);
    assert_eq!(private(key!("refused/encrypted.pkcs1.pem")), KeyError::Encrypted);
    assert_eq!(private(key!("refused/two.pem")), KeyError::SeveralKeys);
    assert_eq!(private(key!("ed25519.pub.pem")), KeyError::NotPrivate);
    for pem in [key!("ed25519.pem"), key!("p256.sec1.pem"), key!("rsa.pkcs1.pem"), key!("rsa.pem")] {
        assert_eq!(public(pem), KeyError::NotPublic);
    }
    let point = "-----BEGIN PUBLIC KEY-----\nMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=\n-----END PUBLIC KEY-----\n";
    assert_eq!(public(point), KeyError::Unsupported, "32 bytes are a point, and no DER");
    let (start, _) = key!("ed25519.pem").split_at(60);
    for text in ["", "secret", start, &format!("{}{}", key!("ed25519.pem"), " ".repeat(65_536))] {
        assert_eq!((private(text), public(text)), (KeyError::NotPem, KeyError::NotPem));
    }
    let damaged = key!("rsa.pem").replacen("MII", "MIJ", 1);
    assert_eq!(private(&damaged), KeyError::Unsupported);
}

#[test]
fn debug_output_omits_private_keys() {
    for (_, private, _, _) in samples() {
        let text = format!("{:?}", issuer_with(KeySet::new(SigningKey::from_pem(private[0]).unwrap())));
        for line in private[0].lines().filter(|line| !line.starts_with('-')) {
            assert!(!text.contains(line));
        }
    }
    let pem = SigningKey::generate_pem(Algorithm::EdDsa).unwrap();
    assert!(!format!("{pem:?}").contains("BEGIN"));
}

/// `cargo test --release -p keepstone-auth --test tokens -- --ignored --nocapture figures`
#[test]
#[ignore = "prints figures"]
fn figures() {
    let mut keys: Vec<_> =
        samples().iter().map(|(_, private, _, _)| SigningKey::from_pem(private[0]).unwrap()).collect();
    keys.push(SigningKey::hs256(&secret()));
    for key in keys {
        let name = key.verifying_key().algorithm().name();
        let issuer = issuer_with(KeySet::new(key));
        let rounds = 2000_u32;
        let started = std::time::Instant::now();
        let mut token = String::new();
        for _ in 0..rounds {
            token = issuer.access(&grant(), at(NOW)).unwrap().token;
        }
        let signing = started.elapsed() / rounds;
        let started = std::time::Instant::now();
        for _ in 0..rounds {
            issuer.verifier().verify_access_at(&token, at(NOW)).unwrap();
        }
        println!("{name}: sign {signing:?}, verify {:?}, {} bytes", started.elapsed() / rounds, token.len());
    }
}
