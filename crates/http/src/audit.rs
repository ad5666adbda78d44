//! `/audit`: security-relevant events.

use std::collections::BTreeMap;

use actix_web::{get, web::Data};
use keepstone_domain::{AuditEvent, AuditEventId, SessionId, Timestamp, UserId};
use keepstone_service::Audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    closed_list::AuditKindSchema,
    extract::Authenticated,
    page::{Listing, PageView, PagingQuery},
    problem::ApiResult,
    respond::Json,
};

/// A security-relevant event.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventView {
    #[schema(value_type = uuid::Uuid)]
    id: AuditEventId,
    /// When it happened.
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    #[schema(value_type = AuditKindSchema)]
    kind: &'static str,
    /// The user who caused the event; null if unknown or the operator.
    #[schema(value_type = Option<uuid::Uuid>)]
    actor_id: Option<UserId>,
    /// The account that the event concerns.
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// The session that the event concerns.
    #[schema(value_type = Option<uuid::Uuid>)]
    session_id: Option<SessionId>,
    /// The client address of the request.
    ip: Option<String>,
    /// The id of the request.
    request_id: Option<String>,
    /// Further facts, depending on the kind.
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

/// List audit events
///
/// Returns security-relevant events, newest first. Requires `audit:read`.
#[utoipa::path(
    tag = "audit",
    operation_id = "listAuditEvents",
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
