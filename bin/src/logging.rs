//! The log: lines on standard error, written by a thread of its own, so that a slow reader slows no request. Lines that find
//! its queue full are lost.

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, Settings};

/// Starts the log. It is written to the end when the guard is dropped.
pub fn start(settings: &Settings) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().thread_name("log").finish(stderr());
    let filter = EnvFilter::new(format!("warn,access={level},keepstone={level}", level = settings.log_level()));
    let layer = fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.log.format {
        LogFormat::Text => registry.with(layer.with_ansi(stderr().is_terminal())).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_current_span(false)).init(),
    }
    guard
}
