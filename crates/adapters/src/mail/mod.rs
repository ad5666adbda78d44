//! E-mail: the texts ([`Templates`]), and the ways to deliver them. Every header is built from typed values.

mod cause;
mod certificate;
mod compose;
mod connection;
mod file;
mod lines;
mod log;
mod peer;
mod reply;
mod sender;
mod smtp;
mod templates;
mod url;

pub use compose::Composer;
pub use file::FileMailer;
pub use log::LogMailer;
pub use reply::SmtpFailure;
pub use sender::{Sender, SenderError};
pub use smtp::{Patience, SmtpError, SmtpMailer};
pub use templates::{Rendered, TemplateError, Templates};
pub use url::{Encryption, MailUrl, MailUrlError, SmtpUrl};
