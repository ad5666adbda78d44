//! Requests with an idempotency key: one attempt answers, and the stored response never changes.

use keepstone_domain::{Answer, Attempt, Timestamp};
use keepstone_repository::{StorageError, UniqueKey};
use uuid::Uuid;

use crate::harness::{Opened, SOON, at, together};

fn attempt(request: u8) -> Attempt {
    Attempt { request: [request; 32], body: [request ^ 0xff; 32], id: Uuid::now_v7() }
}

fn again(attempt: &Attempt) -> Attempt {
    Attempt { id: Uuid::now_v7(), ..attempt.clone() }
}

fn answer(body: &str) -> Answer {
    Answer { status: 201, location: Some("/items/1".to_owned()), etag: Some("\"1\"".to_owned()), body: body.to_owned() }
}

async fn begin(opened: &Opened, attempt: &Attempt, micros: i64) -> Result<(), StorageError> {
    opened.write().await.unwrap().idempotency().begin(attempt, at(micros)).await
}

async fn find(opened: &Opened, attempt: &Attempt) -> Option<(Attempt, Option<Answer>)> {
    opened.read().await.unwrap().idempotency().find(&attempt.request).await.unwrap()
}

/// Takes over at time 100: attempts begun before 50 are abandoned, responses begun before 20 expired.
async fn take_over(opened: &Opened, attempt: &Attempt) -> bool {
    let mut writer = opened.write().await.unwrap();
    writer.idempotency().take_over(attempt, at(50), at(20), at(100)).await.unwrap()
}

async fn keep(opened: &Opened, attempt: &Attempt, answer: &Answer) -> bool {
    opened.write().await.unwrap().idempotency().answer(attempt, answer).await.unwrap()
}

async fn abandon(opened: &Opened, attempt: &Attempt) {
    opened.write().await.unwrap().idempotency().abandon(attempt).await.unwrap();
}

async fn delete_old(opened: &Opened, before: Timestamp, limit: u32) -> usize {
    opened.write().await.unwrap().idempotency().delete_old(before, limit).await.unwrap()
}

#[tokio::test]
async fn a_request_is_begun_once_until_it_is_abandoned() {
    let opened = Opened::migrated().await;
    let (first, other) = (attempt(1), attempt(2));
    assert_eq!(find(&opened, &first).await, None);
    assert_eq!(begin(&opened, &first, 1).await, Ok(()));
    assert_eq!(find(&opened, &first).await, Some((first.clone(), None)));
    let taken = Err(StorageError::Duplicate { key: UniqueKey::Other });
    for second in [again(&first), first.clone(), Attempt { body: [0; 32], ..again(&first) }] {
        assert_eq!(begin(&opened, &second, 2).await, taken);
    }
    assert_eq!(begin(&opened, &other, 2).await, Ok(()));
    assert_eq!(find(&opened, &first).await, Some((first.clone(), None)));

    abandon(&opened, &again(&first)).await;
    assert_eq!(
        find(&opened, &first).await,
        Some((first.clone(), None)),
        "only the attempt that holds it can abandon it"
    );
    abandon(&opened, &first).await;
    assert_eq!(find(&opened, &first).await, None);
    assert_eq!(find(&opened, &other).await, Some((other, None)));
    assert_eq!(begin(&opened, &again(&first), 3).await, Ok(()));
    opened.assert_whole().await;
}

#[tokio::test]
async fn only_the_attempt_that_holds_a_request_can_answer_it_and_only_once() {
    let opened = Opened::migrated().await;
    let (first, second) = (attempt(1), attempt(1));
    assert!(!keep(&opened, &first, &answer("nothing was begun")).await);
    begin(&opened, &first, 10).await.unwrap();
    assert!(!keep(&opened, &second, &answer("not mine")).await);
    assert!(take_over(&opened, &second).await);
    assert!(!keep(&opened, &first, &answer("too late")).await);
    abandon(&opened, &first).await;
    assert_eq!(find(&opened, &first).await, Some((second.clone(), None)), "another attempt holds it now");
    assert!(keep(&opened, &second, &answer("done")).await);
    assert!(!keep(&opened, &second, &answer("done again")).await);
    abandon(&opened, &second).await;
    assert_eq!(find(&opened, &first).await, Some((second, Some(answer("done")))), "a stored response is not abandoned");
}

