//! Sessions with refresh-token rotation, over any storage.
//!
//! A session is a chain of refresh tokens, numbered from 0. Each token can be exchanged once: [`Sessions::refresh`]
//! consumes it and returns its successor. The exchange is atomic, and a token never has two successors.
//!
//! The [`TokenChain`](crate::token::TokenChain) derives the ids of the tokens. The [`SessionStore`] therefore stores
//! only digests, and a lost response can be repeated. The result for a token that was consumed before:
//!
//! | Condition | Result |
//! |---|---|
//! | sent with the `Idempotency-Key` of the request that consumed it, within [`retry_window`](SessionPolicy::retry_window) | the same successor, byte for byte |
//! | sent within [`grace`](SessionPolicy::grace) after it was consumed, while its successor is unused | the same successor |
//! | otherwise | [`Reused`](crate::error::RefreshError::Reused), and the session ends |
//!
//! Two tabs, a retry after a lost response, and fifty concurrent requests therefore receive the same successor. After a
//! change of the chain secret, the id of an earlier successor cannot be derived again. A retry then never returns a
//! different successor: the last row of the table applies.
//!
//! A refresh has two steps, so that the caller can look up the user in between:
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
//! let presented = sessions.verify_refresh(sent)?; // no I/O: a forged token costs no query
//! let user = presented.subject(); // look up: is the user active, and with which role?
//! let grant = Grant { role: "manager", scope: "orders:read orders:write" };
//! let key = Some("the request's Idempotency-Key");
//! let pair = sessions.refresh(&presented, &grant, key).await?;
//!
//! // The response was lost, and the client retries:
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
