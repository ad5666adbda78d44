//! `backup`: copies the SQLite file while it is in use. For a database server, prints the command of its own backup
//! program.

use std::{fs, path::Path, process::ExitCode, time::Duration};

use indicatif::HumanBytes;
use keepstone_persistence::{Backup, BackupError, DatabaseUrl, ServerUrl, TlsMode};
use serde_json::json;
use tokio::time::interval;

use crate::{cli, failure::Failure, output, settings::Settings};

pub async fn run(settings: &Settings, arguments: &cli::Backup) -> Result<ExitCode, Failure> {
    let file = &arguments.file;
    let source = match &settings.database.url {
        DatabaseUrl::SqliteFile(source) => source,
        DatabaseUrl::SqliteMemory => {
            return Err(Failure::Usage(
                "a database in memory cannot be backed up: it exists only while its server runs".to_owned(),
            ));
        }
        DatabaseUrl::Postgres(server) => return Err(elsewhere("PostgreSQL", &pg_dump(server, file))),
        DatabaseUrl::Mysql(server) => return Err(elsewhere("MariaDB or MySQL", &mariadb_dump(server, file))),
    };
    let backup = Backup::new(source, file, arguments.force).map_err(refused)?;
    let bytes = watched(&backup, source).await.map_err(refused)?;
    if arguments.json {
        output::line(json!({ "file": file, "bytes": bytes }).to_string())?;
    } else {
        output::line(format!(
            "wrote {} ({}); store the secrets with it: docs/backups.md",
            file.display(),
            HumanBytes(bytes)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the copy and shows its progress.
async fn watched(backup: &Backup, source: &Path) -> Result<u64, BackupError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let bar = output::bytes(Some(size(source)));
    let (mut ticks, mut work) = (interval(Duration::from_millis(200)), std::pin::pin!(backup.clone().run()));
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            _ = ticks.tick() => bar.set_position(size(backup.draft())),
        }
    };
    bar.finish_and_clear();
    outcome
}

fn refused(error: BackupError) -> Failure {
    match error {
        BackupError::Exists(_) => Failure::Usage(format!("{error}; use --force to replace it")),
        BackupError::Missing(_) | BackupError::Itself(_) | BackupError::Folder(_) => Failure::Usage(error.to_string()),
        BackupError::Unreadable { .. }
        | BackupError::Unwritable { .. }
        | BackupError::Database(_)
        | BackupError::Damaged(_) => Failure::failed(error),
    }
}

fn elsewhere(name: &str, command: &str) -> Failure {
    Failure::Usage(format!(
        "this command copies SQLite files only; {name} has its own backup program, which prompts for the password:\n\n  \
         {command}\n\n\
         docs/backups.md explains how to restore it"
    ))
}

/// Returns the backup command for PostgreSQL, with the URL without its password.
fn pg_dump(server: &ServerUrl, file: &Path) -> String {
    let place = quoted(&server.without_password());
    format!("(umask 077; pg_dump --format=custom --file={} {place})", quoted(&file.to_string_lossy()))
}

/// Returns the backup command for MariaDB, which does not accept a URL.
fn mariadb_dump(server: &ServerUrl, file: &Path) -> String {
    let mut arguments = Vec::new();
    match (server.socket(), server.first_address()) {
        (Some(socket), _) => arguments.push(format!("--socket={}", quoted(&socket.to_string_lossy()))),
        (None, Some((host, port))) => arguments.push(format!("--host={} --port={port}", quoted(host))),
        (None, None) => {}
    }
    arguments.extend(server.user().map(|user| format!("--user={}", quoted(user))));
    if server.tls().mode() >= TlsMode::Require {
        arguments.push("--ssl".to_owned());
    }
    if server.tls().mode() >= TlsMode::VerifyCa {
        arguments.push("--ssl-verify-server-cert".to_owned());
    }
    let files = [
        ("--ssl-ca", server.tls().ca_file()),
        ("--ssl-cert", server.tls().certificate()),
        ("--ssl-key", server.tls().key()),
    ];
    let file_of = |(name, path): (&str, Option<&Path>)| Some(format!("{name}={}", quoted(&path?.to_string_lossy())));
    arguments.extend(files.into_iter().filter_map(file_of));
    arguments.extend(server.database().map(quoted));
    let place = arguments.join(" ");
    format!("(umask 077; mariadb-dump --single-transaction --hex-blob -p {place} >{})", quoted(&file.to_string_lossy()))
}

/// Quotes a text as a single word for a shell, if necessary.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> ServerUrl {
        url.parse::<DatabaseUrl>().unwrap().server().unwrap().clone()
    }

    #[test]
    fn the_commands_for_servers_contain_everything_except_the_password() {
        let file = Path::new("a copy.dump");
        for (url, place) in [
            ("postgres://ada:canary@db.test:5433/app", "postgres://ada@db.test:5433/app"),
            ("postgres://ada@h/app?sslmode=disable&password=canary", "'postgres://ada@h/app?sslmode=disable'"),
            ("postgres:///app?host=/run/postgresql", "'postgres:///app?host=/run/postgresql'"),
            ("postgres://a:canary@h1:1,h2:2/app", "postgres://a@h1:1,h2:2/app"),
        ] {
            let command = pg_dump(&server(url), file);
            assert_eq!(command, format!("(umask 077; pg_dump --format=custom --file='a copy.dump' {place})"));
        }
        for (url, place) in [
            ("mysql://ada:canary@db.test:3307/app", "--host=db.test --port=3307 --user=ada app"),
            ("mysql://a%27b:canary@[::1]/my%20app", r"--host=::1 --port=3306 --user='a'\''b' 'my app'"),
            ("mysql://a@h/app?unix_socket=/run/m.sock", "--socket=/run/m.sock --user=a app"),
            (
                "mysql://a@h/app?ssl-mode=VERIFY_IDENTITY&ssl_ca=/ca.pem",
                "--host=h --port=3306 --user=a --ssl --ssl-verify-server-cert --ssl-ca=/ca.pem app",
            ),
        ] {
            let command = mariadb_dump(&server(url), file);
            assert_eq!(
                command,
                format!("(umask 077; mariadb-dump --single-transaction --hex-blob -p {place} >'a copy.dump')")
            );
        }
    }
}
