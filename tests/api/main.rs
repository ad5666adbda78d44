//! Keepstone as its clients and operators meet it: the real program, over HTTP and on the command line, on the database
//! that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod audit;
mod auth;
mod backup;
mod body;
mod browser;
mod cli;
mod client;
mod completions;
mod config;
mod connection;
mod cors;
mod docs;
mod doctor;
mod document;
mod etag;
mod flood;
mod hangup;
mod harness;
mod header;
mod health;
mod house;
mod id;
mod idempotency;
mod import;
mod item;
mod keys;
mod list;
mod login;
mod migrate;
mod output;
mod password;
mod problem;
mod problem_page;
mod rate_limit;
mod role;
mod scale;
mod schemathesis;
mod search;
mod secret;
mod seed;
mod session;
mod shutdown;
mod specs;
mod target;
mod terminal;
mod user;
mod user_change;
mod user_delete;
mod user_rights;
