//! `completions`: prints a shell completion script, generated from the command line definition.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::{
    cli::{Cli, Completions},
    failure::Failure,
    output,
};

pub fn print(arguments: &Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "keepstone", &mut script);
    output::line(String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
