//! `/jobs`: background jobs, for administrators. The payload of a job is not shown, because it contains addresses.

use actix_web::{get, post, web::Data};
use keepstone_domain::{Invalid, Job, JobFilter, JobId, JobState, Timestamp};
use keepstone_service::Jobs;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    closed_list::JobStateSchema,
    extract::{Authenticated, IdPath},
    page::{Filter, Listing, PageView, PagingQuery},
    problem::ApiResult,
    query::Query,
    respond::Json,
};

/// A background job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    #[schema(value_type = uuid::Uuid)]
    id: JobId,
    /// The type of the job.
    #[schema(example = "mail_verify_email")]
    kind: String,
    #[schema(value_type = JobStateSchema)]
    state: &'static str,
    /// The number of attempts so far.
    #[schema(example = 0)]
    attempts: u32,
    /// When the job was created.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// The next attempt; the end of the lease while the job is running.
    #[schema(value_type = Option<String>, format = "date-time")]
    due_at: Option<Timestamp>,
    /// When the job was done or became dead.
    #[schema(value_type = Option<String>, format = "date-time")]
    finished_at: Option<Timestamp>,
    /// The error of the last attempt.
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

/// The filter of a list of jobs.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct JobQuery {
    /// Jobs in this state.
    #[param(value_type = Option<JobStateSchema>)]
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

/// List background jobs
///
/// Returns background jobs, newest first. Requires `jobs:manage`.
#[utoipa::path(
    tag = "jobs",
    operation_id = "listJobs",
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

/// Retry a background job
///
/// Schedules a dead or waiting job for an immediate attempt. Requires `jobs:manage`.
#[utoipa::path(
    tag = "jobs",
    operation_id = "retryJob",
    params(("id" = uuid::Uuid, Path, description = "The id of the job.")),
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
