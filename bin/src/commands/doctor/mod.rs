//! `doctor`: checks the whole environment and suggests fixes. It changes nothing. With an invalid configuration, it
//! still checks what it can.

mod database;
mod finding;
mod mail;
mod redis;
mod surroundings;

use std::process::ExitCode;

use serde_json::{Value, json};

use self::finding::{Finding, State};
use crate::{
    cli::Doctor,
    failure::Failure,
    output,
    settings::{Inputs, Problem, Problems, Settings},
};

pub async fn run(inputs: &Inputs, arguments: &Doctor) -> Result<ExitCode, Failure> {
    let (settings, problems) = Settings::examine(inputs)?;
    let mut found = configuration(&settings, problems.as_ref());
    found.extend(database::look(&settings, problems.as_ref()).await);
    found.extend(redis::look(&settings).await);
    found.extend(mail::look(&settings, problems.as_ref()).await);
    found.extend(surroundings::look(&settings, problems.as_ref()));
    output::line(if arguments.json { as_json(&found) } else { as_text(&found) })?;
    let has_failed = found.iter().any(|finding| finding.state == State::Failed);
    Ok(ExitCode::from(if problems.is_some() { 2 } else { u8::from(has_failed) }))
}

/// Returns the findings of `config check`.
fn configuration(settings: &Settings, problems: Option<&Problems>) -> Vec<Finding> {
    const NAME: &str = "configuration";
    let mut found = Vec::new();
    match problems {
        None => found.push(Finding::ok(NAME, format!("the environment is {}", settings.app.environment))),
        Some(problems) => {
            found.extend(problems.list.iter().map(|problem| Finding::failed(NAME, detail(problem), &problem.fix)));
            found.extend(problems.note.iter().map(|note| Finding::warning(NAME, note, "set ENVIRONMENT")));
        }
    }
    found.extend(settings.warnings.iter().map(|warning| Finding::warning(NAME, detail(warning), &warning.fix)));
    let idle = settings.without_effect();
    if !idle.is_empty() {
        let detail = format!("configured, but without effect in this version: {}", idle.join(", "));
        found.push(Finding::warning(NAME, detail, "do not rely on it"));
    }
    found
}

fn detail(problem: &Problem) -> String {
    format!("{} ({}): {}", problem.key, problem.origin, problem.message)
}

fn as_text(found: &[Finding]) -> String {
    let width = found.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
    let line = |finding: &Finding| {
        let fix = finding.fix.as_ref().map_or_else(String::new, |fix| format!("\n{:9}fix: {fix}", ""));
        format!("{:<7}  {:width$}  {}{fix}\n", finding.state.name(), finding.name, finding.detail)
    };
    found.iter().map(line).collect()
}

fn as_json(found: &[Finding]) -> String {
    let worst = found.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    let object = |finding: &Finding| {
        json!({
            "name": finding.name, "state": finding.state.name(), "detail": finding.detail, "fix": finding.fix,
        })
    };
    format!("{:#}", json!({ "state": worst.name(), "checks": found.iter().map(object).collect::<Value>() }))
}
