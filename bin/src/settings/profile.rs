//! The environment: development, production or test. An unset `ENVIRONMENT` counts as production if other machines can
//! reach the server, so a deployment never runs as development by accident.

use std::net::IpAddr;

use super::addresses;
use super::layers::Tree;
use super::problems::Problem;
use super::reader::Reader;
use super::values::{Choice, choices};

choices! {
    /// `ENVIRONMENT`. Names of other backends are accepted: `local`, `dev`, `staging`, `prod`, `testing`.
    pub enum Environment {
        Development = "development" | "dev" | "local",
        Production = "production" | "prod" | "staging",
        Test = "test" | "testing",
    }
}

impl Environment {
    /// Returns the built-in profile.
    pub(super) fn embedded(self) -> &'static str {
        match self {
            Self::Development => include_str!("../../../config/development.toml"),
            Self::Production => include_str!("../../../config/production.toml"),
            Self::Test => include_str!("../../../config/test.toml"),
        }
    }
}

/// The environment, and the origin of this choice.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub environment: Environment,
    pub origin: String,
    /// Why this counts as production although `ENVIRONMENT` is not set.
    pub note: Option<String>,
    /// The problem of `ENVIRONMENT`. The rules of production are then not checked, because that would be a guess.
    pub problem: Option<Problem>,
}

impl Profile {
    /// Chooses the environment. `said` is the configuration without a profile, `developed` that with the profile of
    /// development.
    pub(super) fn choose(said: &Tree, developed: &Tree) -> Self {
        let mut reader = Reader::new(said);
        if let Some(environment) = reader.parse("app.environment", Environment::read) {
            let origin = said.origin("app.environment").to_owned();
            return Self { environment, origin, note: None, problem: None };
        }
        let problem = reader.into_problems().pop();
        let host = Reader::new(developed).text("server.host").unwrap_or_default();
        // An invalid host is reported separately.
        if problem.is_some() || addresses::host(&host).is_err() || is_loopback(&host) {
            return Self { environment: Environment::Development, origin: "default".to_owned(), note: None, problem };
        }
        let origin = developed.origin("server.host");
        let note = format!(
            "ENVIRONMENT is not set, and HOST={host} ({origin}) can be reached from outside, so this counts as production. \
             Set ENVIRONMENT=development if it is not."
        );
        Self {
            environment: Environment::Production,
            origin: format!("implied by HOST, {origin}"),
            note: Some(note),
            problem: None,
        }
    }
}

/// Returns whether only this machine can reach a server that listens on this host. A name other than `localhost` may
/// resolve to any address.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
