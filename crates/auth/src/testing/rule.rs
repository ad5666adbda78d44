//! The rules of [`SessionStore`](crate::session::SessionStore), as its documentation states them. A broken rule is
//! reported in one line.

use std::error::Error;
use std::fmt::{self, Debug, Display};

/// A rule of [`SessionStore`](crate::session::SessionStore) that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRule {
    rule: Rule,
    detail: String,
}

impl BrokenRule {
    /// Returns the rule, word for word from the documentation.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule.statement().1
    }
}

impl Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, text) = self.rule.statement();
        // Database errors may have several lines.
        let detail = self.detail.replace(['\r', '\n'], " ");
        write!(f, "SessionStore{method} breaks the rule \"{text}\": {detail}")
    }
}

impl Error for BrokenRule {}

pub(super) type Checked<T = ()> = Result<T, BrokenRule>;

macro_rules! rules {
    ($($name:ident = $method:literal, $text:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Rule {
            $($name,)*
        }

        impl Rule {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the method, and the rule in its documentation.
            const fn statement(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($method, $text),)*
                }
            }
        }
    };
}

rules! {
    NoErrors = "", "An error means that nothing has changed.";
    Times = "", "Times are whole microseconds since 1970 and are returned exactly.";
    Subjects = "", "Subjects are compared byte for byte.";
    Whole = "", "A method takes effect entirely or not at all.";
    OpenKeeps = "::open", "Stores a session and its first token, generation 0, unconsumed.";
    OpenCap = "::open", "If the subject then has more than `cap` live sessions, ends the surplus and returns it.";
    OpenOldest = "::open", "The surplus is the oldest by `created_at`, then by id, and never the new session.";
    OpenLive = "::open", "A live session has not ended and expires after the `created_at` of the new one.";
    Unknown = "::exchange", "No such session, or no such token in it: [`Exchanged::Unknown`].";
    Ended = "::exchange", "The session has ended: [`Exchanged::Ended`].";
    Expired = "::exchange", "The session expires at or before `now`: [`Exchanged::Expired`].";
    Spent = "::exchange", "The token is consumed: [`Exchanged::Spent`], with its stored data.";
    Idle = "::exchange", "The session was last used before `used_since`: [`Exchanged::Expired`].";
    Done = "::exchange", "Otherwise the token becomes consumed and its successor is stored: [`Exchanged::Done`].";
    Refusals = "::exchange", "Only `Done` changes anything.";
    Once = "::exchange", "Of any number of concurrent exchanges of one token, exactly one is `Done`.";
    EndWhich = "::end", "Ends the subject's sessions that the scope contains and that have not ended, and returns them.";
    EndOnce = "::end", "Of any number of concurrent calls, exactly one returns a session.";
    EndStays = "::end", "Time and reason of the first end are retained, and so are the tokens.";
    Find = "::find", "Returns the session with this id, live or not, until it is removed.";
    ListWhich = "::list", "Returns all of the subject's sessions that have not ended and expire after `now`.";
    ListOrder = "::list", "The order is newest first, by `created_at`, then by id.";
    RemoveWhich = "::remove_expired", "Removes sessions that expire before `before`, with all their tokens, and nothing else.";
    RemoveLimit = "::remove_expired", "Removes as many as exist, but at most `limit`, and returns their number.";
}

impl Rule {
    pub(super) fn is<T: Debug + PartialEq>(self, found: T, expected: T, case: &str) -> Checked {
        self.holds(found == expected, || format!("{case}: expected {expected:?}, found {found:?}"))
    }

    pub(super) fn holds(self, holds: bool, detail: impl FnOnce() -> String) -> Checked {
        if holds { Ok(()) } else { Err(BrokenRule { rule: self, detail: detail() }) }
    }

    pub(super) fn breaks(self, detail: String) -> BrokenRule {
        BrokenRule { rule: self, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn every_rule_is_quoted_word_for_word_from_the_documentation() {
        let lines = include_str!("../session/store.rs").lines().filter_map(|line| line.trim().strip_prefix("///"));
        let documentation = lines.map(str::trim).collect::<Vec<_>>().join(" ");
        for rule in Rule::ALL {
            assert!(documentation.contains(rule.statement().1), "{rule:?}: {}", rule.statement().1);
        }
    }
}
