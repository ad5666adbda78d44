//! The composition root and the command line: the only place that names concrete types.

mod cli;
mod commands;
mod compose;
mod document;
mod failure;
mod first_admin;
mod keys;
mod logging;
mod mail;
mod output;
mod settings;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use crate::{cli::Cli, failure::Failure};

#[actix_web::main]
async fn main() -> ExitCode {
    keepstone_persistence::install_crypto();
    let outcome = match Cli::try_parse() {
        Ok(cli) => commands::run(cli).await,
        Err(message) => print_message(&message),
    };
    outcome.unwrap_or_else(|failure| failure.report())
}

/// Prints the help, the version or the error of the command line.
fn print_message(message: &clap::Error) -> Result<ExitCode, Failure> {
    let printed = message.print().and_then(|()| io::stdout().flush());
    if message.use_stderr() {
        return Ok(ExitCode::from(2));
    }
    output::written(printed)?;
    Ok(ExitCode::SUCCESS)
}
