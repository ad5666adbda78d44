//! The faults that a store can have, and the rule of `SessionStore` that the suite then names. Each fault has occurred
//! in a real store, or could result from a small mistake.

use keepstone_auth::testing::session_store_contract;

use crate::faulty;

macro_rules! faults {
    ($($fault:ident: $rule:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($fault,)*
        }

        /// Each fault, with a part of the rule that detects it.
        const FAULTS: &[(Fault, &str)] = &[$((Fault::$fault, $rule),)*];
    };
}

faults! {
    // Times, subjects, clients
    TimesInMillis: "returned exactly",
    TimesInSeconds: "returned exactly",
    SubjectFolded: "byte for byte",
    SubjectTrimmed: "byte for byte",
    SubjectCutTo32: "byte for byte",
    SubjectCutTo254: "byte for byte",
    SubjectIsAPattern: "byte for byte",
    SubjectStoredInLowerCase: "byte for byte",
    UserAgentCutTo255: "Returns the session with this id",
    UserAgentInAscii: "Returns the session with this id",
    UserAgentTrimmed: "Returns the session with this id",
    UserAgentNullIfEmpty: "Returns the session with this id",
    AddressCutTo39: "Returns the session with this id",
    ClientNotStored: "Returns the session with this id",
    // open
    FirstTokenNotStored: "Stores a session",
    NewIsUnused: "Stores a session",
    CapIgnored: "ends the surplus",
    CapIsOneMore: "ends the surplus",
    CapEndsOneAtMost: "ends the surplus",
    CapEndsAsLogout: "ends the surplus",
    CapOnlyReported: "ends the surplus",
    CapNotReported: "ends the surplus",
    CapCountsAllSubjects: "ends the surplus",
    CapCountsEnded: "ends the surplus",
    CapCountsExpired: "ends the surplus",
    CapCountsExpiring: "ends the surplus",
    CapEndsLeastUsed: "The surplus is the oldest",
    CapEndsTheNewest: "The surplus is the oldest",
    CapIgnoresIds: "The surplus is the oldest",
    CapMayEndTheNew: "The surplus is the oldest",
    OpenInTwoCommits: "entirely or not at all",
    CapInACommitOfItsOwn: "entirely or not at all",
    // exchange
    UnknownIsExpired: "No such session",
    AnySessionsToken: "No such session",
    EndedBeforeUnknown: "No such session",
    EndsNothing: "has ended",
    ExpiredBeforeEnded: "has ended",
    SpentBeforeEnded: "expires at or before",
    IdleBeforeEnded: "The token is consumed",
    SpentBeforeExpired: "expires at or before",
    LivesAtItsEnd: "expires at or before",
    IdleBeforeSpent: "The token is consumed",
    SpentSinceRequest: "The token is consumed",
    RetryKeyNotStored: "The token is consumed",
    SuccessorIsTheTokenItself: "The token is consumed",
    SuccessorAsOldAsItsSession: "The token is consumed",
    SuccessorNeverUsed: "The token is consumed",
    ConsumedAgain: "The token is consumed",
    NeverIdle: "last used before",
    IdleAtTheLimit: "last used before",
    SuccessorNotStored: "Otherwise the token becomes consumed",
    UseNotRecorded: "Otherwise the token becomes consumed",
    ExchangeExtends: "Otherwise the token becomes consumed",
    GenerationIsAByte: "Otherwise the token becomes consumed",
    ReplayTouches: "Otherwise the token becomes consumed",
    ReplayStampsAgain: "Only `Done` changes anything",
    ReplayStoresItsKey: "Only `Done` changes anything",
    IdleTouches: "last used before",
    ExpiredTouches: "last used before",
    EndedTouches: "Only `Done` changes anything",
    ExpiredIsConsumed: "Only `Done` changes anything",
    RacyExchange: "Of any number of concurrent exchanges",
    ExchangeInTwoCommits: "entirely or not at all",
    // end
    EndForAnySubject: "Ends the subject's sessions",
    EndOfOneIsOfAll: "Ends the subject's sessions",
    EndSparesNone: "Ends the subject's sessions",
    EndNotReported: "Ends the subject's sessions",
    EndReportedAgain: "Ends the subject's sessions",
    EndAgain: "Ends the subject's sessions",
    EndReasonNotStored: "first end are retained",
    EndRemovesTokens: "has ended",
    EndRemoves: "Returns the session with this id",
    RacyEnd: "Of any number of concurrent calls",
    EndInManyCommits: "entirely or not at all",
    EndInManyCommitsToItsEnd: "entirely or not at all",
    // find, list
    FindsNoEnded: "Returns the session with this id",
    ListsAllSubjects: "Returns all of the subject's sessions",
    ListsEnded: "Returns all of the subject's sessions",
    ListsExpired: "Returns all of the subject's sessions",
    ListsExpiring: "Returns all of the subject's sessions",
    ListsFifty: "Returns all of the subject's sessions",
    ListsByUse: "The order is newest first",
    ListsIgnoreIds: "The order is newest first",
    ListsOldestFirst: "The order is newest first",
    // remove_expired
    RemovesAtTheLimit: "and nothing else",
    RemovesEnded: "and nothing else",
    RemovesSpentTokens: "and nothing else",
    TokensStay: "and nothing else",
    RemovesNone: "and nothing else",
    RemoveIgnoresLimit: "at most `limit`",
    RemovesOneMore: "at most `limit`",
    RemovesOneLess: "at most `limit`",
    RemovalsNotCounted: "and nothing else",
    RemovesInManyCommits: "entirely or not at all",
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_without_a_fault_breaks_no_rule() {
    assert_eq!(faulty::check(None).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_is_detected_and_its_rule_is_named_in_one_line() {
    let mut wrong = Vec::new();
    for (fault, rule) in FAULTS {
        match faulty::check(Some(*fault)).await {
            Ok(()) => wrong.push(format!("{fault:?} was not detected")),
            Err(broken) => {
                let line = broken.to_string();
                if !broken.rule().contains(rule) || line.lines().count() != 1 || !line.contains(broken.rule()) {
                    wrong.push(format!("{fault:?}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "SessionStore::open breaks the rule \"If the subject then has more")]
async fn the_suite_panics_with_the_broken_rule() {
    session_store_contract(faulty::fixture(Some(Fault::CapIgnored))).await;
}

#[tokio::test]
#[should_panic(
    expected = "the suite for session stores requires several threads: use #[tokio::test(flavor = \"multi_thread\""
)]
async fn the_suite_requires_several_threads() {
    session_store_contract(faulty::fixture(None)).await;
}
