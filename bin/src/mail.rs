//! Creates the mailer from the settings.

use std::{fmt::Display, fs, path::Path, sync::Arc, time::Duration};

use keepstone_adapters::{Composer, FileMailer, LogMailer, MailUrl, Patience, SmtpMailer, SmtpUrl, Templates};
use keepstone_service::Mailer;

use crate::{
    failure::Failure,
    settings::{Environment, Settings},
};

/// Creates the configured mailer; `None` if no e-mail is sent.
pub fn mailer(settings: &Settings) -> Result<Option<Arc<dyn Mailer>>, Failure> {
    Ok(match &settings.mail.url {
        Some(MailUrl::Smtp(url)) => Some(Arc::new(smtp_mailer(settings, url)?)),
        Some(MailUrl::File(folder)) => Some(Arc::new(FileMailer::new(folder, composer(settings)?))),
        None if settings.app.environment == Environment::Development => {
            Some(Arc::new(LogMailer::new(composer(settings)?)))
        }
        None => None,
    })
}

/// Creates the client of a mail server.
pub fn smtp_mailer(settings: &Settings, url: &SmtpUrl) -> Result<SmtpMailer, Failure> {
    let unusable =
        |path: &Path, error: &dyn Display| Failure::Usage(format!("MAIL_CA_FILE: {} {error}", path.display()));
    let path = settings.mail.ca_file.as_deref();
    let ca = path.map(|path| fs::read(path).map_err(|error| unusable(path, &format!("cannot be read: {error}"))));
    SmtpMailer::new(url, ca.transpose()?.as_deref(), composer(settings)?, patience(settings.jobs.lease))
        .map_err(|error| path.map_or_else(|| Failure::failed(&error), |path| unusable(path, &error)))
}

fn composer(settings: &Settings) -> Result<Composer, Failure> {
    let templates = Templates::new(&settings.app.name).map_err(Failure::failed)?;
    Ok(Composer::new(templates, settings.mail.from.clone()))
}

/// Returns the timeouts of an attempt. It must time out before the worker cancels it, after three quarters of a lease.
/// A step times out before the attempt does, so the error names the step.
fn patience(lease: Duration) -> Patience {
    let usual = Patience::default();
    let attempt = usual.attempt.min(lease * 2 / 3);
    Patience { step: usual.step.min(attempt / 2), attempt, ..usual }
}
