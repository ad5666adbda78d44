//! How a command ends when it does not do as asked: a sentence on standard error, and an exit code.

use std::{fmt, process::ExitCode};

use keepstone_persistence::MigrationError;
use keepstone_repository::StorageError;

use crate::{output, settings::Problems};

/// Why a command did not do as asked.
#[derive(Debug)]
pub enum Failure {
    /// The command or the configuration is wrong: exit code 2.
    Usage(String),
    /// It was right, and did not work: exit code 1.
    Failed(String),
}

impl Failure {
    /// It did not work.
    pub fn failed(reason: impl ToString) -> Self {
        Self::Failed(reason.to_string())
    }

    /// Tells the person at the terminal, and the shell.
    pub fn report(&self) -> ExitCode {
        let (reason, code) = match self {
            Self::Usage(reason) => (reason, 2),
            Self::Failed(reason) => (reason, 1),
        };
        output::error(reason);
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(reason) | Self::Failed(reason)) = self;
        f.write_str(reason)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Usage(problems.to_string())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::failed(error)
    }
}

impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Target(reason) => Self::Usage(reason),
            other => Self::failed(other),
        }
    }
}

impl From<keepstone_service::Error> for Failure {
    fn from(error: keepstone_service::Error) -> Self {
        match std::error::Error::source(&error) {
            Some(cause) => Self::Failed(format!("{error}: {cause}")),
            None => Self::failed(error),
        }
    }
}
