//! What any `Store` must do, on the database that `TEST_DATABASE` names. Everything goes through the public API; what
//! is behind it, a test looks at and disturbs over a connection of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

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
