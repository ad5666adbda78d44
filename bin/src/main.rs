//! The composition root and the command line: the only place that names concrete types.

mod cli;
mod commands;
mod compose;
mod failure;
mod keys;
mod logging;
mod output;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

#[actix_web::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse()).await {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
