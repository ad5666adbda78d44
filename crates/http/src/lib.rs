//! Keepstone over HTTP: routes, extractors, problems, OpenAPI.
//!
//! A handler says who may call, what comes in, which service, what goes out. It decides nothing.

mod audit;
mod auth;
mod client_address;
mod code;
mod connection;
mod cursor;
mod deadline;
mod docs;
mod edge;
mod etag;
mod extract;
mod fallback;
mod field;
mod health;
mod item;
mod once;
mod page;
mod problem;
mod query;
mod rate_limit;
mod request_id;
mod respond;
mod server;
mod user;

pub use client_address::Network;
pub use code::Code;
pub use connection::ConnectionLimits;
pub use cursor::Cursors;
pub use docs::openapi;
pub use respond::TokenCase;
pub use server::{Options, Origins, Parts, bind};
