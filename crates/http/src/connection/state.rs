//! What a connection is doing, and how long it may go on doing that. It is told by the stream what goes in and out, and
//! by the server when a request begins and ends; nobody else decides.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::alarm::Alarm;

/// From one answer to the end of the next head. actix ends a connection after 5 seconds in which nothing comes at all.
const NEXT_HEAD: Duration = Duration::from_secs(10);
/// For a peer that takes nothing of its answer. The kernel tells of progress in large steps, so this is generous.
const UNREAD: Duration = Duration::from_secs(20);
/// For a peer that has been told to go.
const LEAVING: Duration = Duration::from_secs(2);

/// One connection, as far as time is concerned. It stays on one thread.
pub struct Connection {
    /// Who is at the other end.
    pub peer: Option<SocketAddr>,
    phase: Cell<Phase>,
    /// When something last went forward, and whether it has again since.
    since: Cell<Instant>,
    moved: Cell<bool>,
    /// Whether something of the next head has come.
    begun: Cell<bool>,
    /// Whether what is written next may be part of an answer of the application.
    owes: Cell<bool>,
    /// Whether the peer does not take what is written.
    stalled: Cell<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The next head is due.
    Waiting,
    /// A request is with the application, or its answer is on the way.
    Answering,
    /// It speaks another protocol by now, and minds its own time.
    Upgraded,
    /// It has been refused, and told so.
    Leaving,
    /// The next head did not come in time; the peer is to be told.
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

    /// A request is with the application until the guard is dropped.
    pub fn request(self: &Rc<Self>) -> Request {
        self.enter(Phase::Answering);
        self.begun.set(false);
        self.owes.set(true);
        Request(Rc::clone(self))
    }

    /// The peer has been told to go, or is about to be.
    pub fn leave(&self) {
        self.enter(Phase::Leaving);
    }

    /// Bytes came in.
    pub fn heard(&self) {
        if self.phase.get() == Phase::Waiting {
            self.begun.set(true);
        }
    }

    /// Bytes went out.
    pub fn told(&self) {
        self.stalled.set(false);
        self.moved.set(true);
    }

    /// No byte went out.
    pub fn stall(&self) {
        if !self.stalled.replace(true) {
            self.moved.set(true);
        }
    }

    /// All that there was to write has gone out.
    pub fn flushed(&self) {
        if self.phase.get() == Phase::Waiting {
            self.owes.set(false);
        }
    }

    /// Whether what is written next may be part of an answer of the application. If not, actix has something to say.
    pub fn owes(&self) -> bool {
        self.owes.get()
    }

    /// Whether the peer is to be told that its head came too late.
    pub fn is_late(&self) -> bool {
        self.phase.get() == Phase::Late
    }

    /// Ready when the connection has gone without progress for too long. To be asked whenever anything has happened.
    pub fn poll_overdue(&self, context: &mut Context<'_>, alarm: &mut Alarm) -> Poll<()> {
        loop {
            let moved = self.moved.take();
            if moved {
                self.since.set(Instant::now());
            }
            let Some(patience) = self.patience() else { return Poll::Pending };
            let due = self.since.get() + patience;
            // Almost always: something has happened, and the alarm is set to a time before it matters.
            if moved && alarm.will_ring(self.since.get(), due) || alarm.poll(context, due).is_pending() {
                return Poll::Pending;
            }
            // Who has begun a request is told what was wrong with it. Who has not would not understand.
            if self.phase.get() != Phase::Waiting || !self.begun.get() || self.stalled.get() {
                return Poll::Ready(());
            }
            self.enter(Phase::Late);
            context.waker().wake_by_ref();
        }
    }

    /// How long this may go on; `None`: others see to that.
    fn patience(&self) -> Option<Duration> {
        match self.phase.get() {
            Phase::Leaving | Phase::Late => Some(LEAVING),
            Phase::Waiting | Phase::Answering if self.stalled.get() => Some(UNREAD),
            Phase::Waiting => Some(NEXT_HEAD),
            Phase::Answering | Phase::Upgraded => None,
        }
    }

    /// Nothing leads back from leaving.
    fn enter(&self, phase: Phase) {
        if self.phase.get() != Phase::Leaving {
            self.phase.set(phase);
            self.moved.set(true);
        }
    }
}

/// A request that is with the application, until its answer has been handed over.
pub struct Request(Rc<Connection>);

impl Request {
    /// From now on its connection speaks another protocol, and time is none of our business.
    pub fn upgrade(&self) {
        self.0.enter(Phase::Upgraded);
    }

    /// Its answer is the last of its connection.
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
    fn only_who_is_waited_for_is_short_of_time() {
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
    fn a_connection_that_speaks_another_protocol_is_left_alone() {
        let connection = Rc::new(Connection::new(None));
        let request = connection.request();
        request.upgrade();
        connection.stall();
        assert_eq!(connection.patience(), None);
        drop(request);
        connection.flushed();
        assert_eq!(connection.patience(), None);
        assert!(connection.owes(), "what is written is not actix's");
    }

    #[test]
    fn nothing_keeps_a_connection_that_was_told_to_go() {
        let connection = Rc::new(Connection::new(None));
        connection.leave();
        drop(connection.request());
        connection.stall();
        assert_eq!(connection.patience(), Some(LEAVING));
    }

    #[test]
    fn what_actix_says_by_itself_is_told_from_an_answer() {
        let connection = Rc::new(Connection::new(None));
        assert!(!connection.owes());
        let request = connection.request();
        connection.flushed();
        assert!(connection.owes(), "there is more to come of this answer");
        drop(request);
        assert!(connection.owes(), "it has yet to be written");
        connection.flushed();
        assert!(!connection.owes());
    }
}
