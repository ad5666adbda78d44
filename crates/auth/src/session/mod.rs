//! Sessions: a login and every refresh token that follows from it, over any storage.
//! The rule: one atomic exchange decides, and one token never has two successors.
//!
//! A session is a chain of refresh tokens, numbered from 0. Each is good once: [`Sessions::refresh`] consumes it and
//! answers with the next. The [`TokenChain`](crate::token::TokenChain) names them, so the [`SessionStore`] keeps
//! digests only, and a lost answer can be repeated. A consumed token gets:
//!
//! | when it is sent again | answer |
//! |---|---|
//! | with the `Idempotency-Key` of the request that consumed it, within [`retry_window`](SessionPolicy::retry_window) | the same successor, byte for byte |
//! | within [`grace`](SessionPolicy::grace) of being consumed, while its successor is unused | the same successor |
//! | otherwise | [`Reused`](crate::error::RefreshError::Reused), and the session has ended |
//!
//! So two tabs, a retry after a lost answer, or fifty requests at once all get the same next token. A successor that a
//! changed chain secret cannot name again is never replaced by another: that is the last row, too.
//!
//! A refresh has two halves, because the caller looks at its user between them:
//!
//! ```
//! # use keepstone_auth::session::{Client, Grant, MemorySessionStore, SessionPolicy, Sessions};
//! # use keepstone_auth::token::{Issuer, KeySet, Profile, Secret, SigningKey, TokenChain};
//! # use secrecy::ExposeSecret;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = Secret::new("the 32 bytes or more that only the issuer knows")?;
//! # let access = KeySet::new(SigningKey::hs256(&secret));
//! # let refresh = KeySet::new(SigningKey::hs256(&secret.for_refresh_tokens()));
//! # let profile = Profile::new("https://id.example.com", "orders", std::time::Duration::from_secs(1800));
//! # let issuer = Issuer::new(access, refresh, profile)?;
//! # let chain = TokenChain::new(&secret.for_refresh_tokens());
//! # let sessions = Sessions::new(MemorySessionStore::default(), issuer, chain, SessionPolicy::default())?;
//! # let grant = Grant { role: "clerk", scope: "orders:read" };
//! # let login = sessions.open("ada", &grant, Client::default()).await?.tokens;
//! # let sent = login.refresh_token.expose_secret();
//! let presented = sessions.verify_refresh(sent)?; // no I/O: forgeries cost no query
//! let user = presented.subject(); // still active? which role by now?
//! let grant = Grant { role: "manager", scope: "orders:read orders:write" };
//! let key = Some("the request's Idempotency-Key");
//! let pair = sessions.refresh(&presented, &grant, key).await?;
//!
//! // The answer was lost, and the client asks again:
//! let again = sessions.refresh(&sessions.verify_refresh(sent)?, &grant, key).await?;
//! assert_eq!(again.refresh_token.expose_secret(), pair.refresh_token.expose_secret());
//! # Ok(())
//! # }
//! ```

mod memory;
mod pair;
mod policy;
mod record;
mod replay;
mod service;
mod store;

pub use memory::MemorySessionStore;
pub use pair::{Grant, Opened, PresentedToken, TokenPair};
pub use policy::SessionPolicy;
pub use record::{Client, EndReason, EndScope, SessionInfo};
pub use service::Sessions;
pub use store::{Digest, Exchange, Exchanged, NewSession, NextToken, SessionStore, Spent, Successor};
