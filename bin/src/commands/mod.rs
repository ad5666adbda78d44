//! The commands. They call services, as the HTTP layer does, except `list-users`, which reads the users from the
//! repository.

mod backup;
mod cleanup;
mod completions;
mod config;
mod doctor;
mod healthcheck;
mod import;
mod job;
mod keys;
mod migrate;
mod openapi;
mod seed;
mod serve;
mod user;

use std::process::ExitCode;

use keepstone_persistence::Target;

use crate::{
    cli::{Cli, Command, Layer, Serve},
    failure::Failure,
    logging,
    settings::{Inputs, Overrides, Settings},
};

/// Runs the command of the command line.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    let inputs = Inputs::of_process(overrides(cli.layer, &command));
    match command {
        Command::Serve(arguments) => serve::run(&load(&inputs)?, &arguments).await,
        Command::Config(command) => config::run(&inputs, &command),
        Command::Migrate(command) => with_log(&inputs, async |settings| migrate::run(settings, command).await).await,
        Command::InitDb => with_log(&inputs, async |settings| migrate::upgrade(settings, Target::All).await).await,
        Command::CreateUser(user) => with_log(&inputs, async |settings| user::create(settings, user).await).await,
        Command::ListUsers(list) => with_log(&inputs, async |settings| user::list(settings, &list).await).await,
        Command::ImportUsers(file) => with_log(&inputs, async |settings| import::run(settings, &file).await).await,
        Command::Seed(seed) => with_log(&inputs, async |settings| seed::run(settings, &seed).await).await,
        Command::CleanupTokens(how) => {
            with_log(&inputs, async |settings| cleanup::clean_up(settings, &how).await).await
        }
        Command::PurgeUsers(how) => with_log(&inputs, async |settings| cleanup::purge(settings, &how).await).await,
        Command::Jobs(command) => with_log(&inputs, async |settings| job::run(settings, command).await).await,
        Command::Backup(arguments) => backup::run(&load(&inputs)?, &arguments).await,
        Command::GenerateKeys(arguments) => keys::generate(&load(&inputs)?, &arguments),
        Command::Doctor(arguments) => doctor::run(&inputs, &arguments).await,
        Command::Healthcheck(arguments) => healthcheck::run(&load(&inputs)?, &arguments).await,
        Command::Openapi(arguments) => openapi::run(&inputs, &arguments),
        Command::Completions(arguments) => completions::print(&arguments),
    }
}

/// Loads the settings and starts the log, for commands that may write to it.
async fn with_log(
    inputs: &Inputs,
    work: impl AsyncFnOnce(&Settings) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let settings = load(inputs)?;
    let _log = logging::start(&settings);
    work(&settings).await
}

fn load(inputs: &Inputs) -> Result<Settings, Failure> {
    Ok(Settings::load(inputs)?)
}

/// Returns the configuration that the command line overrides.
fn overrides(layer: Layer, command: &Command) -> Overrides {
    let overrides = Overrides { environment: layer.environment, log_level: layer.log_level, ..Overrides::default() };
    match command {
        Command::Serve(Serve { host, port, migrate, .. }) => {
            Overrides { host: host.clone(), port: *port, migrate: *migrate, ..overrides }
        }
        _ => overrides,
    }
}