#[tokio::test]
async fn a_request_is_taken_over_only_if_it_is_abandoned_or_its_response_has_expired() {
    let opened = Opened::migrated().await;
    // Time of the begin, whether there is a response, whether it is taken over.
    let cases = [
        (50, false, false),
        (99, false, false),
        (49, false, true),
        (20, false, true),
        (19, false, true),
        (-1, false, true),
        (49, true, false),
        (20, true, false),
        (19, true, true),
        (99, true, false),
    ];
    for (number, (begun, is_answered, is_taken)) in (0..).zip(cases) {
        let first = attempt(number);
        begin(&opened, &first, begun).await.unwrap();
        let kept = is_answered.then(|| answer("kept"));
        if let Some(kept) = &kept {
            assert!(keep(&opened, &first, kept).await);
        }
        let next = Attempt { body: [7; 32], ..again(&first) };
        assert_eq!(take_over(&opened, &next).await, is_taken, "{begun} {is_answered}");
        let expected = if is_taken { (next.clone(), None) } else { (first.clone(), kept) };
        assert_eq!(find(&opened, &first).await, Some(expected));
        if is_taken {
            assert!(!take_over(&opened, &again(&first)).await, "it was begun again just now");
        }
    }
    assert!(!take_over(&opened, &attempt(99)).await, "it was never begun");
    assert_eq!(find(&opened, &attempt(99)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_attempts_one_begins_and_one_takes_over() {
    let opened = Opened::migrated().await;
    for round in 0..5 {
        let first = attempt(round);
        let begun = together((0..12).map(|_| {
            let (store, attempt) = (opened.shared(), again(&first));
            async move { (store.write().await.unwrap().idempotency().begin(&attempt, at(1)).await, attempt) }
        }))
        .await;
        let winners: Vec<_> = begun.iter().filter(|(outcome, _)| outcome.is_ok()).collect();
        assert_eq!(winners.len(), 1, "{begun:?}");
        let taken = Err(StorageError::Duplicate { key: UniqueKey::Other });
        assert_eq!(begun.iter().filter(|(outcome, _)| *outcome == taken).count(), 11, "{begun:?}");
        assert_eq!(find(&opened, &first).await, Some((winners[0].1.clone(), None)));

        let taken = together((0..12).map(|_| {
            let (store, attempt) = (opened.shared(), again(&first));
            async move {
                let mut writer = store.write().await.unwrap();
                (writer.idempotency().take_over(&attempt, at(50), at(20), at(100)).await, attempt)
            }
        }))
        .await;
        let winners: Vec<_> = taken.iter().filter(|(outcome, _)| *outcome == Ok(true)).collect();
        assert_eq!(winners.len(), 1, "{taken:?}");
        assert_eq!(find(&opened, &first).await, Some((winners[0].1.clone(), None)));
    }
    opened.assert_whole().await;
}

#[tokio::test]
async fn a_response_is_stored_byte_for_byte() {
    let opened = Opened::migrated().await;
    let long = "\u{10ffff}'\\\"\n".repeat(200_000);
    for (number, text) in
        (0..).zip(["", " ", "\0", "a\0b\u{1f}\u{7f}\u{85}", "'\"`\\ %_! \\u0000 \\N", "\r\n\t \u{feff}\u{202e}", &long])
    {
        let attempt = attempt(number);
        begin(&opened, &attempt, 1).await.unwrap();
        let answer = Answer {
            status: u16::MAX,
            location: Some(text.to_owned()),
            etag: Some(text.to_owned()),
            body: text.to_owned(),
        };
        let answer = if number == 6 { Answer { location: None, etag: None, ..answer } } else { answer };
        assert!(keep(&opened, &attempt, &answer).await);
        assert!(find(&opened, &attempt).await == Some((attempt, Some(answer))), "{number}");
    }
    for bits in [[0xff; 32], [b' '; 32]] {
        let attempt = Attempt { request: bits, body: bits, id: Uuid::max() };
        begin(&opened, &attempt, 1).await.unwrap();
        assert_eq!(find(&opened, &attempt).await, Some((attempt, None)));
    }
}

#[tokio::test]
async fn old_requests_are_deleted_in_batches_oldest_first() {
    let opened = Opened::migrated().await;
    for number in 0..10 {
        begin(&opened, &attempt(number), i64::from(number) * 10).await.unwrap();
    }
    assert_eq!(delete_old(&opened, at(50), 0).await, 0);
    assert_eq!(delete_old(&opened, at(50), 3).await, 3);
    for number in 0..10 {
        assert_eq!(find(&opened, &attempt(number)).await.is_some(), number >= 3, "{number}");
    }
    assert_eq!(delete_old(&opened, at(50), 3).await, 2, "a request begun at exactly that time stays");
    assert_eq!(delete_old(&opened, at(50), u32::MAX).await, 0);
    assert_eq!(delete_old(&opened, at(1000), u32::MAX).await, 5);
    assert_eq!(find(&opened, &attempt(9)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_being_taken_over_is_not_deleted() {
    let opened = Opened::migrated().await;
    if opened.is_sqlite() {
        eprintln!("skipped: SQLite has one writer at a time");
        return;
    }
    let (first, second) = (attempt(1), attempt(1));
    begin(&opened, &first, 1).await.unwrap();
    let mut tx = opened.begin().await.unwrap();
    assert_eq!(tx.idempotency().take_over(&second, at(50), at(20), at(100)).await, Ok(true));
    let store = opened.shared();
    let mut forgetting =
        tokio::spawn(async move { store.write().await.unwrap().idempotency().delete_old(at(50), 10).await });
    // It has read the row before the change, and waits for the lock.
    assert!(tokio::time::timeout(SOON / 10, &mut forgetting).await.is_err(), "there was nothing to wait for");
    tx.commit().await.unwrap();
    assert_eq!(forgetting.await.unwrap(), Ok(0));
    assert_eq!(find(&opened, &second).await, Some((second, None)));
}
