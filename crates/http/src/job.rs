//! `/jobs`: background work, for those who see to it. What a job is about is not shown: there are addresses in it.

use actix_web::{get, post, web::Data};
use keepstone_domain::{Invalid, Job, JobFilter, JobId, JobState, Timestamp};
use keepstone_service::Jobs;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::{Authenticated, IdPath},
    page::{Filter, Listing, PageView, PagingQuery},
    problem::ApiResult,
    query::Query,
    respond::Json,
};

/// A piece of background work.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    #[schema(value_type = uuid::Uuid)]
    id: JobId,
    /// What kind of work it is.
    #[schema(example = "mail_verify_email")]
    kind: String,
    /// `waiting`, `running`, `done`, or `dead`: given up after ten attempts, or because it cannot be done.
    #[schema(example = "dead")]
    state: &'static str,
    /// How often it was tried.
    #[schema(example = 10)]
    attempts: u32,
    /// When it was caused.
    #[schema(required = true, value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it is tried next, or is taken for abandoned while it is running.
    #[schema(value_type = Option<String>, format = "date-time")]
    due_at: Option<Timestamp>,
    /// When it was done, or given up.
    #[schema(value_type = Option<String>, format = "date-time")]
    finished_at: Option<Timestamp>,
    /// What went wrong the last time.
    last_error: Option<String>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            state: job.state.name(),
            attempts: job.attempts,
            created_at: job.created_at,
            due_at: job.due_at,
            finished_at: job.finished_at,
            last_error: job.last_error,
        }
    }
}

/// Which jobs are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is described, and read by hand")]
pub struct JobQuery {
    /// Those in this state: `waiting`, `running`, `done` or `dead`.
    #[param(pattern = "^(waiting|running|done|dead)?$")]
    state: Option<String>,
}

impl Filter for JobFilter {
    const NAMES: &'static [&'static str] = &["state"];

    fn read(query: &mut Query<'_>) -> Option<Self> {
        let parse =
            |text: &str| JobState::from_name(text).ok_or(Invalid::Malformed("must be waiting, running, done or dead"));
        Some(Self { state: query.value("state", parse) })
    }
}

/// Lists background jobs, newest first. Needs `jobs:manage`.
#[utoipa::path(
    tag = "jobs",
    params(JobQuery, PagingQuery),
    responses(
        (status = OK, body = PageView<JobView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("")]
pub async fn list(
    caller: Authenticated,
    listing: Listing<JobFilter>,
    jobs: Data<Jobs>,
) -> ApiResult<Json<PageView<JobView>>> {
    let page = jobs.list(&caller, &listing.filter, &listing.page).await?;
    Ok(Json(listing.answer(page, JobView::from)))
}

/// Has a job tried again at once that is dead, or waits for its next attempt. Needs `jobs:manage`.
#[utoipa::path(
    tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "The job's id")),
    responses(
        (status = OK, body = JobView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "job_not_found", "job_not_retryable"]))),
)]
#[post("/{id}/retry")]
pub async fn retry(caller: Authenticated, id: IdPath<JobId>, jobs: Data<Jobs>) -> ApiResult<Json<JobView>> {
    Ok(Json(jobs.retry(&caller, id.0).await?.into()))
}
