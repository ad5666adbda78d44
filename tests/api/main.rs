//! Keepstone as its clients and operators meet it: the real program, over HTTP and on the command line, on the database
//! that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod audit;
mod auth;
mod body;
mod browser;
mod cli;
mod client;
mod conceal;
mod config;
mod connection;
mod cors;
mod docs;
mod document;
mod email_change;
mod etag;
mod flood;
mod hangup;
mod harness;
mod header;
mod health;
mod house;
mod id;
mod idempotency;
mod item;
mod job;
mod keys;
mod list;
mod login;
mod mail;
mod mail_page;
mod migrate;
mod output;
mod password;
mod password_reset;
mod problem;
mod problem_page;
mod rate_limit;
mod role;
mod scale;
mod schemathesis;
mod search;
mod secret;
mod seed;
mod send_email;
mod session;
mod shutdown;
mod smtp;
mod specs;
mod target;
mod user;
mod user_change;
mod user_delete;
mod user_rights;
mod verify_email;
