//! Properties of arbitrary strings. Each property states which inputs are accepted and which are rejected.

use keepstone_auth::token::AccessGrant;
use proptest::prelude::*;
use serde_json::json;

use crate::any_token::{is_checked_by_its_content, is_rejected_unsigned};
use crate::support::*;

/// A change to the text of a token.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(usize, char),
    Insert(usize, char),
    Remove(usize),
    Swap(usize, usize),
    Cut(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let character = prop_oneof![prop::char::range(' ', '~'), any::<char>()];
    prop_oneof![
        (any::<usize>(), character.clone()).prop_map(|(at, with)| Mutation::Replace(at, with)),
        (any::<usize>(), character).prop_map(|(at, with)| Mutation::Insert(at, with)),
        any::<usize>().prop_map(Mutation::Remove),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        any::<usize>().prop_map(Mutation::Cut),
    ]
}

fn mutate(token: &str, mutation: &Mutation) -> String {
    let mut text: Vec<char> = token.chars().collect();
    let length = text.len();
    if length == 0 {
        return String::new();
    }
    match *mutation {
        Mutation::Replace(at, with) => text[at % length] = with,
        Mutation::Insert(at, with) => text.insert(at % (length + 1), with),
        Mutation::Remove(at) => drop(text.remove(at % length)),
        Mutation::Swap(a, b) => text.swap(a % length, b % length),
        Mutation::Cut(at) => text.truncate(at % length),
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_changed_token_never_verifies(mutation in mutation()) {
        let token = sign(&header(), &claims());
        let changed = mutate(&token, &mutation);
        prop_assert_eq!(verify(&changed).is_ok(), changed == token);
    }

    #[test]
    fn no_string_verifies(text in ".{0,200}", parts in "[A-Za-z0-9_.-]{0,200}") {
        is_rejected_unsigned(&text);
        is_rejected_unsigned(&parts);
    }

    #[test]
    fn signed_garbage_is_rejected_without_a_panic(head in ".{0,60}", body in ".{0,200}") {
        prop_assert!(verify(&sign_text(&head, &body)).is_err());
        prop_assert!(verify(&sign_text(&header().to_string(), &body)).is_err());
    }

    #[test]
    fn changed_and_signed_claims_are_checked_by_their_content(head in mutation(), body in prop::collection::vec(mutation(), 1..4)) {
        let claims = body.iter().fold(claims().to_string(), |text, change| mutate(&text, change));
        is_checked_by_its_content(&header().to_string(), &claims);
        is_checked_by_its_content(&mutate(&header().to_string(), &head), &claims);
    }

    #[test]
    fn arbitrary_times_are_checked_without_a_panic(iat: u64, nbf: u64, exp: u64, now in 0..=u64::MAX >> 2) {
        let claims = with(with(with(claims(), "iat", json!(iat)), "nbf", json!(nbf)), "exp", json!(exp));
        let verdict = verifier().verify_access_at(&sign(&header(), &claims), at(now));
        let (now, iat, nbf, exp) = (i128::from(now), i128::from(iat), i128::from(nbf), i128::from(exp));
        let good = (1..=1800).contains(&(exp - iat)) && iat <= now + 5 && nbf <= now + 5 && now < exp;
        prop_assert_eq!(verdict.is_ok(), good);
    }

    #[test]
    fn close_times_are_checked_to_the_second(iat in 0_i64..20, nbf in 0_i64..20, exp in 0_i64..20, now in 0_i64..20) {
        let claims = with(with(with(claims(), "iat", json!(iat)), "nbf", json!(nbf)), "exp", json!(exp));
        let verdict = verifier().verify_access_at(&sign(&header(), &claims), at(now.unsigned_abs()));
        let good = exp > iat && iat <= now + 5 && nbf <= now + 5 && now < exp;
        prop_assert_eq!(verdict.is_ok(), good);
    }

    #[test]
    fn every_issued_token_verifies(subject in "[^\\pC]{1,60}", scope in "[a-z: ]{0,80}", now in 0..=u64::MAX >> 3) {
        let grant = AccessGrant { subject: &subject, scope: &scope, ..grant() };
        let issued = issuer().access(&grant, at(now)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = verifier().verify_access_at(&issued.token, at(now));
        prop_assert!(matches!(&read, Ok(read) if read.subject == subject && read.scope == scope), "{:?}", read);
    }
}
