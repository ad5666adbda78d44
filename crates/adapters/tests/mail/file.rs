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
async fn an_email_is_a_file_of_its_own_for_its_owner_only() {
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
async fn the_same_email_again_takes_the_files_place_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mailer = FileMailer::new(home.path(), composer());
    let mail = verification();
    mailer.send(&mail).await.unwrap();
    let path = home.path().join(format!("{}.eml", mail.id));
    let opened = fs::File::open(&path).unwrap();
    let (first, inode) = (fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap().ino());
    mailer.send(&Mail { name: None, ..mail }).await.unwrap();
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode, "it is another file, not the old one rewritten");
    assert_eq!(std::io::read_to_string(opened).unwrap(), first, "who reads the old one has it whole");
    assert!(fs::read_to_string(&path).unwrap().contains("To: Ada.L@example.com\r\n"));
    assert_eq!(files(home.path()).len(), 1, "no draft stays behind");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_unavailable_and_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let mailer = FileMailer::new(file.join("mails"), composer());
    for result in [mailer.send(&verification()).await, mailer.check().await] {
        assert!(matches!(&result, Err(MailError::Unavailable(text)) if text.contains("file/mails")), "{result:?}");
    }
}

#[tokio::test]
async fn a_draft_goes_nowhere_that_somebody_has_prepared() {
    let home = tempfile::tempdir().unwrap();
    let (folder, target) = (home.path().join("mails"), home.path().join("precious"));
    fs::create_dir(&folder).unwrap();
    fs::write(&target, "precious").unwrap();
    for number in 0..100 {
        // As whoever shares the folder, and sees the number of the process, could guess.
        symlink(&target, folder.join(format!(".{}-{number}.draft", std::process::id()))).unwrap();
    }
    FileMailer::new(&folder, composer()).send(&verification()).await.unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert_eq!(files(&folder).len(), 101);
}
