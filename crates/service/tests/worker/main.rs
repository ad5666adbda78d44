//! The worker over a real database, the one that `TEST_DATABASE` names: every job is executed by one worker, even if
//! others fail, hang, panic or die.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod account;
mod failing;
mod harness;
mod poison;
mod sending;
mod stopping;
