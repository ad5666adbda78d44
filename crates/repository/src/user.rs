//! What storage can do with users.

use async_trait::async_trait;
use keepstone_domain::{Credentials, Login, Page, PageRequest, Timestamp, User, UserFilter, UserId};
use secrecy::SecretString;

use crate::Result;

/// What one step of removing a deleted user came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purged {
    /// There is more to remove.
    Partly,
    /// That was the last of it.
    Wholly,
    /// There was nobody to remove.
    Nothing,
}

/// What becomes of one of many new users. Of two who want the same, the first has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// There is one more user.
    Made,
    /// Somebody has the address, presumably the same person.
    EmailTaken,
    /// Somebody else has the user name.
    UsernameTaken,
}

/// The users. A deleted one is found by nobody.
#[async_trait]
pub trait UserRepository {
    /// The user with this id, if there is one who is not deleted.
    async fn find(&mut self, id: UserId) -> Result<Option<User>>;

    /// The user with this address or user name, and the password hash. Costs one statement, found or not.
    async fn find_credentials(&mut self, login: &Login) -> Result<Option<Credentials>>;

    /// The password hash of one who is not deleted.
    async fn find_password_hash(&mut self, id: UserId) -> Result<Option<SecretString>>;

    /// Those who are meant and not deleted, newest first.
    async fn list(&mut self, filter: &UserFilter, page: &PageRequest) -> Result<Page<User>>;

    /// Keeps a new user. [`Duplicate`](crate::StorageError::Duplicate) if the address or the user name is taken.
    async fn insert(&mut self, user: &User, password_hash: &SecretString) -> Result<()>;

    /// Keeps those of these users whose address and user name are free, and tells of each, in their order: for many at
    /// once. An address that is reserved at this time is not free.
    async fn insert_missing(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>>;

    /// What [`insert_missing`](Self::insert_missing) would tell.
    async fn foresee(&mut self, users: &[Credentials], now: Timestamp) -> Result<Vec<Insertion>>;

    /// Holds a user until the transaction ends, and gives them.
    async fn hold(&mut self, id: UserId) -> Result<Option<User>>;

    /// Holds all active administrators until the transaction ends, and gives their number. Whoever also holds one user
    /// does this first.
    async fn hold_active_admins(&mut self) -> Result<usize>;

    /// Changes a user to what is given, which then is the next version; `false`, and nothing is changed, if the user is
    /// deleted or has another version than what is given.
    async fn update(&mut self, user: &User, now: Timestamp) -> Result<bool>;

    /// Deletes a user: from then on nobody finds them, and their address and user name are free.
    async fn delete(&mut self, id: UserId, now: Timestamp) -> Result<bool>;

    /// Those who were deleted at or before this time and have not been removed, the first first.
    async fn list_deleted(&mut self, before: Timestamp, limit: u32) -> Result<Vec<UserId>>;

    /// Removes for good what is left of a user who was deleted at or before this time: what is theirs first, themselves
    /// last. `limit` rows at most, so it is to be called again, each time in a transaction of its own. Several may be
    /// at it at once.
    async fn purge(&mut self, id: UserId, deleted_before: Timestamp, limit: u32) -> Result<Purged>;

    /// Goes on with removing what the indexes for searching still hold of removed rows, where that does not happen by
    /// itself; `first` begins it. `true` if it is to be called again, each time as a change of its own.
    async fn forget_searches(&mut self, first: bool) -> Result<bool>;

    /// Renews what users are searched by, `limit` of them in the order of their ids, beginning after this one. Returns
    /// the last of them if there may be more. The users count as unchanged.
    async fn renew_search_keys(&mut self, after: Option<UserId>, limit: u32) -> Result<Option<UserId>>;

    /// Holds a user until the transaction ends; `false` if the user may not log in, or has another password hash by
    /// now.
    async fn hold_for_login(&mut self, id: UserId, password_hash: &SecretString) -> Result<bool>;

    /// Replaces a password hash if it is still `old`; `false` if it is not. The user counts as unchanged.
    async fn replace_password_hash(&mut self, id: UserId, old: &SecretString, new: &SecretString) -> Result<bool>;
}
