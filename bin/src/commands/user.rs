//! `create-user` and `list-users`.

use std::{
    io::{self, IsTerminal, stdin},
    process::ExitCode,
};

use keepstone_domain::{
    DisplayName, Email, Invalid, NewUser, PageRequest, RoleName, Start, User, UserFilter, Username,
};
use keepstone_repository::Store;
use keepstone_service::{Client, NewPassword, Receipt};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    cli::{CreateUser, ListUsers},
    compose,
    failure::Failure,
    output,
    settings::Settings,
};

/// How many users are read at once.
const BATCH: u32 = 500;

/// What is asked on a terminal could not be asked here.
const NOT_A_TERMINAL: &str = "there is no terminal to ask on: give --email, and the password with --password-stdin";

pub async fn create(settings: &Settings, arguments: CreateUser) -> Result<ExitCode, Failure> {
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let email = match arguments.email {
        Some(email) => email,
        None => ask("E-mail: ")?,
    };
    let default_role = services.accounts.rules().default_role.to_string();
    let user = NewUser {
        email: Email::parse(&email).map_err(|error| refused("--email", error))?,
        username: parse("--username", arguments.username.as_deref(), Username::parse)?,
        name: parse("--name", arguments.name.as_deref(), DisplayName::parse)?,
        role: RoleName::parse(arguments.role.as_ref().unwrap_or(&default_role))
            .map_err(|error| refused("--role", error))?,
        is_active: true,
    };
    let password = if arguments.password_stdin { read_line()?.into() } else { ask_password()? };
    let password = NewPassword::check(password, &services.accounts.rules().password_policy)
        .map_err(|violation| Failure::Usage(violation.to_string()))?;
    let user = services.accounts.provision(user, password, None, &Client::default(), Receipt::none()).await?;
    output::line(if arguments.json {
        as_json(&user).to_string()
    } else {
        format!("made {} {} ({})", user.role, user.email, user.id)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub async fn list(settings: &Settings, arguments: &ListUsers) -> Result<ExitCode, Failure> {
    let store = compose::open_migrated(settings).await?;
    let mut repositories = store.read().await?;
    let mut request = PageRequest { with_total: false, ..PageRequest::first(BATCH) };
    let mut users = output::List::new(arguments.json);
    // Each part is printed before the next is read: there may be a million.
    loop {
        let page = repositories.users().list(&UserFilter::default(), &request).await?;
        users.rows(&page.items, as_json, as_text)?;
        let Some(last) = page.next else { break };
        request.start = Start::After(last);
    }
    users.end("no users")?;
    Ok(ExitCode::SUCCESS)
}

fn as_text(user: &User) -> String {
    let state = if user.is_active { "active" } else { "inactive" };
    format!("{}  {:<8}  {state:<8}  {}", user.id, user.role.as_str(), user.email)
}

fn as_json(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email.as_str(),
        "username": user.username.as_ref().map(Username::as_str),
        "name": user.name.as_ref().map(DisplayName::as_str),
        "role": user.role.as_str(),
        "is_active": user.is_active,
        "email_verified": user.email_verified,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    })
}

fn parse<T>(
    flag: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Failure> {
    text.map(parse).transpose().map_err(|error| refused(flag, error))
}

fn refused(flag: &str, error: Invalid) -> Failure {
    Failure::Usage(format!("{flag} {error}"))
}

fn ask(question: &str) -> Result<String, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(NOT_A_TERMINAL.to_owned()));
    }
    output::prompt(question);
    read_line()
}

/// Asks twice, and shows nothing.
fn ask_password() -> Result<SecretString, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(NOT_A_TERMINAL.to_owned()));
    }
    let ask = |question| rpassword::prompt_password(question).map(SecretString::from).map_err(unreadable);
    let (first, second) = (ask("Password: ")?, ask("Once more: ")?);
    if first.expose_secret() == second.expose_secret() {
        Ok(first)
    } else {
        Err(Failure::Usage("the two passwords differ; nothing was made".to_owned()))
    }
}

/// A line, as it is but for its end.
pub fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(unreadable)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

fn unreadable(error: io::Error) -> Failure {
    Failure::Failed(format!("standard input: {error}"))
}
