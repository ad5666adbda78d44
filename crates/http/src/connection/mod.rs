//! What a connection may take: how long it may go without progress, and how many there may be at once.
//!
//! actix times the first head of a connection and the silence between two requests, and nothing else. So [`serve`] puts
//! a server together from the parts that `HttpServer` is made of, with a [`Stream`](stream::Stream) of ours between the
//! socket and actix. Everything that happens on a connection is noted in one place, [`Connection`](state::Connection),
//! and one timer for each connection, which is hardly ever moved, asks there whether it has waited too long.
//! What happens inside the application is not the connection's business: see `deadline.rs`.

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
