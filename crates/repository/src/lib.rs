//! Keepstone's storage interface: traits only, no implementation.
//!
//! Repositories write, services commit. A repository never decides whether a change is committed.

mod audit;
mod email_change;
mod error;
mod idempotency;
mod item;
mod job;
mod mail_token;
mod session;
mod store;
mod user;

pub use audit::AuditRepository;
pub use email_change::EmailChangeRepository;
pub use error::{Result, StorageError, UniqueKey};
pub use idempotency::IdempotencyRepository;
pub use item::ItemRepository;
pub use job::JobRepository;
pub use mail_token::MailTokenRepository;
pub use session::SessionRepository;
pub use store::{Repositories, Store, Transaction, UnitOfWork, Work};
pub use user::{Insertion, Purged, UserRepository};
