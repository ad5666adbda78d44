//! `import-users`: imports accounts from another system. The file is streamed and never held in memory as a whole. An
//! invalid row is reported, and the import continues.

mod column;
mod csv;
mod json;
mod jsonl;
mod row;
mod source;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use indicatif::ProgressBar;
use keepstone_adapters::SystemClock;
use keepstone_domain::Clock;
use keepstone_repository::Insertion;
use keepstone_service::{Import, Newcomer};
use serde_json::json;

use self::{
    row::{Cells, Fault, Rules},
    source::Source,
};
use crate::{cli::ImportUsers, compose, failure::Failure, output, settings::Settings};

/// The number of users created in one transaction.
const BATCH: usize = 500;
/// The maximum size of a row; a larger one is invalid.
const MOST_BYTES: usize = 1024 * 1024;
/// The number of faults that are printed; the rest is only counted.
const MOST_TOLD: u64 = 1_000;

/// A row of the file.
pub struct Row {
    /// The number of its first line.
    pub line: u64,
    /// Its values; `None` if the row does not describe a user.
    pub cells: Result<Option<Cells>, Fault>,
}

pub async fn run(settings: &Settings, arguments: &ImportUsers) -> Result<ExitCode, Failure> {
    let source = Source::open(&arguments.file, arguments.format)?;
    let import = compose::import(settings, compose::open_migrated(settings).await?);
    let rules =
        Rules { import: &import, default_role: settings.registration.default_role.clone(), now: SystemClock.now() };
    if !source.has_hashes() {
        let name = &source.name;
        output::error(format!("{name}: no column has password hashes; every user must set a password by e-mail"));
    }
    let bar = output::bytes(source.bytes);
    let mut run = Run { source, bar, is_rehearsal: arguments.dry_run, tally: Tally::default(), batch: Vec::new() };
    let outcome = run.all(&rules).await;
    run.bar.finish_and_clear();
    if run.tally.told > MOST_TOLD {
        output::error(format!("and {} more faults", run.tally.told - MOST_TOLD));
    }
    if let Err(failure) = outcome {
        return Err(interrupted(&failure, (!arguments.dry_run).then_some(run.tally.made)));
    }
    run.report(arguments.json)?;
    Ok(ExitCode::from(u8::from(run.tally.bad > 0)))
}

/// Returns the failure of an interrupted import. `made` is the number of users created; `None` for a dry run.
fn interrupted(failure: &Failure, made: Option<u64>) -> Failure {
    Failure::Failed(match made {
        Some(made) => format!("{failure}\ncreated {made} users before; run it again to continue"),
        None => format!("{failure}\nthe remaining rows were not checked; no user was created"),
    })
}

/// The numbers of rows by outcome.
#[derive(Default)]
struct Tally {
    rows: u64,
    made: u64,
    without_password: u64,
    there: u64,
    bad: u64,
    told: u64,
}

/// A running import.
struct Run {
    source: Source,
    bar: ProgressBar,
    is_rehearsal: bool,
    tally: Tally,
    batch: Vec<(u64, Newcomer)>,
}

impl Run {
    async fn all(&mut self, rules: &Rules<'_>) -> Result<(), Failure> {
        while let Some(row) = self.source.next()? {
            if let Some(news) = self.source.ignored.news() {
                self.bar.suspend(|| output::error(news));
            }
            let cells = match row.cells {
                Ok(None) => continue,
                Ok(Some(cells)) => Ok(cells),
                Err(fault) => Err(vec![fault]),
            };
            self.tally.rows += 1;
            match cells.and_then(|cells| row::read(&cells, rules)) {
                Ok(newcomer) => self.batch.push((row.line, newcomer)),
                Err(faults) => self.bad(row.line, &faults),
            }
            if self.batch.len() == BATCH {
                self.flush(rules.import).await?;
            }
        }
        self.flush(rules.import).await
    }

    async fn flush(&mut self, import: &Import) -> Result<(), Failure> {
        let has_password: Vec<bool> = self.batch.iter().map(|(_line, new)| new.password_hash.is_some()).collect();
        let (lines, newcomers): (Vec<u64>, Vec<Newcomer>) = self.batch.drain(..).unzip();
        let outcomes =
            if self.is_rehearsal { import.rehearse(newcomers).await? } else { import.add(newcomers).await? };
        for ((line, outcome), has_password) in lines.into_iter().zip(outcomes).zip(has_password) {
            match outcome {
                Insertion::Made => {
                    self.tally.made += 1;
                    self.tally.without_password += u64::from(!has_password);
                }
                Insertion::EmailTaken => self.tally.there += 1,
                Insertion::UsernameTaken => {
                    let fault = Fault { column: Some("username"), reason: "belongs to another user".to_owned() };
                    self.bad(line, &[fault]);
                }
            }
        }
        self.bar.set_position(self.source.position());
        Ok(())
    }

    fn bad(&mut self, line: u64, faults: &[Fault]) {
        self.tally.bad += 1;
        for Fault { column, reason } in faults {
            self.tally.told += 1;
            if self.tally.told <= MOST_TOLD {
                let column = column.map_or_else(String::new, |column| format!("{column}: "));
                let text = format!("{}:{line}: {column}{reason}", self.source.name);
                self.bar.suspend(|| output::error(text));
            }
        }
    }

    fn report(&self, as_json: bool) -> Result<(), Failure> {
        let Tally { rows, made, without_password, there, bad, .. } = self.tally;
        if as_json {
            let report = json!({
                "rows": rows, "made": made, "without_password": without_password, "already_there": there, "bad": bad, "dry_run": self.is_rehearsal,
                "ignored_columns": self.source.ignored.names(),
            });
            return output::line(report.to_string());
        }
        let verb = if self.is_rehearsal { "would create" } else { "created" };
        output::line(format!("{verb} {made} users of {rows} rows; {there} already existed, {bad} invalid"))?;
        if without_password > 0 {
            output::line(format!("{without_password} of them have no password and must set one by e-mail"))?;
        }
        Ok(())
    }
}
