//! E-mails as files in a folder. Each file appears complete or not at all, and only its owner can read it.

use std::{
    fs::{DirBuilder, File, OpenOptions, remove_file, rename},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use keepstone_domain::JobId;
use keepstone_service::{Mail, MailError, Mailer};

use super::Composer;

/// A mailer that writes `<id>.eml` into a folder.
#[derive(Debug)]
pub struct FileMailer {
    folder: PathBuf,
    composer: Composer,
}

impl FileMailer {
    /// Creates a mailer for this folder, which is created when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, composer: Composer) -> Self {
        Self { folder: folder.into(), composer }
    }

    async fn on_a_thread(&self, work: impl FnOnce(&Path) -> io::Result<()> + Send + 'static) -> Result<(), MailError> {
        let folder = self.folder.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(io::Error::other)
            .and_then(|written| written)
            .map_err(|error| MailError::Unavailable(format!("{}: {error}", self.folder.display())))
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (name, message) = (format!("{}.eml", mail.id), self.composer.compose(mail)?.formatted());
        self.on_a_thread(move |folder| {
            let draft = draft(folder, &message)?;
            rename(&draft, folder.join(name))?;
            File::open(folder)?.sync_all()
        })
        .await
    }

    async fn check(&self) -> Result<(), MailError> {
        self.on_a_thread(|folder| remove_file(draft(folder, b"")?)).await
    }
}

/// Writes a draft under a name that is not an e-mail's and that no other process uses. Processes in containers may
/// share both the folder and their process ID.
fn draft(folder: &Path, content: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!(".{}.draft", JobId::generate()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    if let Err(error) = file.write_all(content).and_then(|()| file.sync_all()) {
        let _ = remove_file(&path); // otherwise a full disk would collect partial drafts
        return Err(error);
    }
    Ok(path)
}
