//! A lazily re-armed deadline timer. It is reset only when it fires, or when it must fire earlier, so a deadline that
//! keeps moving into the future costs nothing.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

/// A timer, created on first use.
#[derive(Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Returns whether the timer is set and fires neither before `now` nor after `due`, so it need not be polled again.
    pub fn will_ring(&self, now: Instant, due: Instant) -> bool {
        let rings: Option<Instant> = self.0.as_ref().map(|sleep| sleep.deadline().into());
        rings.is_some_and(|rings| now < rings && rings <= due)
    }

    /// Ready once `due` is reached, which may differ from call to call.
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
