//! Which of the three ways to run this is. Production is never an accident: an unset `ENVIRONMENT` is production
//! as soon as others can reach the server.

use std::net::IpAddr;

use super::addresses;
use super::layers::Tree;
use super::problems::Problem;
use super::reader::Reader;
use super::values::{Choice, choices};

choices! {
    /// `ENVIRONMENT`. The words of other backends are understood: `local`, `dev`, `staging`, `prod`, `testing`.
    pub enum Environment {
        Development = "development" | "dev" | "local",
        Production = "production" | "prod" | "staging",
        Test = "test" | "testing",
    }
}

impl Environment {
    /// The profile built into the program.
    pub(super) fn embedded(self) -> &'static str {
        match self {
            Self::Development => include_str!("../../../config/development.toml"),
            Self::Production => include_str!("../../../config/production.toml"),
            Self::Test => include_str!("../../../config/test.toml"),
        }
    }
}

/// The environment, and who decided.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub environment: Environment,
    pub origin: String,
    /// Why this is production, when `ENVIRONMENT` does not say so.
    pub note: Option<String>,
    /// What is wrong with `ENVIRONMENT`; the rules of production are then not asked, so as not to guess.
    pub problem: Option<Problem>,
}

impl Profile {
    /// `said` is what there is without a profile, `developed` what development would make of it.
    pub(super) fn choose(said: &Tree, developed: &Tree) -> Self {
        let mut reader = Reader::new(said);
        if let Some(environment) = reader.parse("app.environment", Environment::read) {
            let origin = said.origin("app.environment").to_owned();
            return Self { environment, origin, note: None, problem: None };
        }
        let problem = reader.into_problems().pop();
        let host = Reader::new(developed).text("server.host").unwrap_or_default();
        // A host that is none is refused by itself.
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

/// Whether only this machine can reach a server that listens here. A name other than `localhost` may resolve to
/// anything.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
