//! What each command does. Commands talk to services, as HTTP does.

mod config;
mod healthcheck;
mod job;
mod keys;
mod migrate;
mod openapi;
mod seed;
mod serve;
mod session;
mod user;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command, Serve},
    failure::Failure,
    logging,
    settings::{Inputs, Overrides, Settings},
};

/// Runs what the command line says.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(arguments) => serve::run(&load(Overrides::from(&arguments))?, &arguments).await,
        Command::Config(command) => config::run(&command),
        Command::Migrate(command) => with_log(async |settings| migrate::run(settings, command).await).await,
        Command::InitDb => with_log(async |settings| migrate::upgrade(settings, usize::MAX).await).await,
        Command::CreateUser(arguments) => with_log(async |settings| user::create(settings, arguments).await).await,
        Command::ListUsers(arguments) => with_log(async |settings| user::list(settings, &arguments).await).await,
        Command::Seed(arguments) => with_log(async |settings| seed::run(settings, &arguments).await).await,
        Command::GenerateKeys(arguments) => keys::generate(&load(Overrides::default())?, &arguments),
        Command::CleanupTokens => with_log(session::clean_up).await,
        Command::Jobs(command) => with_log(async |settings| job::run(settings, command).await).await,
        Command::PurgeUsers(arguments) => with_log(async |settings| session::purge(settings, &arguments).await).await,
        Command::Healthcheck(arguments) => healthcheck::run(&load(Overrides::default())?, &arguments).await,
        Command::Openapi(arguments) => openapi::run(&arguments),
    }
}

/// For commands that may have something to log.
async fn with_log(work: impl AsyncFnOnce(&Settings) -> Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
    let settings = load(Overrides::default())?;
    let _log = logging::start(&settings);
    work(&settings).await
}

fn load(overrides: Overrides) -> Result<Settings, Failure> {
    Ok(Settings::load(&Inputs::of_process(overrides))?)
}

impl From<&Serve> for Overrides {
    fn from(arguments: &Serve) -> Self {
        Self { host: arguments.host.clone(), port: arguments.port, migrate: arguments.migrate, ..Self::default() }
    }
}
