//! E-mails as files.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use keepstone_adapters::FileMailer;
use keepstone_service::{Mail, MailError, Mailer};

use super::{composer, verification};

fn files(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn each_email_is_a_file_that_only_its_owner_can_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new/mails");
    let (mailer, mail) = (FileMailer::new(&folder, composer()), verification());
    mailer.check().await.unwrap();
    assert_eq!(files(&folder), [""; 0]);
    mailer.send(&mail).await.unwrap();
    mailer.send(&verification()).await.unwrap();
    let name = format!("{}.eml", mail.id);
    assert_eq!((mode(&folder), mode(&folder.join(&name))), (0o700, 0o600));
    assert_eq!(files(&folder).len(), 2);
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(&format!("Message-ID: <{}@xn--bcher-kva.example>\r\n", mail.id)), "{text}");
    assert!(text.contains("To: \"Ada Lovelace\" <Ada.L@example.com>\r\n"), "{text}");
}

#[tokio::test]
async fn the_same_email_replaces_its_file_atomically() {
    let home = tempfile::tempdir().unwrap();
    let mailer = FileMailer::new(home.path(), composer());
    let mail = verification();
    mailer.send(&mail).await.unwrap();
    let path = home.path().join(format!("{}.eml", mail.id));
    let opened = fs::File::open(&path).unwrap();
    let (first, inode) = (fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap().ino());
    mailer.send(&Mail { name: None, ..mail }).await.unwrap();
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode, "the file is new, not the old file rewritten");
    assert_eq!(std::io::read_to_string(opened).unwrap(), first, "a reader of the old file still sees all of it");
    assert!(fs::read_to_string(&path).unwrap().contains("To: Ada.L@example.com\r\n"));
    assert_eq!(files(home.path()).len(), 1, "the draft is removed");
}

#[tokio::test]
async fn a_folder_that_is_not_writable_is_reported_by_name() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let mailer = FileMailer::new(file.join("mails"), composer());
    for result in [mailer.send(&verification()).await, mailer.check().await] {
        assert!(matches!(&result, Err(MailError::Unavailable(text)) if text.contains("file/mails")), "{result:?}");
    }
}

#[tokio::test]
async fn a_draft_does_not_follow_prepared_symlinks() {
    let home = tempfile::tempdir().unwrap();
    let (folder, target) = (home.path().join("mails"), home.path().join("precious"));
    fs::create_dir(&folder).unwrap();
    fs::write(&target, "precious").unwrap();
    for number in 0..100 {
        // A process that shares the folder and sees the process ID could guess these names.
        symlink(&target, folder.join(format!(".{}-{number}.draft", std::process::id()))).unwrap();
    }
    FileMailer::new(&folder, composer()).send(&verification()).await.unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert_eq!(files(&folder).len(), 101);
}
