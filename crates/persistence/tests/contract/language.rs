//! Servers whose messages are in another language: nothing depends on the words.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use keepstone_domain::{Email, User, Username};
use keepstone_persistence::{Cause, probe};
use keepstone_repository::{StorageError, UniqueKey};
use keepstone_test_backends::{Database, Server, ServerOptions};

use crate::{
    contention::assert_deadlocks_are_resolved,
    harness::{Opened, at, eventually, user},
};

/// Starts a server with this locale; `None` if there is no such server.
fn speaking(locale: &str) -> Option<(Server, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = ServerOptions::default();
    match Database::chosen() {
        Database::Sqlite => {
            eprintln!("skipped: SQLite has only English messages");
            return None;
        }
        Database::Mariadb => options.arguments = format!("--lc-messages={locale}"),
        Database::Postgres => {
            let language = locale.split('_').next().unwrap();
            let catalogue = Path::new("/usr/share/locale").join(language).join("LC_MESSAGES");
            let target = folder.path().join(format!("{locale}.UTF-8"));
            let made = Command::new("localedef").args(["-i", locale, "-f", "UTF-8"]).arg(&target).status();
            if !made.is_ok_and(|status| status.success()) || !catalogue.is_dir() {
                eprintln!("skipped: this machine cannot create the locale {locale} (Debian: the package locales)");
                return None;
            }
            options.environment.push(("LOCPATH", folder.path().display().to_string()));
            options.arguments = format!("-c lc_messages={locale}.UTF-8");
        }
    }
    Some((Database::chosen().server_with(&options), folder))
}

async fn assert_speaks(url: &str, words: &str) {
    let missing = probe(&format!("{url}_missing").parse().unwrap()).await.unwrap_err();
    let Cause::DatabaseUnknown(said) = missing.cause else { panic!("{missing:?}") };
    assert!(said.contains(words), "{said}");
}

async fn assert_duplicates_are_recognized(opened: &Opened) {
    let taken = |key| Err(StorageError::Duplicate { key });
    let ada = User { username: Some(Username::parse("x.email_key").unwrap()), ..user("clash") };
    opened.insert(&ada).await.unwrap();
    let same_name = User { username: ada.username.clone(), ..user("other") };
    assert_eq!(opened.insert(&same_name).await, taken(UniqueKey::Username));
    let hostile = "o'for`key'users_username_key'@example.com";
    let first = User { email: Email::parse(hostile).unwrap(), username: None, ..user("hostile") };
    opened.insert(&first).await.unwrap();
    let second = User { email: first.email.clone(), username: None, ..user("second") };
    assert_eq!(opened.insert(&second).await, taken(UniqueKey::Email));
}

/// Asserts that a change succeeds if the lock is released after the first attempt has failed.
async fn assert_lock_timeouts_are_retried(opened: &Opened) {
    let eve = user("eve");
    opened.insert(&eve).await.unwrap();
    let mut foreigner = opened.raw().await;
    foreigner.run("BEGIN").await;
    foreigner.run("UPDATE users SET is_active = is_active").await;
    let (start, runs) = (Instant::now(), AtomicU32::new(0));
    let change = opened.transaction(async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.users().update(&eve, at(1)).await
    });
    let release = async {
        eventually("the second attempt", async || runs.load(Ordering::Relaxed) == 2).await;
        foreigner.run("COMMIT").await;
    };
    let (change, ()) = tokio::join!(change, release);
    assert_eq!(change, Ok(true), "after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_messages_of_a_server_may_be_german_or_french() {
    let words = match Database::chosen() {
        Database::Postgres => [("de_DE", "existiert nicht"), ("fr_FR", "existe pas")],
        Database::Sqlite | Database::Mariadb => [("de_DE", "Unbekannte Datenbank"), ("fr_FR", "Base")],
    };
    for (locale, words) in words {
        let Some((server, _folder)) = speaking(locale) else { return };
        let url = Database::chosen().create_on(&server, "test");
        assert_speaks(&url, words).await;
        let opened = Opened::at(&url).await;
        assert_deadlocks_are_resolved(&opened).await;
        assert_duplicates_are_recognized(&opened).await;
        assert_lock_timeouts_are_retried(&opened).await;
        opened.assert_whole().await;
    }
}
