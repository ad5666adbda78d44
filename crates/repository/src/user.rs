//! What storage can do with users.

use async_trait::async_trait;
use keepstone_domain::{Credentials, Login, Page, PageRequest, Timestamp, User, UserId, UserPatch};
use secrecy::SecretString;

use crate::Result;

/// The users. A deleted one is found by nobody.
#[async_trait]
pub trait UserRepository {
    /// The user with this id, if there is one who is not deleted.
    async fn find(&mut self, id: UserId) -> Result<Option<User>>;

    /// The user with this address or user name, and the password hash. Costs one statement, found or not.
    async fn find_credentials(&mut self, login: &Login) -> Result<Option<Credentials>>;

    /// Users who are not deleted, newest first.
    async fn list(&mut self, page: PageRequest) -> Result<Page<User>>;

    /// Keeps a new user. [`Duplicate`](crate::StorageError::Duplicate) if the address or the user name is taken.
    async fn insert(&mut self, user: &User, password_hash: &SecretString) -> Result<()>;

    /// Changes a user who is not deleted; `false` if there is none. A changed address is no longer verified.
    async fn update(&mut self, id: UserId, patch: &UserPatch, now: Timestamp) -> Result<bool>;

    /// Holds a user until the transaction ends; `false` if the user may not log in, or has another password hash by now.
    async fn hold_for_login(&mut self, id: UserId, password_hash: &SecretString) -> Result<bool>;

    /// Replaces a password hash if it is still `old`; `false` if it is not. The user counts as unchanged.
    async fn replace_password_hash(&mut self, id: UserId, old: &SecretString, new: &SecretString) -> Result<bool>;
}
