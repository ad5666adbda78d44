//! Where e-mail goes: whether a mail server can be used, or a folder can be written to. No e-mail is sent.

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
        return Some(Finding::failed(NAME, "not looked at, because MAIL_URL is wrong", "see above"));
    }
    Some(match (&settings.mail.url, settings.app.environment) {
        (None, Environment::Production) => return None, // the configuration says so
        (None, Environment::Development) => {
            Finding::ok(NAME, "MAIL_URL is not set; development writes e-mails into its log")
        }
        (None, Environment::Test) => Finding::ok(NAME, "MAIL_URL is not set, so no e-mail is sent"),
        (Some(MailUrl::File(folder)), _) => writable(folder),
        (Some(MailUrl::Smtp(url)), _) => server(settings, url).await,
    })
}

/// Connects and logs in, as for an e-mail.
async fn server(settings: &Settings, url: &SmtpUrl) -> Finding {
    let mailer = match mail::smtp_mailer(settings, url) {
        Ok(mailer) => mailer,
        Err(failure) => {
            let fix = "set MAIL_CA_FILE to a file of certificates in PEM that this process can read";
            return Finding::failed(NAME, format!("{url}: {failure}"), fix);
        }
    };
    match mailer.probe().await {
        Ok(()) => Finding::ok(NAME, format!("{url} answers")),
        Err(failure) => Finding::failed(NAME, format!("{url}, {}", failure.reason()), failure.fix()),
    }
}

/// A server makes the folder, if it is not there.
fn writable(folder: &Path) -> Finding {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = if folder.exists() { folder } else { parent };
    match access(place, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(NAME, format!("file:{} can be written to", folder.display())),
        Err(error) => {
            let fix = "give this process a folder that it may write to";
            Finding::failed(NAME, format!("file:{}: {error}", folder.display()), fix)
        }
    }
}
