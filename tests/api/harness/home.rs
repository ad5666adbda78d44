//! The environment of a test: a folder, a database and environment variables of its own, shared by its servers and its
//! command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use keepstone_test_backends::{Database, TestDatabase};
use tempfile::TempDir;

use super::Server;

pub struct Home {
    pub folder: TempDir,
    pub database: TestDatabase,
    pub environment: BTreeMap<String, String>,
    /// The limit of open files of its servers, if it differs from that of the test.
    pub descriptors: Option<u32>,
}

impl Home {
    /// Creates a home on the database of this test run.
    pub fn new() -> Self {
        Self::on(Database::chosen())
    }

    pub fn on(database: Database) -> Self {
        let folder = tempfile::Builder::new().prefix("keepstone-home-").tempdir().unwrap();
        let database = database.create();
        let settings = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("ENVIRONMENT", "test"),
            ("DATABASE_URL", database.url()),
            ("AUTO_MIGRATE", "true"),
            ("JWT_SECRET_KEY", "k3Zp-9vQw_2LrTn8XyBd5Hs7Jf1Mc4Ga6Ue0oIi"),
            ("LOG_LEVEL", "info"),
        ];
        let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { folder, database, environment, descriptors: None }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Removes an environment variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Limits the number of files that its servers may open.
    pub fn descriptors(self, most: u32) -> Self {
        Self { descriptors: Some(most), ..self }
    }

    /// Creates a file in the working directory.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub async fn start(self) -> Server {
        Server::of(Arc::new(self)).await
    }

    /// Returns the working directory.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
