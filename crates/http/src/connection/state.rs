//! The state of a connection and its timeouts. The stream reports reads and writes, the server reports the begin and
//! the end of each request; nothing else changes the state.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::alarm::Alarm;

/// The time from one response to the end of the next head. actix closes a connection after 5 seconds without any bytes.
const NEXT_HEAD: Duration = Duration::from_secs(10);
/// The timeout for a peer that does not read its response. The kernel reports progress in large steps, so this is
/// generous.
const UNREAD: Duration = Duration::from_secs(20);
/// The time for a peer to close after an error response.
const LEAVING: Duration = Duration::from_secs(2);

/// The timing state of a connection. It stays on one thread.
pub struct Connection {
    /// The address of the peer.
    pub peer: Option<SocketAddr>,
    phase: Cell<Phase>,
    /// The time of the last progress. `moved` is set by progress since then.
    since: Cell<Instant>,
    moved: Cell<bool>,
    /// Whether bytes of the next head have arrived.
    begun: Cell<bool>,
    /// Whether the next bytes written may belong to a response of the application.
    owes: Cell<bool>,
    /// Whether a write is blocked because the peer does not read.
    stalled: Cell<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The next head is due.
    Waiting,
    /// The application handles a request, or its response is being sent.
    Answering,
    /// The connection was switched to another protocol (101), which has its own timeouts.
    Upgraded,
    /// The last response of the connection is being sent, or was sent.
    Leaving,
    /// The next head did not arrive in time; the peer is to receive a 408.
    Late,
}

impl Connection {
    pub fn new(peer: Option<SocketAddr>) -> Self {
        Self {
            peer,
            phase: Cell::new(Phase::Waiting),
            since: Cell::new(Instant::now()),
            moved: Cell::new(false),
            begun: Cell::new(false),
            owes: Cell::new(false),
            stalled: Cell::new(false),
        }
    }

    /// Marks a request as handled by the application until the returned guard is dropped.
    pub fn request(self: &Rc<Self>) -> Request {
        self.enter(Phase::Answering);
        self.begun.set(false);
        self.owes.set(true);
        Request(Rc::clone(self))
    }

    /// Marks the connection as closing after the current response.
    pub fn leave(&self) {
        self.enter(Phase::Leaving);
    }

    /// Records that bytes were read.
    pub fn heard(&self) {
        if self.phase.get() == Phase::Waiting {
            self.begun.set(true);
        }
    }

    /// Records that bytes were written.
    pub fn told(&self) {
        self.stalled.set(false);
        self.moved.set(true);
    }

    /// Records that a write was blocked.
    pub fn stall(&self) {
        if !self.stalled.replace(true) {
            self.moved.set(true);
        }
    }

    /// Records that all pending bytes were written.
    pub fn flushed(&self) {
        if self.phase.get() == Phase::Waiting {
            self.owes.set(false);
        }
    }

    /// Returns whether the next bytes written may belong to a response of the application. If not, they are a response
    /// that actix generated.
    pub fn owes(&self) -> bool {
        self.owes.get()
    }

    /// Returns whether the peer is to receive a 408 because its head was too late.
    pub fn is_late(&self) -> bool {
        self.phase.get() == Phase::Late
    }

    /// Ready when the connection has been without progress for too long. Must be polled after every event.
    pub fn poll_overdue(&self, context: &mut Context<'_>, alarm: &mut Alarm) -> Poll<()> {
        loop {
            let moved = self.moved.take();
            if moved {
                self.since.set(Instant::now());
            }
            let Some(patience) = self.patience() else { return Poll::Pending };
            let due = self.since.get() + patience;
            // The usual case: there was progress, and the timer already fires early enough.
            if moved && alarm.will_ring(self.since.get(), due) || alarm.poll(context, due).is_pending() {
                return Poll::Pending;
            }
            // A peer that has begun a request receives a 408. One that has not would not expect a response.
            if self.phase.get() != Phase::Waiting || !self.begun.get() || self.stalled.get() {
                return Poll::Ready(());
            }
            self.enter(Phase::Late);
            context.waker().wake_by_ref();
        }
    }

    /// The timeout of the current phase; `None` if it has none here.
    fn patience(&self) -> Option<Duration> {
        match self.phase.get() {
            Phase::Leaving | Phase::Late => Some(LEAVING),
            Phase::Waiting | Phase::Answering if self.stalled.get() => Some(UNREAD),
            Phase::Waiting => Some(NEXT_HEAD),
            Phase::Answering | Phase::Upgraded => None,
        }
    }

    /// Enters a phase. `Leaving` is terminal.
    fn enter(&self, phase: Phase) {
        if self.phase.get() != Phase::Leaving {
            self.phase.set(phase);
            self.moved.set(true);
        }
    }
}

/// A guard for a request in progress, held until its response has been handed to actix.
pub struct Request(Rc<Connection>);

impl Request {
    /// Records that the connection was switched to another protocol, to which no timeouts apply.
    pub fn upgrade(&self) {
        self.0.enter(Phase::Upgraded);
    }

    /// Marks the response as the last one of its connection.
    pub fn leave(&self) {
        self.0.leave();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.0.phase.get() == Phase::Answering {
            self.0.enter(Phase::Waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_apply_only_while_waiting_for_the_peer() {
        let connection = Rc::new(Connection::new(None));
        assert_eq!(connection.patience(), Some(NEXT_HEAD));
        let request = connection.request();
        assert_eq!(connection.patience(), None, "the application has its own deadline");
        connection.stall();
        assert_eq!(connection.patience(), Some(UNREAD));
        connection.told();
        drop(request);
        assert_eq!(connection.patience(), Some(NEXT_HEAD));
    }

    #[test]
    fn an_upgraded_connection_has_no_timeout() {
        let connection = Rc::new(Connection::new(None));
        let request = connection.request();
        request.upgrade();
        connection.stall();
        assert_eq!(connection.patience(), None);
        drop(request);
        connection.flushed();
        assert_eq!(connection.patience(), None);
        assert!(connection.owes(), "the bytes are not a response generated by actix");
    }

    #[test]
    fn leaving_is_terminal() {
        let connection = Rc::new(Connection::new(None));
        connection.leave();
        drop(connection.request());
        connection.stall();
        assert_eq!(connection.patience(), Some(LEAVING));
    }

    #[test]
    fn a_response_generated_by_actix_is_distinguished_from_one_of_the_application() {
        let connection = Rc::new(Connection::new(None));
        assert!(!connection.owes());
        let request = connection.request();
        connection.flushed();
        assert!(connection.owes(), "the response is not complete yet");
        drop(request);
        assert!(connection.owes(), "the response has not been written yet");
        connection.flushed();
        assert!(!connection.owes());
    }
}
