//! Database access to requests with an idempotency key.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use keepstone_domain::{Answer, Attempt, Timestamp};
use keepstone_repository::{IdempotencyRepository, Result, StorageError};

use crate::{
    connection::on,
    repositories::DieselRepositories,
    schema::idempotent_requests::{self as requests, table},
    types::{Id, Time},
};

#[async_trait]
impl IdempotencyRepository for DieselRepositories {
    async fn begin(&mut self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        let row = (
            requests::request.eq(attempt.request.as_slice()),
            requests::body.eq(attempt.body.as_slice()),
            requests::attempt_id.eq(Id::of(attempt.id)),
            requests::begun_at.eq(Time(now)),
        );
        on!(self, |conn| diesel::insert_into(table).values(row).execute(conn).await).map(drop)
    }

    async fn find(&mut self, request: &[u8; 32]) -> Result<Option<(Attempt, Option<Answer>)>> {
        let found: Option<(Vec<u8>, Id, Option<String>)> = on!(self, |conn| {
            table
                .filter(requests::request.eq(request.as_slice()))
                .select((requests::body, requests::attempt_id, requests::answer))
                .first(conn)
                .await
                .optional()
        })?;
        let Some((body, id, answer)) = found else { return Ok(None) };
        let corrupt = |what: String| StorageError::Corrupt(format!("the response to an idempotent request: {what}"));
        let body = body.try_into().map_err(|_| corrupt("the digest of the body is invalid".to_owned()))?;
        let answer = answer.map(|json| serde_json::from_str(&json)).transpose();
        let answer = answer.map_err(|error| corrupt(error.to_string()))?;
        Ok(Some((Attempt { request: *request, body, id: id.get() }, answer)))
    }

    async fn take_over(
        &mut self,
        attempt: &Attempt,
        abandoned_before: Timestamp,
        answered_before: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let abandoned = requests::answer.is_null().and(requests::begun_at.lt(Time(abandoned_before)));
        let forgotten = requests::begun_at.lt(Time(answered_before));
        let taken = on!(self, |conn| {
            diesel::update(table)
                .filter(requests::request.eq(attempt.request.as_slice()))
                .filter(abandoned.or(forgotten))
                .set((
                    requests::body.eq(attempt.body.as_slice()),
                    requests::attempt_id.eq(Id::of(attempt.id)),
                    requests::begun_at.eq(Time(now)),
                    requests::answer.eq(None::<String>),
                ))
                .execute(conn)
                .await
        })?;
        Ok(taken == 1)
    }

    async fn answer(&mut self, attempt: &Attempt, answer: &Answer) -> Result<bool> {
        let json = serde_json::to_string(answer).map_err(|error| StorageError::Corrupt(error.to_string()))?;
        let answered = on!(self, |conn| {
            diesel::update(table)
                .filter(requests::request.eq(attempt.request.as_slice()))
                .filter(requests::attempt_id.eq(Id::of(attempt.id)))
                .filter(requests::answer.is_null())
                .set(requests::answer.eq(json))
                .execute(conn)
                .await
        })?;
        Ok(answered == 1)
    }

    async fn abandon(&mut self, attempt: &Attempt) -> Result<()> {
        on!(self, |conn| {
            diesel::delete(table)
                .filter(requests::request.eq(attempt.request.as_slice()))
                .filter(requests::attempt_id.eq(Id::of(attempt.id)))
                .filter(requests::answer.is_null())
                .execute(conn)
                .await
        })
        .map(drop)
    }

    async fn delete_old(&mut self, before: Timestamp, limit: u32) -> Result<usize> {
        let ids: Vec<i64> = on!(self, |conn| {
            table
                .filter(requests::begun_at.lt(Time(before)))
                .order(requests::begun_at)
                .limit(limit.into())
                .select(requests::id)
                .load(conn)
                .await
        })?;
        // An attempt may have taken one over since then; that request is no longer old.
        on!(self, |conn| {
            diesel::delete(table)
                .filter(requests::id.eq_any(&ids))
                .filter(requests::begun_at.lt(Time(before)))
                .execute(conn)
                .await
        })
    }
}
