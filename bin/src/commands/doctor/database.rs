//! The database, its schema, and its clock.

use std::path::Path;

use keepstone_adapters::SystemClock;
use keepstone_domain::{AuditEvent, AuditKind, Clock};
use keepstone_persistence::{DatabaseUrl, DieselStore, Migrator, probe};
use keepstone_repository::{StorageError, Store};
use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::settings::{Problems, Settings};

const NAME: &str = "database";
const SCHEMA: &str = "schema";
/// The largest difference between the clocks, since sessions and tokens expire by the second.
const MOST_MICROS_APART: u64 = 5_000_000;

pub async fn look(settings: &Settings, problems: Option<&Problems>) -> Vec<Finding> {
    let url = &settings.database.url;
    if problems.is_some_and(|problems| problems.concern("DATABASE_URL")) {
        return vec![Finding::failed(NAME, "not checked, because DATABASE_URL is invalid", "see above")];
    }
    match url {
        DatabaseUrl::SqliteFile(path) if !path.exists() => vec![absent(path)],
        DatabaseUrl::SqliteMemory => {
            vec![Finding::ok(NAME, "in memory: its data is lost when the server stops"), clock_of_this_machine()]
        }
        _ => {
            let mut found = Vec::new();
            if let Err(finding) = opened(settings, &mut found).await {
                found.push(finding);
            }
            found
        }
    }
}

fn absent(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = path.display();
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::warning(NAME, format!("{shown} does not exist yet"), "serve or init-db creates it"),
        Err(error) => Finding::failed(
            NAME,
            format!("{shown} does not exist and cannot be created: {error}"),
            format!("create the folder {} and make it writable for this process", folder.display()),
        ),
    }
}

/// Opens the database and checks it. Each check depends on the one before.
async fn opened(settings: &Settings, found: &mut Vec<Finding>) -> Result<(), Finding> {
    let url = &settings.database.url;
    probe(url).await.map_err(|failure| Finding::failed(NAME, format!("{url}: {}", failure.reason()), failure.fix()))?;
    let unreachable =
        |error: StorageError| Finding::failed(NAME, format!("{url}: {error}"), "check the database and its log");
    let store = DieselStore::open(url, 1).await.map_err(unreachable)?;
    let version = store.version().await.map_err(unreachable)?;
    found.push(Finding::ok(NAME, format!("{version} at {url}")));
    found.extend(clock(&store).await);
    for damage in store.damage().await.map_err(unreachable)? {
        found.push(Finding::failed(NAME, damage, "restore a backup: docs/backups.md"));
    }
    let is_migrated = schema(settings, found).await?;
    if is_migrated {
        found.push(match write_and_undo(&store).await {
            Ok(()) => Finding::ok(NAME, "can be written to"),
            Err(error) => {
                Finding::failed(NAME, format!("cannot be written to: {error}"), "fix the cause given in the error")
            }
        });
    }
    Ok(())
}

/// Returns whether the schema is that of this program.
async fn schema(settings: &Settings, found: &mut Vec<Finding>) -> Result<bool, Finding> {
    let migrator = Migrator::of(&settings.database.url);
    let unreadable =
        |error| Finding::failed(SCHEMA, format!("{error}"), "grant the user of DATABASE_URL read access to its tables");
    let history = migrator.look().await.map_err(unreadable)?;
    let marks = migrator.marks().await.map_err(unreadable)?;
    for mark in &marks {
        let detail = format!("a migration was interrupted and left {mark}");
        let fix = format!("restore a backup, or undo its changes manually; then DROP TABLE {mark}");
        found.push(Finding::failed(SCHEMA, detail, fix));
    }
    let unknown: Vec<_> = history.iter().filter(|migration| !migration.is_known).map(|state| &*state.name).collect();
    if !unknown.is_empty() {
        let detail = format!("a newer version has changed it: this program does not know {}", unknown.join(", "));
        found.push(Finding::warning(SCHEMA, detail, "use the version that created them"));
    }
    let pending = history.iter().filter(|migration| !migration.is_applied).count();
    let by_itself = matches!(settings.database.url, DatabaseUrl::SqliteFile(_)) || settings.database.auto_migrate;
    let detail = format!("{pending} migrations are not applied");
    found.push(match (pending, by_itself) {
        (0, _) => Finding::ok(SCHEMA, "up to date"),
        (_, true) => Finding::warning(SCHEMA, detail, "serve applies them when it starts; so does migrate upgrade"),
        (_, false) => Finding::failed(SCHEMA, detail, "keepstone migrate upgrade"),
    });
    Ok(pending == 0 && marks.is_empty())
}

async fn write_and_undo(store: &DieselStore) -> Result<(), StorageError> {
    let mut transaction = store.begin().await?;
    transaction.audit().insert(&AuditEvent::new(AuditKind::Login, SystemClock.now())).await?;
    transaction.rollback().await
}

async fn clock(store: &DieselStore) -> Option<Finding> {
    const NAME: &str = "clock";
    let before = SystemClock.now();
    // If this query fails, the next one fails too and reports the cause.
    let Some(there) = store.time().await.ok()? else { return Some(clock_of_this_machine()) };
    let here = before.as_micros().midpoint(SystemClock.now().as_micros());
    let apart = there.as_micros().abs_diff(here);
    let seconds = apart / 1_000_000;
    Some(if apart > MOST_MICROS_APART {
        let detail = format!("{seconds} s apart from that of the database");
        Finding::failed(NAME, detail, "synchronise both by NTP: tokens and sessions expire by the clock")
    } else {
        Finding::ok(NAME, "agrees with that of the database")
    })
}

fn clock_of_this_machine() -> Finding {
    Finding::ok("clock", "the database runs on this machine and uses the same clock")
}
