//! Files with secrets are readable by their owner only.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keepstone_test_backends::Database;

use crate::harness::Home;

/// Returns the files of a folder and their permissions.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777))
        .collect()
}

#[tokio::test]
async fn development_creates_a_lasting_secret_that_only_its_owner_can_read() {
    let home = Home::on(Database::Sqlite).env("ENVIRONMENT", "development").env("BCRYPT_COST", "4");
    let server = home.without("JWT_SECRET_KEY").start().await;
    let ada = server.user("ada").await;
    let made = modes(server.home.database.folder().unwrap());
    let secrets: Vec<_> = made.iter().filter(|(name, _mode)| name.ends_with(".secret")).collect();
    assert_eq!(secrets.len(), 1, "one file beside the database: {made:?}");
    assert_eq!(secrets[0].1, 0o600, "{made:?}");
    let again = server.leave().start().await;
    ada.at(&again.url).get("/api/v1/users/me").await.is(200);
}

#[tokio::test]
async fn only_their_owner_can_read_the_database_files() {
    let server = Home::on(Database::Sqlite).start().await;
    server.user("ada").await;
    let made = modes(server.home.database.folder().unwrap());
    assert!(made.iter().any(|(name, _mode)| name == "keepstone.db"), "{made:?}");
    assert!(made.iter().all(|(_name, mode)| *mode == 0o600), "{made:?}");
}
