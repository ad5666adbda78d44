//! E-mail: what a letter says ([`Letters`]), and the ways to hand it over. What goes into a header is a typed value, always.

mod compose;
mod connection;
mod file;
mod letters;
mod lines;
mod log;
mod reply;
mod sender;
mod smtp;
mod url;

pub use compose::Composer;
pub use file::FileMailer;
pub use letters::{Letters, Rendered, TemplateError};
pub use log::LogMailer;
pub use sender::{Sender, SenderError};
pub use smtp::{Patience, SmtpError, SmtpMailer};
pub use url::{Encryption, MailUrl, MailUrlError, SmtpUrl};
