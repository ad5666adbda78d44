//! Plans: the migrations that lead to a target, or the reason why it cannot be reached.

use super::{MigrationError, MigrationState};

/// The target of a schema change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All migrations are applied, or none.
    All,
    /// This many migrations in the direction of the change.
    Steps(usize),
    /// The newest applied migration after the change: its number (`20261121000003` or `2026-11-21-000003`) or its name.
    Revision(String),
}

/// The direction of a schema change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// A change of the schema.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub direction: Direction,
    pub target: Target,
}

impl Plan {
    /// Returns the names of the migrations to apply or to revert, in order. `states` has the oldest first.
    pub fn steps(&self, states: &[MigrationState]) -> Result<Vec<String>, MigrationError> {
        let steps = match self.direction {
            Direction::Up => self.up(states)?,
            Direction::Down => self.down(states)?,
        };
        // If nothing is to be applied, an older program is accepted: its schema is a part of the newer one.
        let is_refused = self.direction == Direction::Down || !steps.is_empty();
        let unknown = unknown(states);
        if is_refused && !unknown.is_empty() { Err(MigrationError::Newer(unknown)) } else { Ok(steps) }
    }

    fn up(&self, states: &[MigrationState]) -> Result<Vec<String>, MigrationError> {
        let pending = || states.iter().filter(|state| !state.is_applied).map(|state| state.name.clone());
        match &self.target {
            Target::All => Ok(pending().collect()),
            Target::Steps(count) if *count > pending().count() => {
                Err(refused(format!("+{count} is too many: {} can be applied", counted(pending().count()))))
            }
            Target::Steps(count) => Ok(pending().take(*count).collect()),
            Target::Revision(revision) => {
                let target = find(states, revision)?;
                let steps: Vec<_> = pending().filter(|name| version(name) <= version(&target.name)).collect();
                let newer = |state: &&MigrationState| state.is_applied && version(&state.name) > version(&target.name);
                match states.iter().rev().find(newer) {
                    Some(newest) if steps.is_empty() => Err(refused(format!(
                        "{} is behind {}, which is applied: to revert to it, run downgrade {revision}",
                        target.name, newest.name
                    ))),
                    _ => Ok(steps),
                }
            }
        }
    }

    fn down(&self, states: &[MigrationState]) -> Result<Vec<String>, MigrationError> {
        let applied =
            || states.iter().rev().filter(|state| state.is_applied && state.is_known).map(|state| state.name.clone());
        match &self.target {
            Target::All => Ok(applied().collect()),
            Target::Steps(count) if *count > applied().count() => {
                Err(refused(format!("-{count} is too many: {} can be reverted", counted(applied().count()))))
            }
            Target::Steps(count) => Ok(applied().take(*count).collect()),
            Target::Revision(revision) => {
                let target = find(states, revision)?;
                if !target.is_applied {
                    return Err(refused(format!(
                        "{} is not applied, so there is nothing to revert: to apply it, run upgrade {revision}",
                        target.name
                    )));
                }
                Ok(applied().filter(|name| version(name) > version(&target.name)).collect())
            }
        }
    }
}

/// Returns the applied migrations that this program does not know.
pub(super) fn unknown(states: &[MigrationState]) -> Vec<String> {
    states.iter().filter(|state| !state.is_known).map(|state| state.name.clone()).collect()
}

/// Combines the migrations that the program knows with those that are applied, oldest first.
pub(super) fn states<'n>(known: impl Iterator<Item = &'n str>, applied: &[String]) -> Vec<MigrationState> {
    let known: Vec<_> = known.collect();
    let versions: Vec<_> = known.iter().map(|name| version(name)).collect();
    let mut states: Vec<_> = known
        .iter()
        .zip(&versions)
        .map(|(name, version)| MigrationState {
            name: (*name).to_owned(),
            is_applied: applied.contains(version),
            is_known: true,
        })
        .collect();
    let unknown = applied.iter().filter(|version| !versions.contains(version));
    states.extend(unknown.map(|version| MigrationState { name: version.clone(), is_applied: true, is_known: false }));
    states.sort_by_key(|state| version(&state.name));
    states
}

/// Extracts the version from a name or a number, in the form that diesel stores.
pub(super) fn version(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

fn find<'s>(states: &'s [MigrationState], revision: &str) -> Result<&'s MigrationState, MigrationError> {
    let is_match = |state: &&MigrationState| {
        state.name == revision || (!revision.contains('_') && version(&state.name) == version(revision))
    };
    let found = states.iter().find(is_match);
    found.ok_or_else(|| {
        refused(format!("there is no migration {revision}: `keepstone migrate history` lists all migrations"))
    })
}

fn counted(count: usize) -> String {
    match count {
        0 => "no migration".to_owned(),
        1 => "only 1 migration".to_owned(),
        _ => format!("only {count} migrations"),
    }
}

fn refused(reason: String) -> MigrationError {
    MigrationError::Target(reason)
}
