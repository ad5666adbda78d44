//! Where e-mail goes: whether a mail server lets us in, or a folder can be written to. Nothing is sent.

use std::path::Path;

use keepstone_adapters::MailUrl;
use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::{
    mail,
    settings::{Environment, Settings},
};

const NAME: &str = "mail";
const MEND: &str =
    "see that MAIL_URL names a mail server that this machine may reach, with the right user and password";

pub async fn look(settings: &Settings) -> Vec<Finding> {
    match &settings.mail.url {
        None if settings.app.environment == Environment::Production => Vec::new(), // the configuration says so
        None => vec![Finding::ok(NAME, "MAIL_URL is not set; development writes e-mails into its log")],
        Some(MailUrl::File(folder)) => vec![writable(folder)],
        Some(MailUrl::Smtp(url)) => vec![match handed_over(settings).await {
            Ok(()) => Finding::ok(NAME, format!("{url} answers")),
            Err(reason) => Finding::failed(NAME, format!("{url}: {reason}"), MEND),
        }],
    }
}

/// Whether an e-mail could be handed over: as far as before it.
async fn handed_over(settings: &Settings) -> Result<(), String> {
    match mail::mailer(settings) {
        Ok(Some(mailer)) => mailer.check().await.map_err(|error| error.to_string()),
        Ok(None) => Ok(()),
        Err(failure) => Err(failure.to_string()),
    }
}

/// A server makes the folder, if it is not there.
fn writable(folder: &Path) -> Finding {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = if folder.exists() { folder } else { parent };
    match access(place, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(NAME, format!("file:{} can be written to", folder.display())),
        Err(error) => {
            let mend = "give this process a folder that it may write to";
            Finding::failed(NAME, format!("file:{}: {error}", folder.display()), mend)
        }
    }
}
