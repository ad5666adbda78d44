//! Where e-mail goes: whether a mail server lets us in, or a folder can be written to. Nothing is sent.

use std::path::Path;

use keepstone_adapters::MailUrl;
use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::{
    mail,
    settings::{Environment, Problems, Settings},
};

const NAME: &str = "mail";
const MEND: &str =
    "see that MAIL_URL names a mail server that this machine may reach, with the right user and password";

pub async fn look(settings: &Settings, problems: Option<&Problems>) -> Option<Finding> {
    if problems.is_some_and(|problems| problems.concern("MAIL_URL")) {
        return Some(Finding::failed(NAME, "not looked at, because MAIL_URL is wrong", "see above"));
    }
    Some(match (&settings.mail.url, settings.app.environment) {
        (None, Environment::Production) => return None, // the configuration says so
        (None, Environment::Development) => {
            Finding::ok(NAME, "MAIL_URL is not set; development writes e-mails into its log")
        }
        (None, Environment::Test) => Finding::ok(NAME, "MAIL_URL is not set, so no e-mail is sent"),
        (Some(MailUrl::File(folder)), _) => writable(folder),
        (Some(MailUrl::Smtp(url)), _) => match handed_over(settings).await {
            Ok(()) => Finding::ok(NAME, format!("{url} answers")),
            Err(reason) => Finding::failed(NAME, format!("{url}: {reason}"), MEND),
        },
    })
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
