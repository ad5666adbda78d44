//! Clock, rate limits and mail: every port of Keepstone except the database.

mod clock;
mod login_throttle;
mod mail;
mod rate_limit;
mod table;
mod uptime;

pub use clock::SystemClock;
pub use login_throttle::ProcessLoginThrottle;
pub use mail::{
    Composer, Encryption, FileMailer, LogMailer, MailUrl, MailUrlError, Patience, Rendered, Sender, SenderError,
    SmtpError, SmtpFailure, SmtpMailer, SmtpUrl, TemplateError, Templates,
};
pub use rate_limit::ProcessRateLimiter;
