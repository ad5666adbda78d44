//! `jobs list` and `jobs retry`.

use std::{process::ExitCode, sync::Arc};

use keepstone_domain::{Job, JobFilter, JobId, JobState, PageRequest, Start};
use keepstone_persistence::DieselStore;
use keepstone_repository::Store;
use serde_json::{Value, json};

use crate::{cli, compose, failure::Failure, output, settings::Settings};

/// How many jobs are read at once.
const BATCH: u32 = 100;

pub async fn run(settings: &Settings, command: cli::Jobs) -> Result<ExitCode, Failure> {
    match command {
        cli::Jobs::List { state, json } => list(settings, state.as_deref(), json).await,
        cli::Jobs::Retry { ids, dead } => retry(settings, ids, dead).await,
    }
}

async fn list(settings: &Settings, state: Option<&str>, json: bool) -> Result<ExitCode, Failure> {
    let store = compose::open_migrated(settings).await?;
    let jobs = all(&*store, JobFilter { state: state.and_then(JobState::from_name) }).await?;
    if json {
        let jobs: Vec<_> = jobs.iter().map(as_json).collect();
        output::line(serde_json::to_string_pretty(&jobs).map_err(Failure::failed)?)?;
    } else {
        jobs.iter().map(as_text).try_for_each(output::line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells of each job what became of it; one that cannot be tried again does not keep the others from it.
async fn retry(settings: &Settings, mut ids: Vec<JobId>, dead: bool) -> Result<ExitCode, Failure> {
    let store = compose::open_migrated(settings).await?;
    let services = compose::services(settings, Arc::<DieselStore>::clone(&store))?;
    if dead {
        let filter = JobFilter { state: Some(JobState::Dead) };
        ids.extend(all(&*store, filter).await?.iter().map(|job| job.id));
    }
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        match services.jobs.retry_for_operator(id).await {
            Ok(job) => output::line(format!("{id}  {} will be tried again", job.kind))?,
            Err(error) => {
                output::error(format!("{id}  {error}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

async fn all(store: &dyn Store, filter: JobFilter) -> Result<Vec<Job>, Failure> {
    let mut repositories = store.read().await?;
    let mut request = PageRequest { with_total: false, ..PageRequest::first(BATCH) };
    let mut jobs = Vec::new();
    loop {
        let page = repositories.jobs().list(&filter, &request).await?;
        jobs.extend(page.items);
        let Some(last) = page.next else { return Ok(jobs) };
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
