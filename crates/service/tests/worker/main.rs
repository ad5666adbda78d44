//! The worker over a real database, the one that `TEST_DATABASE` names: every job is done, by one, whoever fails,
//! hangs, panics or dies meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod account;
mod failing;
mod harness;
mod poison;
mod sending;
mod stopping;
