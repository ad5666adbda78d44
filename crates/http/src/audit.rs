//! `/audit`: what happened that bears on security.

use std::collections::BTreeMap;

use actix_web::{get, web::Data};
use keepstone_domain::{AuditEvent, AuditEventId, SessionId, Timestamp, UserId};
use keepstone_service::Audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::Authenticated,
    page::{Listing, PageView, PagingQuery},
    problem::ApiResult,
    respond::Json,
};

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventView {
    #[schema(value_type = uuid::Uuid)]
    id: AuditEventId,
    /// When it happened.
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    /// What happened.
    #[schema(example = "login")]
    kind: &'static str,
    /// Who did it; null if nobody knows, or the operator did.
    #[schema(value_type = Option<uuid::Uuid>)]
    actor_id: Option<UserId>,
    /// Whose account it was done to.
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// In or to which session.
    #[schema(value_type = Option<uuid::Uuid>)]
    session_id: Option<SessionId>,
    /// The address that the request came from.
    ip: Option<String>,
    /// The request that did it.
    request_id: Option<String>,
    /// What else there is to know.
    detail: BTreeMap<String, String>,
}

impl From<AuditEvent> for AuditEventView {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: event.id,
            at: event.at,
            kind: event.kind.name(),
            actor_id: event.actor,
            user_id: event.user_id,
            session_id: event.session_id,
            ip: event.ip,
            request_id: event.request_id,
            detail: event.detail,
        }
    }
}

/// Lists what happened, newest first. Needs `audit:read`.
#[utoipa::path(
    tag = "audit",
    params(PagingQuery),
    responses(
        (status = OK, body = PageView<AuditEventView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("")]
pub async fn list(
    caller: Authenticated,
    listing: Listing,
    audit: Data<Audit>,
) -> ApiResult<Json<PageView<AuditEventView>>> {
    let page = audit.list(&caller, &listing.page).await?;
    Ok(Json(listing.answer(page, AuditEventView::from)))
}
