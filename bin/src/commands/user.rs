//! `create-user` and `list-users`.

use std::{
    io::{self, ErrorKind, IsTerminal, stdin},
    process::ExitCode,
};

use keepstone_domain::{
    DisplayName, Email, Invalid, NewUser, PageRequest, RoleName, Start, User, UserFilter, Username,
};
use keepstone_repository::Store;
use keepstone_service::{Client, Error, NewPassword, Receipt, Rules};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    cli::{CreateUser, ListUsers},
    compose,
    failure::Failure,
    output,
    settings::Settings,
};

/// The number of users read at once.
const BATCH: u32 = 500;

/// How often a question is repeated at most.
const ATTEMPTS: u32 = 3;

const NOT_A_TERMINAL: &str = "there is no terminal for prompts: use --email, and --password-stdin for the password";
const NO_ANSWER: &str = "no input; no user was created";

pub async fn create(settings: &Settings, arguments: CreateUser) -> Result<ExitCode, Failure> {
    let services = compose::services(settings, compose::open_migrated(settings).await?)?;
    let accounts = &services.accounts;
    let default_role = accounts.rules().default_role.to_string();
    let username = parse("--username", arguments.username.as_deref(), Username::parse)?;
    let name = parse("--name", arguments.name.as_deref(), DisplayName::parse)?;
    let role = RoleName::parse(arguments.role.as_ref().unwrap_or(&default_role));
    let role = role.map_err(|error| refused("--role", error))?;
    let is_asked = arguments.email.is_none();
    let mut email = match &arguments.email {
        Some(email) => Email::parse(email).map_err(|error| refused("--email", error))?,
        None => ask_email()?,
    };
    let password = if arguments.password_stdin { read_line()?.into() } else { ask_password(accounts.rules())? };
    let mut attempts = 1..ATTEMPTS;
    let user = loop {
        let user = NewUser {
            email: email.clone(),
            username: username.clone(),
            name: name.clone(),
            role: role.clone(),
            is_active: true,
        };
        let password = NewPassword::check(password.clone(), &accounts.rules().password_policy)
            .map_err(|violation| Failure::Usage(format!("the password {violation}")))?;
        match accounts.provision(user, password, None, &Client::default(), Receipt::none()).await {
            Err(Error::EmailTaken) if is_asked && attempts.next().is_some() => {
                output::error(format!("{email} is already registered"));
                email = ask_email()?;
            }
            outcome => break outcome?,
        }
    };
    output::line(if arguments.json {
        as_json(&user).to_string()
    } else {
        format!("created {} {} ({})", user.role, user.email, user.id)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub async fn list(settings: &Settings, arguments: &ListUsers) -> Result<ExitCode, Failure> {
    let store = compose::open_migrated(settings).await?;
    let mut repositories = store.read().await?;
    let mut request = PageRequest { with_total: false, ..PageRequest::first(BATCH) };
    let mut users = output::List::new(arguments.json);
    // Each page is printed before the next is read: there may be a million users, and `head` reads only ten.
    loop {
        let page = repositories.users().list(&UserFilter::default(), &request).await?;
        let (true, Some(last)) = (users.rows(&page.items, as_json, as_text)?, page.next) else { break };
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
        "pending_email": user.pending_email.as_ref().map(Email::as_str),
        "username": user.username.as_ref().map(Username::as_str),
        "name": user.name.as_ref().map(DisplayName::as_str),
        "role": user.role.as_str(),
        "is_active": user.is_active,
        "email_verified": user.email_verified,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "deleted_at": user.deleted_at,
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

/// Asks until the answer is valid, a limited number of times.
fn ask<T>(mut question: impl FnMut() -> Result<Result<T, String>, Failure>) -> Result<T, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(NOT_A_TERMINAL.to_owned()));
    }
    let mut attempts = 1..ATTEMPTS;
    loop {
        match question()? {
            Ok(answer) => return Ok(answer),
            Err(reason) if attempts.next().is_some() => output::error(reason),
            Err(reason) => return Err(Failure::Usage(format!("{reason}; no user was created"))),
        }
    }
}

fn ask_email() -> Result<Email, Failure> {
    ask(|| {
        output::prompt("E-mail: ");
        let mut line = String::new();
        if stdin().read_line(&mut line).map_err(unreadable)? == 0 {
            return Err(Failure::Usage(NO_ANSWER.to_owned()));
        }
        Ok(Email::parse(line.trim()).map_err(|error| format!("the address {error}")))
    })
}

/// Prompts for the password twice, without showing it.
fn ask_password(rules: &Rules) -> Result<SecretString, Failure> {
    ask(|| {
        let first = prompt_password("Password: ")?;
        if let Err(violation) = rules.password_policy.check(first.expose_secret()) {
            return Ok(Err(format!("the password {violation}")));
        }
        let second = prompt_password("Once more: ")?;
        let are_equal = first.expose_secret() == second.expose_secret();
        Ok(if are_equal { Ok(first) } else { Err("the two passwords differ".to_owned()) })
    })
}

fn prompt_password(question: &str) -> Result<SecretString, Failure> {
    rpassword::prompt_password(question).map(SecretString::from).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Failure::Usage(NO_ANSWER.to_owned()),
        _ => unreadable(error),
    })
}

/// Reads a line from standard input, without its line break.
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
