//! `/health`: version, liveness and readiness.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, get, web::Data};
use keepstone_service::{Check, Health, Readiness};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{respond::Json, server::Options};

/// The version and the environment of the running server.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthView {
    status: HealthStatus,
    /// The configured version (`APP_VERSION`).
    version: String,
    /// The configured environment (`ENVIRONMENT`).
    #[schema(example = "production")]
    environment: String,
}

/// The state of a server that responds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Healthy,
}

/// The response of a process that is alive.
#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessView {
    status: LivenessStatus,
}

/// The state of a process that is alive.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LivenessStatus {
    Ok,
}

/// Whether the server accepts requests, and the state of each dependency.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessView {
    status: ReadinessStatus,
    checks: ChecksView,
}

/// `ready`, `not_ready`, or `draining` while the process shuts down.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessStatus {
    Ready,
    NotReady,
    Draining,
}

/// The state of each dependency.
#[derive(Serialize, ToSchema)]
#[schema(as = Checks)]
pub struct ChecksView {
    /// `ok` or `down`.
    database: CheckStatus,
    /// `ok`, `pending` if `keepstone migrate upgrade` has to be run, or `down`.
    migrations: CheckStatus,
    /// `ok`, or `down` if this process has stopped running background jobs.
    jobs: CheckStatus,
}

/// The state of a dependency.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Ok,
    Pending,
    Down,
}

impl From<Check> for CheckStatus {
    fn from(check: Check) -> Self {
        match check {
            Check::Ok => Self::Ok,
            Check::Down => Self::Down,
            Check::Pending => Self::Pending,
        }
    }
}

impl ReadinessView {
    /// A server whose database is not migrated yet.
    const NOT_MIGRATED: Self = Self {
        status: ReadinessStatus::NotReady,
        checks: ChecksView { database: CheckStatus::Ok, migrations: CheckStatus::Pending, jobs: CheckStatus::Ok },
    };
}

impl From<Readiness> for ReadinessView {
    fn from(readiness: Readiness) -> Self {
        let status = match (readiness.is_draining, readiness.is_ready()) {
            (true, _) => ReadinessStatus::Draining,
            (false, true) => ReadinessStatus::Ready,
            (false, false) => ReadinessStatus::NotReady,
        };
        let checks = ChecksView {
            database: readiness.database.into(),
            migrations: readiness.migrations.into(),
            jobs: readiness.jobs.into(),
        };
        Self { status, checks }
    }
}

/// Get the version and environment
///
/// Returns the version and the environment of the running server.
#[utoipa::path(
    tag = "health",
    operation_id = "getHealth",
    responses((status = OK, body = HealthView)),
    security(()),
)]
#[get("/health")]
pub async fn health(options: Data<Options>) -> Json<HealthView> {
    let (version, environment) = (options.version.clone(), options.environment.clone());
    Json(HealthView { status: HealthStatus::Healthy, version, environment })
}

/// Check liveness
///
/// Liveness probe; checks no dependencies.
#[utoipa::path(
    tag = "health",
    operation_id = "getLiveness",
    responses((status = OK, body = LivenessView)),
    security(()),
)]
#[get("/health/live")]
pub async fn live() -> Json<LivenessView> {
    Json(LivenessView { status: LivenessStatus::Ok })
}

/// Check readiness
///
/// Readiness probe. Responds with 503 while a dependency is down, migrations are pending or the server shuts down.
#[utoipa::path(
    tag = "health",
    operation_id = "getReadiness",
    responses((status = OK, body = ReadinessView), (status = SERVICE_UNAVAILABLE, body = ReadinessView, example = json!(ReadinessView::NOT_MIGRATED))),
    security(()),
)]
#[get("/health/ready")]
pub async fn ready(probes: Data<Health>) -> Readied {
    Readied(probes.readiness().await)
}

/// A response with 200 if the server is ready, else 503.
pub struct Readied(Readiness);

impl Responder for Readied {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = if self.0.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
        if !self.0.is_ready() {
            response.insert_header((actix_web::http::header::RETRY_AFTER, "2"));
        }
        response.json(ReadinessView::from(self.0))
    }
}
