//! The outcome of a check, with a fix if it is not good.

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Ok,
    Warning,
    Failed,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// A line of the report of `doctor`.
#[derive(Debug)]
pub struct Finding {
    /// The subject of the check.
    pub name: &'static str,
    pub state: State,
    pub detail: String,
    /// How to fix it; `None` if the state is [`State::Ok`].
    pub fix: Option<String>,
}

impl Finding {
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), fix: None }
    }

    pub fn warning(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Warning, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub fn failed(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Failed, detail: detail.into(), fix: Some(fix.into()) }
    }
}
