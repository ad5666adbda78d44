//! The failure of a command: a message on standard error and an exit code.

use std::{fmt, process::ExitCode};

use keepstone_persistence::MigrationError;
use keepstone_repository::StorageError;

use crate::{output, settings::Problems};

/// The reason for the failure of a command.
#[derive(Debug)]
pub enum Failure {
    /// The command or the configuration is invalid: exit code 2.
    Usage(String),
    /// The command is valid but failed: exit code 1.
    Failed(String),
}

impl Failure {
    /// Creates a [`Failure::Failed`].
    pub fn failed(reason: impl ToString) -> Self {
        Self::Failed(reason.to_string())
    }

    /// Prints the reason to standard error, and returns the exit code.
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
