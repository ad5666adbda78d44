//! The quota of each rate limit, such as `10/m`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::problems::{Wrong, quoted};
use super::values::shown;
use keepstone_service::{Limit, Quota};

/// The key of each limit.
pub(super) const RATE_LIMITS: [(&str, Limit); 10] = [
    ("rate_limit.login", Limit::Login),
    ("rate_limit.register", Limit::Register),
    ("rate_limit.refresh", Limit::Refresh),
    ("rate_limit.refresh_request", Limit::RefreshRequest),
    ("rate_limit.password", Limit::Password),
    ("rate_limit.session", Limit::Session),
    ("rate_limit.mailbox", Limit::Mailbox),
    ("rate_limit.email_change", Limit::EmailChange),
    ("rate_limit.send_email", Limit::Letter),
    ("rate_limit.export", Limit::Export),
];

/// The upper bounds: more requests are not a limit, and a longer period outlives the process that counts.
const MOST: u32 = 1_000_000;
const LONGEST: Duration = Duration::from_hours(24 * 30);

/// Parses `10/m`, `5/15m`, `100 per hour` or `off`.
pub(super) fn quota(text: &str) -> Result<Option<Quota>, Wrong> {
    let text = text.to_ascii_lowercase();
    if text == "off" {
        return Ok(None);
    }
    let wrong = |why: &str| {
        let fix = "write NUMBER/UNIT with a unit of s, m, h or d, such as 10/m or 5/15m, or off for no limit";
        Wrong::new(format!("{} {why}", quoted(&text)), fix)
    };
    let parts = text.split_once('/').or_else(|| text.split_once(" per "));
    let (amount, period) = parts.ok_or_else(|| wrong("is not a rate"))?;
    let amount: NonZeroU32 = amount.trim().parse().map_err(|_| wrong("has no number of requests, of at least 1"))?;
    let period = period_of(period.trim()).ok_or_else(|| wrong("has no period"))?;
    if amount.get() > MOST || period.is_zero() || period > LONGEST {
        let longest = shown(LONGEST);
        return Err(wrong(&format!("is out of range: at most {MOST} requests, in a period from 1s to {longest}")));
    }
    Ok(Some(Quota { amount, period }))
}

/// Parses `m`, `minute`, `15m` or `15 minutes`.
fn period_of(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    let number: u64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    number.checked_mul(seconds).map(Duration::from_secs)
}
