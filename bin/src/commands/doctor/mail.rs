//! Where e-mail goes: whether a mail server greets, or a folder can be written to. Nothing is sent.

use std::{path::Path, time::Duration};

use rustix::fs::{Access, access};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use url::Url;

use super::finding::Finding;
use crate::settings::{Environment, Settings};

const NAME: &str = "mail";
const MEND: &str = "see that MAIL_URL names a mail server that this machine may reach";
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn look(settings: &Settings) -> Vec<Finding> {
    let mut found: Vec<Finding> = mail_check(settings).await.into_iter().collect();
    if settings.app.environment == Environment::Production && settings.app.public_url.is_none() {
        let mend = "set PUBLIC_URL=https://… to how clients reach this server";
        found.push(Finding::warning(NAME, "PUBLIC_URL is not set, and links in e-mails are made of it", mend));
    }
    found
}

/// Whether e-mail could be handed over.
async fn mail_check(settings: &Settings) -> Option<Finding> {
    let address = settings.mail.url.as_ref()?;
    if let Some(folder) = address.to_string().strip_prefix("file:") {
        return Some(match access(Path::new(folder), Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Finding::ok(NAME, format!("{address} can be written to")),
            Err(error) => {
                Finding::failed(NAME, format!("{address}: {error}"), "make the folder, for this process to write to")
            }
        });
    }
    let url = Url::parse(address.expose()).ok()?;
    let greeting = timeout(PATIENCE, greeting(&url)).await.unwrap_or_else(|_| Err("no greeting within 5 s".to_owned()));
    Some(match greeting {
        Ok(()) => Finding::ok(NAME, format!("{address} answers")),
        Err(reason) => Finding::failed(NAME, format!("{address}: {reason}"), MEND),
    })
}

async fn greeting(url: &Url) -> Result<(), String> {
    let is_encrypted = url.scheme() == "smtps";
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port().unwrap_or(if is_encrypted { 465 } else { 25 });
    let mut stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    if is_encrypted {
        return Ok(()); // greets inside TLS only
    }
    let mut code = [0; 3];
    stream.read_exact(&mut code).await.map_err(|error| error.to_string())?;
    if &code == b"220" { Ok(()) } else { Err(format!("greets with {}", String::from_utf8_lossy(&code).escape_debug())) }
}
