//! `/users/me/export`: all data stored about the caller, streamed while it is read. An incomplete document is
//! recognizable: it lacks the closing bracket, and its transfer ends with an error.

use std::error::Error as _;

use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ContentType},
    middleware::from_fn,
    web::{Bytes, Data},
};
use futures_util::{StreamExt, stream};
use keepstone_domain::{EmailChange, Session, SessionId, Timestamp};
use keepstone_service::{Error, Export, ExportPart, Exports, Limit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    audit::AuditEventView,
    closed_list::SessionEndSchema,
    extract::{Authenticated, Requester},
    item::ItemView,
    problem::ApiResult,
    rate_limit::limited,
    user::UserView,
};

/// Everything that is stored about an account, except the digests of passwords and tokens.
#[derive(ToSchema)]
#[schema(as = Export)]
#[expect(dead_code, reason = "only its schema is used; `Writer` writes the body")]
pub struct ExportView {
    /// When the export began. Later changes may or may not be included.
    #[schema(value_type = String, format = "date-time")]
    exported_at: Timestamp,
    user: UserView,
    /// Earlier addresses that are reserved for the account, newest first.
    reserved_emails: Vec<ReservedEmailView>,
    /// Active and ended sessions, newest first.
    sessions: Vec<ExportedSessionView>,
    /// Events of the account, then events that its owner caused elsewhere, each newest first. Data of other people is
    /// left out.
    audit_events: Vec<AuditEventView>,
    /// The items that the account owns, newest first.
    items: Vec<ItemView>,
}

/// An earlier address of an account, which no other account can take for now.
#[derive(Serialize, ToSchema)]
#[schema(as = ReservedEmail)]
pub struct ReservedEmailView {
    #[schema(format = "idn-email", example = "ada@example.com")]
    email: String,
    /// Until when it is reserved, and the change of the address can be undone.
    #[schema(value_type = String, format = "date-time")]
    reserved_until: Timestamp,
}

impl From<&EmailChange> for ReservedEmailView {
    fn from(change: &EmailChange) -> Self {
        Self { email: change.old_email.to_string(), reserved_until: change.expires_at }
    }
}

/// An active or ended session.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedSession)]
pub struct ExportedSessionView {
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// When the user logged in.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When the tokens were last refreshed.
    #[schema(value_type = String, format = "date-time")]
    last_used_at: Timestamp,
    /// When the session expires at the latest.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// When the session was ended before it expired.
    #[schema(value_type = Option<String>, format = "date-time")]
    ended_at: Option<Timestamp>,
    /// Why the session was ended before it expired.
    #[schema(value_type = Option<SessionEndSchema>)]
    end_reason: Option<&'static str>,
    /// The address that the login came from.
    ip: Option<String>,
    /// The `User-Agent` of the login.
    user_agent: Option<String>,
    /// Whether this request belongs to the session.
    current: bool,
}

impl ExportedSessionView {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            current: session.id == current,
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            ended_at: session.ended.map(|(at, _)| at),
            end_reason: session.ended.map(|(_, reason)| reason.name()),
            ip: session.ip,
            user_agent: session.user_agent,
        }
    }
}

/// Export your data
///
/// Returns everything that is stored about the caller: the account, its sessions, its audit events and its items.
#[utoipa::path(
    tag = "users",
    operation_id = "exportMe",
    responses(
        (status = OK, body = ExportView, headers(("Content-Disposition" = String, description = "`attachment` with a file name."))),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["rate_limited"]))),
)]
#[get("/me/export", wrap = "from_fn(limited(Limit::Export))")]
pub async fn export_me(caller: Authenticated, exports: Data<Exports>, requester: Requester) -> ApiResult<HttpResponse> {
    let export = exports.begin(&caller).await?;
    let date: String = export.at.to_string().chars().take("2026-01-31".len()).collect();
    let mut writer = Writer::new(export);
    // An error before this point is a problem response; a later one ends the transfer without a closing bracket.
    let first = writer.next().await?;
    let request_id = requester.0.request_id.unwrap_or_default();
    let rest = stream::try_unfold(writer, move |mut writer| {
        let request_id = request_id.clone();
        async move {
            let next = writer.next().await.map_err(|error| broken_off(&error, &request_id))?;
            Ok::<_, &'static str>(next.map(|bytes| (bytes, writer)))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"keepstone-export-{date}.json\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(stream::iter(first.map(Ok)).chain(rest)))
}

/// Logs the error and returns the one that aborts the transfer. The access log line of the request is already written.
fn broken_off(error: &Error, request_id: &str) -> &'static str {
    tracing::error!(%error, cause = error.source().map(tracing::field::display), request_id, "export interrupted");
    "export interrupted"
}

/// The writer of an export document, one part at a time.
struct Writer {
    export: Export,
    place: Place,
}

/// The last part that was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nothing,
    /// The name of a list and its opening bracket, or rows of the list.
    List {
        name: &'static str,
        is_empty: bool,
    },
    /// The closing bracket of the document.
    End,
}

impl Writer {
    const fn new(export: Export) -> Self {
        Self { export, place: Place::Nothing }
    }

    /// Returns the next part of the document; `None` after its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.place == Place::End {
            return Ok(None);
        }
        let mut text = Vec::new();
        match self.export.next().await? {
            Some(ExportPart::Sessions(sessions)) => {
                let current = self.export.current();
                let views = sessions.into_iter().map(|session| ExportedSessionView::new(session, current));
                self.write("sessions", views, &mut text)?;
            }
            Some(ExportPart::Events(events)) => {
                self.write("audit_events", events.into_iter().map(AuditEventView::from), &mut text)?;
            }
            Some(ExportPart::Items(items)) => {
                self.write("items", items.into_iter().map(ItemView::from), &mut text)?;
            }
            None => {
                self.place = Place::End;
                text.extend_from_slice(b"]}");
            }
        }
        Ok(Some(text.into()))
    }

    /// Writes rows of the list of this name. Begins the list if the last rows belong to another one.
    fn write(
        &mut self,
        name: &'static str,
        rows: impl Iterator<Item = impl Serialize>,
        text: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut is_empty = match self.place {
            Place::List { name: last, is_empty } if last == name => is_empty,
            place => {
                if place == Place::Nothing {
                    let at = self.export.at;
                    let reserved_emails = self.export.email_changes.iter().map(ReservedEmailView::from).collect();
                    let user = UserView::from(&self.export.user);
                    json(&Head { exported_at: at, user, reserved_emails }, text)?;
                    // Removes the closing brace: the lists follow.
                    text.pop();
                } else {
                    text.push(b']');
                }
                text.extend_from_slice(format!(",\"{name}\":[").as_bytes());
                true
            }
        };
        for row in rows {
            if !is_empty {
                text.push(b',');
            }
            json(&row, text)?;
            is_empty = false;
        }
        self.place = Place::List { name, is_empty };
        Ok(())
    }
}

/// The first members of the document.
#[derive(Serialize)]
struct Head {
    exported_at: Timestamp,
    user: UserView,
    reserved_emails: Vec<ReservedEmailView>,
}

fn json(value: &impl Serialize, text: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(text, value).map_err(|error| Error::Internal(Box::new(error)))
}
