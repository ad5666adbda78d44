//! Keepstone as its clients and operators meet it: the real program, over HTTP and on the command line, on the database
//! that `TEST_DATABASE` names.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod audit;
mod auth;
mod body;
mod browser;
mod cli;
mod client;
mod config;
mod connection;
mod cors;
mod docs;
mod flood;
mod hangup;
mod harness;
mod header;
mod health;
mod house;
mod keys;
mod login;
mod migrate;
mod output;
mod password;
mod problem;
mod problem_page;
mod rate_limit;
mod scale;
mod secret;
mod session;
mod shutdown;
mod specs;
mod target;
mod user;
