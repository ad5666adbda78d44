//! Storage of users.

use async_trait::async_trait;
use keepstone_domain::{Credentials, Login, Page, PageRequest, Timestamp, User, UserFilter, UserId};
use secrecy::SecretString;

use crate::Result;

/// Result of one purge step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purged {
    /// More rows remain.
    Partly,
    /// The user and everything of theirs has been removed.
    Wholly,
    /// There is no such deleted user.
    Nothing,
}

/// The outcome for one user of a bulk insert. If two users claim the same value, the first one gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The user was inserted.
    Made,
    /// The address is taken, presumably by the same person.
    EmailTaken,
    /// The user name is taken by another user.
    UsernameTaken,
}

/// The users. Deleted users are not found, unless a method says otherwise.
#[async_trait]
pub trait UserRepository {
    /// Finds a user by id, unless deleted.
    async fn find(&mut self, id: UserId) -> Result<Option<User>>;

    /// Finds a user and the password hash by address or user name. Executes one statement, found or not.
    async fn find_credentials(&mut self, login: &Login) -> Result<Option<Credentials>>;

    /// Finds the password hash of a user, unless deleted.
    async fn find_password_hash(&mut self, id: UserId) -> Result<Option<SecretString>>;

    /// Lists the users that match a filter and are not deleted, newest first.
    async fn list(&mut self, filter: &UserFilter, page: &PageRequest) -> Result<Page<User>>;

    /// Inserts a user. [`Duplicate`](crate::StorageError::Duplicate) if the address or the user name is taken.
    async fn insert(&mut self, user: &User, password_hash: &SecretString) -> Result<()>;

    /// Inserts those users whose address and user name are free, and returns the outcome of each, in order. For bulk
    /// inserts. An address that is reserved at this time is not free.
    async fn insert_missing(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>>;

    /// Returns what [`insert_missing`](Self::insert_missing) would return, without inserting.
    async fn foresee(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>>;

    /// Locks a user until the transaction ends, and returns the user.
    async fn hold(&mut self, id: UserId) -> Result<Option<User>>;

    /// Locks all active administrators until the transaction ends, and returns their number. A transaction that also
    /// locks a single user must call this first.
    async fn hold_active_admins(&mut self) -> Result<usize>;

    /// Updates a user to the given values and increments the version. Returns `false`, and changes nothing, if the user
    /// is deleted or does not have the given version.
    async fn update(&mut self, user: &User, now: Timestamp) -> Result<bool>;

    /// Deletes a user: the user is no longer found, and the address and the user name are free.
    async fn delete(&mut self, id: UserId, now: Timestamp) -> Result<bool>;

    /// Lists the users who were deleted at or before this time and have not been purged, oldest deletion first.
    async fn list_deleted(&mut self, before: Timestamp, limit: u32) -> Result<Vec<UserId>>;

    /// Permanently removes up to `limit` rows of a user who was deleted at or before this time: first what the user
    /// owns, then the user. Call it repeatedly, each time in a new transaction. Concurrent calls are allowed.
    async fn purge(&mut self, id: UserId, deleted_before: Timestamp, limit: u32) -> Result<Purged>;

    /// Continues to purge removed rows from the search indexes of databases that do not do so themselves; `first`
    /// starts anew. Returns `true` if it is to be called again, each time as a separate change.
    async fn forget_searches(&mut self, first: bool) -> Result<bool>;

    /// Rebuilds the search keys of up to `limit` users after this one, in the order of their ids. Returns the last id
    /// if more users may follow. The users keep their versions.
    async fn renew_search_keys(&mut self, after: Option<UserId>, limit: u32) -> Result<Option<UserId>>;

    /// Locks a user until the transaction ends. Returns `false` if the user may not log in, or the password hash has
    /// changed.
    async fn hold_for_login(&mut self, id: UserId, password_hash: &SecretString) -> Result<bool>;

    /// Replaces a password hash if it still equals `old`; otherwise returns `false`. The user keeps the version.
    async fn replace_password_hash(&mut self, id: UserId, old: &SecretString, new: &SecretString) -> Result<bool>;
}
