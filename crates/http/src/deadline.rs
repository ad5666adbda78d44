//! The deadlines of a request: one for receiving its body, one for everything else. After a deadline the client
//! receives a response, and the handler is dropped, exactly as after a client disconnect.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    web::Bytes,
};
use futures_util::Stream;

use crate::{code::Code, connection::Alarm, problem::Problem};

/// The total time that the application waits for a body. A large body has more time if it arrives at this rate.
const BODY: Duration = Duration::from_secs(10);
const BYTES_PER_SECOND: u64 = 1_024;

/// The deadline of one request.
pub struct Deadline {
    began: Instant,
    patience: Duration,
    /// The progress of the body, if there is one.
    body: Option<Rc<Progress>>,
}

struct Progress {
    patience: Duration,
    /// When the application received the request, or the last part of its body.
    since: Cell<Instant>,
    /// Since when the application has been waiting for more of the body, if it is.
    waiting: Cell<Option<Instant>>,
    waited: Cell<Duration>,
    received: Cell<u64>,
}

impl Deadline {
    /// Creates the deadline of a request that has just begun, and tracks the progress of its body.
    pub fn of(request: &mut ServiceRequest, now: Instant, patience: Duration) -> Self {
        let body = match request.take_payload() {
            Payload::None => None,
            body => {
                let progress = Rc::new(Progress::new(now, patience));
                let body = Body { body, progress: Rc::clone(&progress) };
                request.set_payload(Payload::Stream { payload: Box::pin(body) });
                Some(progress)
            }
        };
        Self { began: now, patience, body }
    }

    /// Runs a future within the deadline.
    pub async fn allow<T>(self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let (mut work, mut alarm) = (pin!(work), Alarm::default());
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => {
                self.due().map_or(Poll::Pending, |due| alarm.poll(context, due).map(|()| Err(self.late())))
            }
        })
        .await
    }

    fn due(&self) -> Option<Instant> {
        self.body.as_ref().map_or_else(|| self.began.checked_add(self.patience), |body| body.due())
    }

    fn late(&self) -> Problem {
        match self.body.as_ref().and_then(|body| body.waiting.get()) {
            Some(_) => Problem::new(Code::RequestTimeout, "The body did not arrive in time"),
            None => Problem::new(Code::Timeout, "The server took too long"),
        }
    }
}

impl Progress {
    fn new(now: Instant, patience: Duration) -> Self {
        Self {
            patience,
            since: Cell::new(now),
            waiting: Cell::new(None),
            waited: Cell::new(Duration::ZERO),
            received: Cell::new(0),
        }
    }

    /// Returns the time of the deadline if there is no progress until then.
    fn due(&self) -> Option<Instant> {
        match self.waiting.get() {
            None => self.since.get().checked_add(self.patience),
            Some(since) => {
                let in_all = BODY + Duration::from_secs(self.received.get() / BYTES_PER_SECOND);
                since.checked_add(in_all.saturating_sub(self.waited.get()))
            }
        }
    }

    fn waits(&self) {
        if self.waiting.get().is_none() {
            self.waiting.set(Some(Instant::now()));
        }
    }

    /// Records received bytes, or the end of the body.
    fn goes_on(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.received.set(self.received.get().saturating_add(bytes));
        if let Some(since) = self.waiting.take() {
            let now = Instant::now();
            self.waited.set(self.waited.get() + (now - since));
            self.since.set(now);
        }
    }
}

/// A body that records its progress.
struct Body {
    body: Payload,
    progress: Rc<Progress>,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.body).poll_next(context);
        match &next {
            Poll::Pending => this.progress.waits(),
            Poll::Ready(Some(Ok(chunk))) => this.progress.goes_on(chunk.len()),
            Poll::Ready(_) => this.progress.goes_on(0),
        }
        next
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.progress.goes_on(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    #[test]
    fn a_body_has_ten_seconds_and_one_more_for_each_kibibyte() {
        let now = Instant::now();
        let progress = Progress::new(now, PATIENCE);
        progress.waiting.set(Some(now));
        assert_eq!(progress.due(), Some(now + BODY));
        progress.received.set(30 * 1_024);
        assert_eq!(progress.due(), Some(now + BODY + Duration::from_secs(30)));
        progress.waited.set(Duration::from_secs(35));
        assert_eq!(progress.due(), Some(now + Duration::from_secs(5)), "earlier waits count");
    }

    #[test]
    fn the_time_of_the_application_starts_after_the_body() {
        let before = Instant::now();
        let progress = Progress::new(before, PATIENCE);
        assert_eq!(progress.due(), Some(before + PATIENCE));
        progress.waits();
        progress.goes_on(5);
        assert!(progress.waiting.get().is_none());
        assert!(progress.due() > Some(before + PATIENCE));
    }

    #[test]
    fn an_unlimited_time_has_no_deadline() {
        let progress = Progress::new(Instant::now(), Duration::MAX);
        assert_eq!(progress.due(), None);
    }
}
