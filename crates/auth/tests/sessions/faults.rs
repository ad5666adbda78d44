//! What a store can get wrong, and the rule of `SessionStore` that the suite then names.
//! The rule: each fault is one that a real store has had, or could have by one wrong word.

use keepstone_auth::testing::session_store_contract;

use crate::faulty;

macro_rules! faults {
    ($($fault:ident: $rule:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($fault,)*
        }

        /// Each fault, and words of the rules that it may be caught by.
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
    SubjectKeptInLowerCase: "byte for byte",
    UserAgentCutTo255: "The session with this id",
    UserAgentInAscii: "The session with this id",
    UserAgentTrimmed: "The session with this id",
    UserAgentNullIfEmpty: "The session with this id",
    AddressCutTo39: "The session with this id",
    ClientForgotten: "The session with this id",
    // open
    FirstTokenNotKept: "Keeps a session",
    NewIsUnused: "Keeps a session",
    CapIgnored: "ends the surplus",
    CapIsOneMore: "ends the surplus",
    CapEndsOneAtMost: "ends the surplus",
    CapEndsAsLogout: "ends the surplus",
    CapOnlyTold: "ends the surplus",
    CapNotTold: "ends the surplus",
    CapCountsEverybody: "ends the surplus",
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
    SpentSinceAsked: "The token is consumed",
    RetryKeyForgotten: "The token is consumed",
    SuccessorIsTheTokenItself: "The token is consumed",
    SuccessorAsOldAsItsSession: "The token is consumed",
    SuccessorNeverUsed: "The token is consumed",
    ConsumedAgain: "The token is consumed",
    NeverIdle: "last used before",
    IdleAtTheLimit: "last used before",
    SuccessorNotKept: "Otherwise the token becomes consumed",
    UseNotNoted: "Otherwise the token becomes consumed",
    ExchangeExtends: "Otherwise the token becomes consumed",
    GenerationIsAByte: "Otherwise the token becomes consumed",
    ReplayTouches: "Otherwise the token becomes consumed",
    ReplayStampsAgain: "Only `Done` changes anything",
    ReplayKeepsItsKey: "Only `Done` changes anything",
    IdleTouches: "last used before",
    ExpiredTouches: "last used before",
    EndedTouches: "Only `Done` changes anything",
    ExpiredIsConsumed: "Only `Done` changes anything",
    RacyExchange: "Of any number of exchanges",
    ExchangeInTwoCommits: "entirely or not at all",
    // end
    EndForAnySubject: "Ends the subject's sessions",
    EndOfOneIsOfAll: "Ends the subject's sessions",
    EndSparesNone: "Ends the subject's sessions",
    EndNotTold: "Ends the subject's sessions",
    EndToldAgain: "Ends the subject's sessions",
    EndAgain: "Ends the subject's sessions",
    EndReasonForgotten: "first end stay",
    EndForgetsTokens: "has ended",
    EndRemoves: "The session with this id",
    RacyEnd: "Of any number of calls",
    EndInManyCommits: "entirely or not at all",
    EndInManyCommitsToItsEnd: "entirely or not at all",
    // find, list
    FindsNoEnded: "The session with this id",
    ListsEverybody: "All of the subject's sessions",
    ListsEnded: "All of the subject's sessions",
    ListsExpired: "All of the subject's sessions",
    ListsExpiring: "All of the subject's sessions",
    ListsFifty: "All of the subject's sessions",
    ListsByUse: "The newest comes first",
    ListsIgnoreIds: "The newest comes first",
    ListsOldestFirst: "The newest comes first",
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
async fn a_store_without_a_fault_keeps_every_rule() {
    assert_eq!(faulty::check(None).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_faulty_store_is_caught_and_its_rule_is_named_in_one_line() {
    let mut wrong = Vec::new();
    for (fault, rule) in FAULTS {
        match faulty::check(Some(*fault)).await {
            Ok(()) => wrong.push(format!("{fault:?} was not caught")),
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
#[should_panic(expected = "a session store is tested on several threads: use #[tokio::test(flavor = \"multi_thread\"")]
async fn the_suite_demands_several_threads() {
    session_store_contract(faulty::fixture(None)).await;
}
