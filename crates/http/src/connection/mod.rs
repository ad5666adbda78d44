//! The limits of connections: the time without progress, and the number of simultaneous connections.
//!
//! actix has timeouts only for the first head of a connection and for idle connections. So [`serve`] builds a server
//! from the parts of `HttpServer`, with a [`Stream`](stream::Stream) of this crate between the socket and actix.
//! [`Connection`](state::Connection) records all events of a connection. Each connection has one timer, which is rarely
//! reset and checks there whether the connection is overdue.
//! `deadline.rs` limits the time of the application.

mod alarm;
mod limits;
mod places;
mod refusal;
mod server;
mod state;
mod stream;

pub use alarm::Alarm;
pub use limits::ConnectionLimits;
pub use server::{Door, serve};
