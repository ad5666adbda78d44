//! The audit log in the database.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{
    AuditEvent, AuditEventId, AuditFilter, AuditKind, Involvement, Page, PageRequest, Position, UserId,
};
use keepstone_repository::{AuditRepository, Result, StorageError};

use crate::{
    connection::on,
    list::{self, part},
    repositories::DieselRepositories,
    schema::audit_events,
    types::{Id, Time},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events)]
struct AuditEventRow {
    public_id: Id,
    at: Time,
    kind: String,
    actor_id: Option<Id>,
    user_id: Option<Id>,
    session_id: Option<Id>,
    ip: Option<String>,
    request_id: Option<String>,
    detail: String,
}

impl TryFrom<AuditEventRow> for AuditEvent {
    type Error = StorageError;

    fn try_from(row: AuditEventRow) -> Result<Self> {
        let id: AuditEventId = row.public_id.get();
        let corrupt = |what: String| StorageError::Corrupt(format!("audit event {id}: {what}"));
        Ok(Self {
            id,
            at: row.at.0,
            kind: AuditKind::from_name(&row.kind).ok_or_else(|| corrupt(format!("unknown kind {}", row.kind)))?,
            actor: row.actor_id.map(Id::get),
            user_id: row.user_id.map(Id::get),
            session_id: row.session_id.map(Id::get),
            ip: row.ip,
            request_id: row.request_id,
            detail: serde_json::from_str(&row.detail).map_err(|error| corrupt(error.to_string()))?,
        })
    }
}

impl TryFrom<&AuditEvent> for AuditEventRow {
    type Error = StorageError;

    fn try_from(event: &AuditEvent) -> Result<Self> {
        Ok(Self {
            public_id: Id::of(event.id),
            at: Time(event.at),
            kind: event.kind.name().to_owned(),
            actor_id: event.actor.map(Id::of),
            user_id: event.user_id.map(Id::of),
            session_id: event.session_id.map(Id::of),
            ip: event.ip.clone(),
            request_id: event.request_id.clone(),
            detail: serde_json::to_string(&event.detail).map_err(|error| StorageError::Corrupt(error.to_string()))?,
        })
    }
}

/// Applies a filter to a select, as a boxed query.
macro_rules! filtered {
    ($select:expr, $filter:expr) => {{
        let mut query = $select.into_boxed();
        if let Some(kind) = $filter.kind {
            query = query.filter(audit_events::kind.eq(kind.name()));
        }
        if let Some(user) = $filter.user_id {
            query = query.filter(audit_events::user_id.eq(Id::of(user)));
        }
        if let Some(actor) = $filter.actor {
            query = query.filter(audit_events::actor_id.eq(Id::of(actor)));
        }
        if let Some(ip) = $filter.ip {
            query = query.filter(audit_events::ip.eq(ip.to_string()));
        }
        if let Some(since) = $filter.since {
            query = query.filter(audit_events::at.ge(Time(since)));
        }
        if let Some(until) = $filter.until {
            query = query.filter(audit_events::at.lt(Time(until)));
        }
        query
    }};
}

impl DieselRepositories {
    async fn count_events(&mut self, filter: &AuditFilter) -> Result<u64> {
        if filter.is_empty() {
            return list::count(self, "audit_events").await;
        }
        let count = on!(self, |conn| filtered!(audit_events::table.count(), filter).get_result(conn).await)?;
        Ok(list::as_count(count))
    }
}

#[async_trait]
impl AuditRepository for DieselRepositories {
    async fn insert(&mut self, event: &AuditEvent) -> Result<()> {
        let row = AuditEventRow::try_from(event)?;
        on!(self, |conn| diesel::insert_into(audit_events::table).values(row).execute(conn).await).map(drop)
    }

    async fn insert_all(&mut self, events: &[AuditEvent]) -> Result<()> {
        let rows = events.iter().map(AuditEventRow::try_from).collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        on!(
            self,
            |conn| {
                let insert = move |conn: &mut SqliteConnection| {
                    rows.into_iter().try_for_each(|row| {
                        diesel::RunQueryDsl::execute(diesel::insert_into(audit_events::table).values(row), conn)
                            .map(drop)
                    })
                };
                conn.spawn_blocking(insert).await
            },
            |conn| diesel::insert_into(audit_events::table).values(rows).execute(conn).await.map(drop)
        )
    }

    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>> {
        let rows: Vec<AuditEventRow> = on!(self, |conn| {
            let events = filtered!(audit_events::table.select(AuditEventRow::as_select()), filter);
            part!(events, page, audit_events::at, audit_events::public_id).load(conn).await
        })?;
        let mut events = part_of(rows, page)?;
        if page.with_total && events.total.is_none() {
            events.total = Some(self.count_events(filter).await?);
        }
        Ok(events)
    }

    async fn list_of(
        &mut self,
        user_id: UserId,
        involvement: Involvement,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>> {
        let rows: Vec<AuditEventRow> = on!(self, |conn| {
            let events = audit_events::table.select(AuditEventRow::as_select()).into_boxed();
            let events = match involvement {
                Involvement::Account => events.filter(audit_events::user_id.eq(Id::of(user_id))),
                Involvement::Actor => {
                    let is_of_others = audit_events::user_id.ne(Id::of(user_id)).assume_not_null();
                    events
                        .filter(audit_events::actor_id.eq(Id::of(user_id)))
                        .filter(audit_events::user_id.is_null().or(is_of_others))
                }
            };
            part!(events, page, audit_events::at, audit_events::public_id).load(conn).await
        })?;
        part_of(rows, page)
    }
}

fn part_of(rows: Vec<AuditEventRow>, page: &PageRequest) -> Result<Page<AuditEvent>> {
    let events = rows.into_iter().map(AuditEvent::try_from).collect::<Result<_>>()?;
    Ok(Page::of(events, page, |event: &AuditEvent| Position { created_at: event.at, id: event.id.into() }))
}
