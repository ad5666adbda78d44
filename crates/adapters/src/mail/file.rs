//! E-mails as files in a folder, for whoever collects them there. A file is there whole or not at all, and for its owner only.

use std::{
    fs::{DirBuilder, File, OpenOptions, remove_file, rename},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use keepstone_service::{Mail, MailError, Mailer};

use super::Composer;

/// Writes `<id>.eml` into a folder.
#[derive(Debug)]
pub struct FileMailer {
    folder: PathBuf,
    composer: Composer,
}

impl FileMailer {
    /// Into this folder, which is made when it is needed.
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

/// Writes a file that nobody takes for an e-mail.
fn draft(folder: &Path, content: &[u8]) -> io::Result<PathBuf> {
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!(".{}-{}.draft", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)));
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
    if let Err(error) = written {
        let _ = remove_file(&path); // it may not be there
        return Err(error);
    }
    Ok(path)
}
