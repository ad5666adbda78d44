//! The log: lines on standard error, written by a separate thread, so a slow reader does not delay requests. Lines are
//! dropped while its queue is full.

use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, LogLevel, Settings};

/// The number of lines that may wait. The memory is allocated at start: the default, 128,000, would cost 4 MiB.
const QUEUE: usize = 8_192;

/// Starts the log. Dropping the guard writes the lines that still wait.
pub fn start(settings: &Settings) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().thread_name("log").buffered_lines_limit(QUEUE).finish(stderr());
    let level = level(settings.log_level());
    let filter =
        Targets::new().with_default(Level::WARN.min(level)).with_targets([("access", level), ("keepstone", level)]);
    let layer = fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.log.format {
        LogFormat::Text => registry.with(layer.with_ansi(stderr().is_terminal())).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_current_span(false)).init(),
    }
    guard
}

const fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Trace => Level::TRACE,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    }
}
