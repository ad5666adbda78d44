//! What Keepstone talks to besides its database: the clock and the limits now, and mail, caches, events and files as they come.

mod clock;
mod login_throttle;
mod rate_limit;
mod table;
mod uptime;

pub use clock::SystemClock;
pub use login_throttle::ProcessLoginThrottle;
pub use rate_limit::ProcessRateLimiter;
