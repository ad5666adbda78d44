//! A timer for moments that mostly move away before they come: it is set anew only when it rings, or when it must ring
//! earlier. So a request that is answered soon costs no timer at all.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

/// One timer. It is made when it is first needed.
#[derive(Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether it is set, and rings neither before `now` nor after `due`. Then there is no need to poll it again.
    pub fn will_ring(&self, now: Instant, due: Instant) -> bool {
        let rings: Option<Instant> = self.0.as_ref().map(|sleep| sleep.deadline().into());
        rings.is_some_and(|rings| now < rings && rings <= due)
    }

    /// Ready once this moment has come. It may be another each time.
    pub fn poll(&mut self, context: &mut Context<'_>, due: Instant) -> Poll<()> {
        let due = due.into();
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if due < sleep.deadline() {
            sleep.as_mut().reset(due);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}
