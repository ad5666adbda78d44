//! The contract of every `Store`, on the database that `TEST_DATABASE` names. Tests use the public API; a separate
//! connection inspects and disturbs the database behind it.

#![expect(clippy::unwrap_used, reason = "a failed setup is a failed test")]

mod audit;
mod connecting;
mod contention;
mod count;
mod email_change;
mod hangup;
mod harness;
mod hold;
mod idempotency;
mod item;
mod job;
mod job_end;
mod job_poison;
mod kept;
mod language;
mod list;
mod mail_token;
mod migration;
mod outage;
mod purge;
mod script;
mod search;
mod search_index;
mod search_keys;
mod search_many;
mod session;
mod stopped;
mod tls;
mod transaction;
mod unique;
mod upgrade;
mod user;
mod value;
