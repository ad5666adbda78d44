//! Keepstone over HTTP: routes, extractors, problems, OpenAPI.
//!
//! A handler declares its authentication, its input, its service and its output. It contains no business rules.

mod accept;
mod audit;
mod auth;
mod client_address;
mod closed_list;
mod code;
mod connection;
mod cors;
mod cursor;
mod deadline;
mod docs;
mod document;
mod edge;
mod etag;
mod example;
mod export;
mod extract;
mod fallback;
mod field;
mod gate;
mod headers;
mod health;
mod html;
mod item;
mod job;
mod layers;
mod letter;
mod log_path;
mod mail_proof;
mod mail_proof_page;
mod once;
mod page;
mod problem;
mod problem_page;
mod query;
mod rate_limit;
mod request_id;
mod respond;
mod server;
mod target;
mod user;

pub use client_address::Network;
pub use code::Code;
pub use connection::ConnectionLimits;
pub use cors::Origins;
pub use cursor::Cursors;
pub use docs::{Script, openapi};
pub use document::DocumentOptions;
pub use respond::TokenCase;
pub use server::{Options, Parts, bind};
