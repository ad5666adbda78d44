//! `seed`: creates sample users and items.

use std::process::ExitCode;

use keepstone_service::{NewPassword, numbered_user_id};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    cli::Seed,
    compose,
    failure::Failure,
    output,
    settings::{Environment, Settings},
};

/// The number of rows created at once.
const BATCH: u32 = 1_000;
/// The number of items by default.
const FEW: u32 = 20;

pub async fn run(settings: &Settings, arguments: &Seed) -> Result<ExitCode, Failure> {
    if settings.app.environment == Environment::Production {
        return Err(Failure::Usage(
            "seed creates accounts that share a password, so it does not run in production".to_owned(),
        ));
    }
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let password = if arguments.password_stdin { super::user::read_line()?.into() } else { generate_password()? };
    let new = NewPassword::check(password.clone(), &services.accounts.rules().password_policy)
        .map_err(|violation| Failure::Usage(format!("the password {violation}")))?;
    let seed = services.seed;
    let hash = seed.hash(new).await?;

    let (mut users, people) = seed.people(&hash).await?;
    let bar = output::things("users", arguments.users);
    for start in (0..arguments.users).step_by(step()) {
        let end = arguments.users.min(start + BATCH);
        users += seed.users(start..end, &hash).await?;
        bar.set_position(end.into());
    }
    bar.finish_and_clear();

    let numbered: Vec<_> = (0..arguments.users).map(numbered_user_id).collect();
    let owners = if numbered.is_empty() { people } else { numbered };
    let count = if owners.is_empty() { 0 } else { arguments.items.unwrap_or(FEW) };
    let (mut items, bar) = (0, output::things("items", count));
    for start in (0..count).step_by(step()) {
        let end = count.min(start + BATCH);
        items += seed.items(start..end, &owners).await?;
        bar.set_position(end.into());
    }
    bar.finish_and_clear();

    if arguments.json {
        let made_up = (users > 0 && !arguments.password_stdin).then(|| password.expose_secret());
        output::line(json!({ "users": users, "items": items, "password": made_up }).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!("created {users} users and {items} items; existing ones are unchanged"))?;
    if users > 0 {
        report(settings, &password, arguments.password_stdin)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints how to log in.
fn report(settings: &Settings, password: &SecretString, is_known: bool) -> Result<(), Failure> {
    let roles = settings.roles.names().map(|role| format!("{role}@example.com")).collect::<Vec<_>>().join(", ");
    output::line(format!("log in as {roles}"))?;
    if !is_known {
        output::line(format!("password of the new accounts: {}", password.expose_secret()))?;
    }
    Ok(())
}

/// Generates a password of 96 random bits, in characters that are easy to type.
fn generate_password() -> Result<SecretString, Failure> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(Failure::failed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

fn step() -> usize {
    usize::try_from(BATCH).unwrap_or(1)
}
