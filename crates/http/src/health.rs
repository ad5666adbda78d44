//! `/health`: whether the process lives, and whether it can do its work.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, get, web::Data};
use keepstone_service::{Check, Health, Readiness};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{respond::Json, server::Options};

/// What runs here.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthView {
    #[schema(example = "healthy")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: String,
    #[schema(example = "production")]
    environment: String,
}

/// That something runs here.
#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessView {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether requests should be sent here, and what fails if not.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessView {
    /// `ready`, `not_ready`, or `draining` while the process shuts down.
    #[schema(example = "ready")]
    status: &'static str,
    checks: ChecksView,
}

/// How the things are that this process needs.
#[derive(Serialize, ToSchema)]
#[schema(as = Checks)]
pub struct ChecksView {
    /// `ok` or `down`.
    #[schema(example = "ok")]
    database: &'static str,
    /// `ok`, `pending` if `keepstone migrate upgrade` has to be run, or `down`.
    #[schema(example = "ok")]
    migrations: &'static str,
    /// `ok`, or `down` if this process has stopped doing background jobs.
    #[schema(example = "ok")]
    jobs: &'static str,
}

impl From<Readiness> for ReadinessView {
    fn from(readiness: Readiness) -> Self {
        let status = match (readiness.is_draining, readiness.is_ready()) {
            (true, _) => "draining",
            (false, true) => "ready",
            (false, false) => "not_ready",
        };
        let check = |check| match check {
            Check::Ok => "ok",
            Check::Down => "down",
            Check::Pending => "pending",
        };
        let checks = ChecksView {
            database: check(readiness.database),
            migrations: check(readiness.migrations),
            jobs: check(readiness.jobs),
        };
        Self { status, checks }
    }
}

/// Tells what runs here.
#[utoipa::path(tag = "health", responses((status = OK, body = HealthView)), security(()))]
#[get("/health")]
pub async fn health(options: Data<Options>) -> Json<HealthView> {
    let (version, environment) = (options.version.clone(), options.environment.clone());
    Json(HealthView { status: "healthy", version, environment })
}

/// Tells that the process lives. Asks nothing and nobody.
#[utoipa::path(tag = "health", responses((status = OK, body = LivenessView)), security(()))]
#[get("/health/live")]
pub async fn live() -> Json<LivenessView> {
    Json(LivenessView { status: "ok" })
}

/// Tells whether requests should be sent here.
#[utoipa::path(
    tag = "health",
    responses((status = OK, body = ReadinessView), (status = SERVICE_UNAVAILABLE, body = ReadinessView)),
    security(()),
)]
#[get("/health/ready")]
pub async fn ready(probes: Data<Health>) -> Readied {
    Readied(probes.readiness().await)
}

/// 200 if ready, else 503.
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
