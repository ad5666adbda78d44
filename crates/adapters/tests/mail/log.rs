//! E-mails in the log of development.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use keepstone_adapters::LogMailer;
use keepstone_service::Mailer;
use tracing::Level;

use super::{composer, verification};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_shows_the_email() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mailer = LogMailer::new(composer());
    mailer.check().await.unwrap();
    mailer.send(&verification()).await.unwrap();
    drop(guard);
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for part in [
        " INFO ",
        "keepstone",
        "Ada.L@example.com",
        "Confirm your e-mail",
        "\nhttps://app.example.com/verify#token=s3cret",
    ] {
        assert!(log.contains(part), "{part:?}: {log}");
    }
}
