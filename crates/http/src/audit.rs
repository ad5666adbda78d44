//! `/audit`: security-relevant events.

use std::{collections::BTreeMap, net::IpAddr};

use actix_web::{get, web::Data};
use keepstone_domain::{AuditEvent, AuditEventId, AuditFilter, AuditKind, Invalid, SessionId, Timestamp, UserId};
use keepstone_service::Audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    closed_list::AuditKindSchema,
    extract::Authenticated,
    page::{Filter, Listing, PageView, PagingQuery},
    problem::ApiResult,
    query::Query,
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

/// The filter of a list of events.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct AuditQuery {
    /// Events of this kind.
    #[param(value_type = Option<AuditKindSchema>)]
    kind: Option<String>,
    /// Events that concern this account.
    #[param(value_type = Option<uuid::Uuid>)]
    user_id: Option<String>,
    /// Events that this user caused.
    #[param(value_type = Option<uuid::Uuid>)]
    actor_id: Option<String>,
    /// Events of requests from this address, IPv4 or IPv6.
    #[param(max_length = 45)]
    ip: Option<String>,
    /// Events at this time or later.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<String>,
    /// Events before this time; it must be later than `since`.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<String>,
}

impl Filter for AuditFilter {
    const NAMES: &'static [&'static str] = &["kind", "user_id", "actor_id", "ip", "since", "until"];

    fn read(query: &mut Query<'_>) -> Option<Self> {
        let no_kind = Invalid::Malformed("must be an event kind, such as login_failed");
        let id = |text: &str| text.parse().map_err(|_| Invalid::Malformed("must be a UUID"));
        let no_ip = Invalid::Malformed("must be an IP address, such as 192.0.2.1 or 2001:db8::1");
        let ip = |text: &str| text.parse().map(|ip: IpAddr| ip.to_canonical()).map_err(|_| no_ip);
        let filter = Self {
            kind: query.strict("kind", |text| AuditKind::from_name(text).ok_or(no_kind)),
            user_id: query.strict("user_id", id),
            actor: query.strict("actor_id", id),
            ip: query.strict("ip", ip),
            since: query.strict("since", time),
            until: query.strict("until", time),
        };
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && until <= since
        {
            query.refuse("until", "must be after since", "value_error");
        }
        Some(filter)
    }
}

/// Reads a time in a query, in which an unescaped `+` stands for a space.
fn time(text: &str) -> Result<Timestamp, Invalid> {
    Timestamp::parse(text)
        .map_err(|_| Invalid::Malformed("must be a time, such as 2026-01-31T09:30:00Z; write + as %2B"))
}

/// List audit events
///
/// Returns security-relevant events, newest first. Filters can be combined. Requires `audit:read`.
#[utoipa::path(
    tag = "audit",
    operation_id = "listAuditEvents",
    params(AuditQuery, PagingQuery),
    responses(
        (status = OK, body = PageView<AuditEventView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("")]
pub async fn list(
    caller: Authenticated,
    listing: Listing<AuditFilter>,
    audit: Data<Audit>,
) -> ApiResult<Json<PageView<AuditEventView>>> {
    let page = audit.list(&caller, &listing.filter, &listing.page).await?;
    Ok(Json(listing.answer(page, AuditEventView::from)))
}
