//! Sessions and their first refresh tokens.

use keepstone_domain::{PageRequest, RefreshToken, Session, SessionEnd, SessionId, Start, User};
use keepstone_repository::StorageError;

use crate::harness::{Opened, at, session, user};

#[tokio::test]
async fn a_session_is_found_with_its_user_and_every_member() {
    let (ada, bob) = (user("ada"), User { name: None, username: None, is_active: false, ..user("bob") });
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let (ip, agent) = (Some("2001:db8::1".to_owned()), Some("curl/8.0".to_owned()));
    let ends = SessionEnd::ALL.into_iter().map(Some).chain([None]);
    let mut kept = Vec::new();
    for (second, end) in (1..).zip(ends) {
        for owner in [&ada, &bob] {
            for (ip, user_agent) in
                [(None, None), (ip.clone(), None), (None, agent.clone()), (ip.clone(), agent.clone())]
            {
                let (session, token) = session(owner);
                let session = Session { ended: end.map(|end| (at(second), end)), ip, user_agent, ..session };
                opened.insert_session(&session, &token).await.unwrap();
                kept.push((session, owner.clone()));
            }
        }
    }
    let mut reader = opened.read().await.unwrap();
    for (session, owner) in kept {
        assert_eq!(reader.sessions().find_with_user(session.id).await, Ok(Some((session, owner))));
    }
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let (session, token) = session(&ada);
    opened.insert_session(&session, &token).await.unwrap();
    let mut reader = opened.read().await.unwrap();
    assert_eq!(reader.sessions().find_with_user(SessionId::generate()).await, Ok(None));
}

#[tokio::test]
async fn a_session_of_an_unknown_user_is_rejected() {
    let ada = user("ada");
    let opened = Opened::migrated().await;
    let (session, token) = session(&ada);
    let outcome = opened.insert_session(&session, &token).await;
    assert!(matches!(outcome, Err(StorageError::Corrupt(_))), "{outcome:?}");
    opened.insert(&ada).await.unwrap();
    assert_eq!(opened.insert_session(&session, &token).await, Ok(()));
}

#[tokio::test]
async fn a_session_with_an_invalid_token_is_rejected() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let (session, token) = session(&ada);
    for bad in [
        RefreshToken { session_id: SessionId::generate(), ..token.clone() },
        RefreshToken { generation: u32::MAX, ..token.clone() },
    ] {
        let outcome = opened.insert_session(&session, &bad).await;
        assert!(matches!(outcome, Err(StorageError::Corrupt(_))), "{outcome:?}");
        assert_eq!(opened.read().await.unwrap().sessions().find_with_user(session.id).await, Ok(None));
    }
    let token = RefreshToken { generation: i32::MAX.cast_unsigned(), ..token };
    assert_eq!(opened.insert_session(&session, &token).await, Ok(()));
}

#[tokio::test]
async fn digests_that_differ_in_one_bit_are_two_tokens() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let mut digests = vec![[0; 32], [0xff; 32], [b' '; 32], [b'a'; 32], [b'A'; 32]];
    for bit in [0, 7] {
        for index in [0, 15, 31] {
            let mut digest = [b'a'; 32];
            digest[index] ^= 1 << bit;
            digests.push(digest);
        }
    }
    for digest in digests {
        let (session, token) = session(&ada);
        let outcome = opened.insert_session(&session, &RefreshToken { digest, ..token }).await;
        assert_eq!(outcome, Ok(()), "{digest:?}");
    }
}

#[tokio::test]
async fn all_sessions_of_a_user_are_listed_including_ended_ones() {
    let (ada, bob) = (user("ada"), user("bob"));
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let mut kept = Vec::new();
    for number in 0..10 {
        for owner in [&ada, &bob] {
            let (session, token) = session(owner);
            let ended = (number % 3 == 0).then_some((at(9), SessionEnd::Logout));
            // Five sessions share a time; half of them have expired.
            let session = Session { created_at: at(number / 5), expires_at: at(number * 1_000), ended, ..session };
            opened.insert_session(&session, &token).await.unwrap();
            kept.push(session);
        }
    }
    kept.retain(|session| session.user_id == ada.id);
    kept.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    let (mut found, mut start) = (Vec::new(), Start::Skip(0));
    loop {
        let page = PageRequest { start, limit: 3, with_total: false };
        let part = opened.read().await.unwrap().sessions().list(ada.id, &page).await.unwrap();
        found.extend(part.items);
        let Some(next) = part.next else { break };
        start = Start::After(next);
    }
    assert_eq!(found, kept);
}

#[tokio::test]
async fn a_refresh_reads_the_user_and_the_generation_of_its_own_token() {
    let (ada, bob) = (user("ada"), User { is_active: false, ..user("bob") });
    let opened = Opened::with_users(&[&ada, &bob]).await;
    let (first, of_first) = session(&ada);
    let (second, of_second) = session(&bob);
    let of_second = RefreshToken { generation: 7, ..of_second };
    opened.insert_session(&first, &of_first).await.unwrap();
    opened.insert_session(&second, &of_second).await.unwrap();
    let mut reader = opened.read().await.unwrap();
    for (id, token, expected) in [
        (first.id, &of_first, Some((ada.clone(), Some(0)))),
        (second.id, &of_second, Some((bob.clone(), Some(7)))),
        // The session exists, but the token belongs to another one.
        (first.id, &of_second, Some((ada.clone(), None))),
        (SessionId::generate(), &of_first, None),
    ] {
        assert_eq!(reader.sessions().find_for_refresh(id, &token.digest).await, Ok(expected));
    }
}

#[tokio::test]
async fn a_session_is_deleted_only_after_it_has_expired() {
    let ada = user("ada");
    let opened = Opened::with_users(&[&ada]).await;
    let (session, token) = session(&ada);
    let session = Session { expires_at: at(100), ..session };
    opened.insert_session(&session, &token).await.unwrap();
    for (before, deleted) in [(99, 0), (100, 0), (101, 1), (101, 0)] {
        let outcome = opened.transaction(async |tx| tx.sessions().delete_expired(at(before), 10).await).await;
        assert_eq!(outcome, Ok(deleted), "before {before}");
    }
}
