//! `jobs list` and `jobs retry`.

use std::process::ExitCode;

use keepstone_domain::{Job, JobFilter, JobId, JobState, PageRequest, Start};
use keepstone_service::Jobs;
use serde_json::{Value, json};

use crate::{
    cli, compose,
    failure::Failure,
    output::{self, List},
    settings::Settings,
};

/// The number of jobs read at once.
const BATCH: u32 = 100;

pub async fn run(settings: &Settings, command: cli::Jobs) -> Result<ExitCode, Failure> {
    let jobs = compose::jobs(compose::open_migrated(settings).await?);
    match command {
        cli::Jobs::List { state, json } => list(&jobs, state.as_deref(), json).await,
        cli::Jobs::Retry { ids, dead: false, json } => retry(&jobs, &ids, json, "no jobs").await,
        cli::Jobs::Retry { json, .. } => retry(&jobs, &dead(&jobs).await?, json, "no job is dead").await,
    }
}

async fn list(jobs: &Jobs, state: Option<&str>, as_array: bool) -> Result<ExitCode, Failure> {
    let mut list = List::new(as_array);
    let filter = JobFilter { state: state.and_then(JobState::from_name) };
    all(jobs, filter, |some| list.rows(some, as_json, as_text)).await?;
    list.end("no jobs")?;
    Ok(ExitCode::SUCCESS)
}

/// Retries each job and reports its outcome. A job that cannot be retried does not prevent the others.
async fn retry(jobs: &Jobs, ids: &[JobId], as_array: bool, nothing: &str) -> Result<ExitCode, Failure> {
    let mut list = List::new(as_array);
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        match jobs.retry_for_operator(*id).await {
            Ok(job) => {
                list.rows(&[job], as_json, |job| format!("{id}  {} will be retried", job.kind))?;
            }
            Err(error) => {
                output::error(format!("{id}  {error}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    if as_array || ids.is_empty() {
        list.end(nothing)?;
    }
    Ok(code)
}

async fn dead(jobs: &Jobs) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::new();
    let note = |some: &[Job]| {
        ids.extend(some.iter().map(|job| job.id));
        Ok(true)
    };
    all(jobs, JobFilter { state: Some(JobState::Dead) }, note).await?;
    Ok(ids)
}

/// Passes the jobs of the filter to `each` in batches, since there may be very many, until it returns `false`.
async fn all(
    jobs: &Jobs,
    filter: JobFilter,
    mut each: impl FnMut(&[Job]) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut request = PageRequest { with_total: false, ..PageRequest::first(BATCH) };
    loop {
        let page = jobs.list_for_operator(&filter, &request).await?;
        let (true, Some(last)) = (each(&page.items)?, page.next) else { return Ok(()) };
        request.start = Start::After(last);
    }
}

fn as_text(job: &Job) -> String {
    let Job { id, kind, state, attempts, created_at, .. } = job;
    let error = job.last_error.as_deref().unwrap_or_default();
    format!("{id}  {:<8} {attempts:>2}  {created_at}  {kind:<26}  {error}", state.name()).trim_end().to_owned()
}

fn as_json(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "state": job.state.name(),
        "attempts": job.attempts,
        "created_at": job.created_at,
        "due_at": job.due_at,
        "finished_at": job.finished_at,
        "last_error": job.last_error,
    })
}
