//! Checks that the mail server can be used, or the mail folder written to. No e-mail is sent.

use std::path::Path;

use keepstone_adapters::{MailUrl, SmtpUrl};
use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::{
    mail,
    settings::{Environment, Problems, Settings},
};

const NAME: &str = "mail";
pub async fn look(settings: &Settings, problems: Option<&Problems>) -> Option<Finding> {
    if problems.is_some_and(|problems| problems.concern("MAIL_URL")) {
        return Some(Finding::failed(NAME, "not checked, because MAIL_URL is invalid", "see above"));
    }
    Some(match (&settings.mail.url, settings.app.environment) {
        (None, Environment::Production) => return None, // The configuration warns of it.
        (None, Environment::Development) => {
            Finding::ok(NAME, "MAIL_URL is not set; development writes e-mails into its log")
        }
        (None, Environment::Test) => Finding::ok(NAME, "MAIL_URL is not set, so no e-mail is sent"),
        (Some(MailUrl::File(folder)), _) => writable(folder),
        (Some(MailUrl::Smtp(url)), _) => server(settings, url).await,
    })
}

/// Connects to the mail server and logs in, as for an e-mail.
async fn server(settings: &Settings, url: &SmtpUrl) -> Finding {
    let mailer = match mail::smtp_mailer(settings, url) {
        Ok(mailer) => mailer,
        Err(failure) => {
            let fix = "set MAIL_CA_FILE to a file of certificates in PEM that this process can read";
            return Finding::failed(NAME, format!("{url}: {failure}"), fix);
        }
    };
    match mailer.probe().await {
        Ok(()) => Finding::ok(NAME, format!("{url} responds")),
        Err(failure) => Finding::failed(NAME, format!("{url}, {}", failure.reason()), failure.fix()),
    }
}

/// Checks that the folder is writable. If it does not exist, a server creates it in its parent.
fn writable(folder: &Path) -> Finding {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = if folder.exists() { folder } else { parent };
    match access(place, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(NAME, format!("file:{} can be written to", folder.display())),
        Err(error) => {
            let fix = "use a folder that this process can write to";
            Finding::failed(NAME, format!("file:{}: {error}", folder.display()), fix)
        }
    }
}
