//! The response bodies of accounts: complete, or the public profile.

use keepstone_domain::{Answer, Timestamp, User, UserId};
use keepstone_service::Sight;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    closed_list::RoleSchema,
    etag::ETag,
    respond::{Created, Tagged},
    server::Options,
};

/// A user account, as its owner and callers with `users:read` see it.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    #[schema(format = "idn-email", example = "ada@example.com")]
    email: String,
    /// The address that replaces `email` once it is confirmed. Null for callers other than the user without
    /// `users:manage`.
    #[schema(required = true, format = "idn-email")]
    pending_email: Option<String>,
    username: Option<String>,
    name: Option<String>,
    #[schema(value_type = RoleSchema)]
    role: String,
    is_active: bool,
    email_verified: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    deleted_at: Option<Timestamp>,
}

/// The public profile of a user, as any authenticated caller sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicUser)]
pub struct PublicUserView {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    username: Option<String>,
    name: Option<String>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

/// A user account, or only its public profile.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UserOrPublicUser)]
pub enum SightView {
    /// Your own account, or any with `users:read`.
    Whole(UserView),
    /// The account of another user.
    Public(PublicUserView),
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.to_string(),
            pending_email: user.pending_email.as_ref().map(ToString::to_string),
            username: user.username.as_ref().map(ToString::to_string),
            name: user.name.as_ref().map(ToString::to_string),
            role: user.role.to_string(),
            is_active: user.is_active,
            email_verified: user.email_verified,
            created_at: user.created_at,
            updated_at: user.updated_at,
            deleted_at: user.deleted_at,
        }
    }
}

impl From<Sight> for SightView {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Whole(user) => Self::Whole(UserView::from(&user)),
            Sight::Public(user) => Self::Public(PublicUserView {
                id: user.id,
                username: user.username.map(|name| name.to_string()),
                name: user.name.map(|name| name.to_string()),
                created_at: user.created_at,
            }),
        }
    }
}

impl UserView {
    /// Creates the response for a new account.
    #[must_use]
    pub fn created(user: &User, options: &Options) -> Answer {
        let location = options.api_path(&format!("/users/{}", user.id));
        Created::answer(&Self::from(user), &ETag::of(user.version), location)
    }
}

impl From<&User> for Tagged<UserView> {
    fn from(user: &User) -> Self {
        Self { body: UserView::from(user), etag: ETag::of(user.version) }
    }
}

impl From<Sight> for Tagged<SightView> {
    fn from(sight: Sight) -> Self {
        let etag = match &sight {
            Sight::Whole(user) => ETag::of(user.version),
            Sight::Public(user) => ETag::of_public(user.version),
        };
        Self { body: sight.into(), etag }
    }
}
