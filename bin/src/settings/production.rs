//! Settings that production rejects and other environments only warn of. All problems are reported at once, so
//! fixing them does not take a restart for each.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

use super::addresses::Origins;
use super::keys;
use super::layers::{Tree, readable_by_others};
use super::model::{FirstSuperuser, Settings};
use super::problems::{Problem, Wrong};
use super::strength;
use super::values::{Algorithm, shown};
use keepstone_adapters::MailUrl;
use keepstone_auth::token::MAX_ACCESS_LIFETIME;
use keepstone_persistence::{DatabaseUrl, ServerUrl, TlsMode};

const MAKE_ONE: &str = "set it to what `openssl rand -base64 48` prints";
/// Origins that do not exist: a pattern that matches one of them matches every origin.
const ANY_ORIGINS: [&str; 2] = ["https://x7f3q.invalid", "http://www.x7f3q.com"];
const VERIFY: &str = "write sslmode=verify-full (MySQL, MariaDB: ssl-mode=VERIFY_IDENTITY) into it, with DATABASE_CA_FILE if the \
                      authority is not a public one; or reach it through an encrypted tunnel that ends on this machine";

/// Returns every problem of these settings in production. Values that could not be read are already among the `known`
/// problems.
pub(super) fn refusals(settings: &Settings, tree: &Tree, exposed: &[PathBuf], known: &[Problem]) -> Vec<Problem> {
    let is_known = |path: &str| known.iter().any(|problem| problem.is_of(path));
    let mut found = Vec::new();
    let mut refuse = |path: &str, wrong: Wrong| {
        if !is_known(path) {
            found.push(wrong.at(path, tree.origin(path)));
        }
    };
    if !tree.is_configured("database.url") {
        let fix = "set it to postgres://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME, or to \
                    sqlite:////var/lib/keepstone/keepstone.db for SQLite";
        refuse("database.url", Wrong::new("is not set; production does not start with a new SQLite file", fix));
    }
    if settings.signing_key().is_none() && !is_known("app.secret_key") {
        refuse("jwt.secret_key", Wrong::new("is not set; production does not generate one", MAKE_ONE));
    }
    if settings.jwt.algorithm != Algorithm::Hs256 && settings.jwt.keys_dir.is_none() {
        let wrong = Wrong::new("is not set, and JWT_ALGORITHM needs keys", "set it to the folder for generate-keys");
        refuse("jwt.keys_dir", wrong);
    }
    let secrets = weak_secrets(settings).into_iter().chain(equal_secrets(settings));
    for (path, wrong) in secrets.chain(known_admin_password(settings)).chain(mail(settings)) {
        refuse(path, wrong);
    }
    if settings.cors.origins == Origins::Any {
        refuse(
            "cors.origins",
            Wrong::new("allows every website", "list the origins of your own, such as https://app.example.com"),
        );
    }
    let is_any = |pattern: &Regex| ANY_ORIGINS.iter().any(|origin| pattern.is_match(origin));
    if settings.cors.origin_regex.as_ref().is_some_and(is_any) {
        let fix = r"match only your own hosts, such as https://pr-\d+\.example\.com";
        refuse("cors.origin_regex", Wrong::new("allows every website", fix));
    }
    if settings.app.debug {
        refuse("app.debug", Wrong::new("is on", "unset it"));
    }
    if settings.password.bcrypt_cost < 10 {
        let message = format!("{} is too cheap", settings.password.bcrypt_cost);
        refuse("password.bcrypt_cost", Wrong::new(message, "use 10 or more; 12 is the default"));
    }
    for (path, server) in database_servers(settings) {
        if has_default_password(server) {
            refuse(path, Wrong::new("has a well-known password", "set a strong password for the database user"));
        }
    }
    found.extend(exposed.iter().map(|path| exposed_file(path)));
    found
}

/// Warns of access tokens that live longer than other services accept by default. This does not prevent the start.
fn long_lived_tokens(settings: &Settings) -> Option<(&'static str, Wrong)> {
    let lifetime = settings.jwt.access_ttl;
    (lifetime > MAX_ACCESS_LIFETIME).then(|| {
        let message = format!(
            "is {}, and services that verify access tokens with keepstone-auth accept {} by default",
            shown(lifetime),
            shown(MAX_ACCESS_LIFETIME)
        );
        let fix = "shorten it, or set `with_max_lifetime` on the Verifier or RemoteVerifier of each of these services";
        ("jwt.access_token_expire_minutes", Wrong::new(message, fix))
    })
}

/// Returns the risks that production was configured to accept, except those among the `known` problems.
pub(super) fn reminders(settings: &Settings, tree: &Tree, known: &[Problem]) -> Vec<Problem> {
    let remote = database_servers(settings).filter(|(path, server)| is_remote(path, server));
    let databases = remote.filter_map(|(path, server)| {
        let message = match server.tls().mode() {
            TlsMode::Disable => "sends passwords and data over a network without encryption, as its parameters request",
            TlsMode::Prefer => "may send passwords and data over a network without encryption, as is allowed",
            TlsMode::Require => "is encrypted, but an attacker on the network can impersonate the server",
            TlsMode::VerifyCa | TlsMode::VerifyFull => return None,
        };
        Some((path, Wrong::new(message, VERIFY)))
    });
    let mail = match &settings.mail.url {
        None => Some(Wrong::new("is not set, so no e-mail is sent", "set it to smtps://USER:PASSWORD@HOST:465")),
        Some(_) if mail_is_overheard(settings) => {
            let message = "sends e-mails over a network without encryption, as ALLOW_INSECURE_BACKEND allows";
            Some(Wrong::new(message, "remove ?tls=none"))
        }
        Some(_) => None,
    };
    databases
        .chain(mail.map(|wrong| ("mail.url", wrong)))
        .chain(long_lived_tokens(settings))
        .map(|(path, wrong)| (path, wrong.at(path, tree.origin(path))))
        .filter(|(path, _)| !known.iter().any(|problem| problem.is_of(path)))
        .map(|(_, reminder)| reminder)
        .collect()
}

/// Returns the problems that production rejects, as warnings for other environments.
pub(super) fn warnings(settings: &Settings, tree: &Tree, exposed: &[PathBuf]) -> Vec<Problem> {
    let found = weak_secrets(settings).into_iter().chain(equal_secrets(settings)).chain(known_admin_password(settings));
    let found = found.chain(long_lived_tokens(settings)).map(|(path, wrong)| wrong.at(path, tree.origin(path)));
    found.chain(exposed.iter().map(|path| exposed_file(path))).collect()
}

fn secrets(settings: &Settings) -> impl Iterator<Item = (&'static str, &SecretString)> {
    let all = [
        ("jwt.secret_key", settings.jwt.secret_key.as_ref()),
        ("jwt.refresh_secret", settings.jwt.refresh_secret.as_ref()),
        ("app.secret_key", settings.app.secret_key.as_ref()),
    ];
    all.into_iter().filter_map(|(path, secret)| Some((path, secret?)))
}

fn weak_secrets(settings: &Settings) -> Vec<(&'static str, Wrong)> {
    let weak = |(path, secret): (&'static str, &SecretString)| {
        strength::weakness(secret.expose_secret()).map(|message| (path, Wrong::new(message, MAKE_ONE)))
    };
    secrets(settings).filter_map(weak).collect()
}

fn equal_secrets(settings: &Settings) -> Vec<(&'static str, Wrong)> {
    let all: Vec<_> = secrets(settings).collect();
    let twin = |index: usize, secret: &SecretString| {
        all.iter().take(index).find(|(_, other)| other.expose_secret() == secret.expose_secret()).map(|(path, _)| *path)
    };
    let wrong = |(index, (path, secret)): (usize, &(&'static str, &SecretString))| {
        let message = format!("is the same as {}", keys::display_name(twin(index, secret)?));
        Some((*path, Wrong::new(message, "give each its own value, or unset one")))
    };
    all.iter().enumerate().filter_map(wrong).collect()
}

fn known_admin_password(settings: &Settings) -> Option<(&'static str, Wrong)> {
    let FirstSuperuser { email, password } = settings.users.first_superuser.as_ref()?;
    strength::is_well_known_password(email.as_str(), password.expose_secret()).then(|| {
        let wrong = Wrong::new("is a well-known placeholder", "choose a unique password");
        ("users.first_superuser_password", wrong)
    })
}

/// Returns the problems of sending e-mails; none if no e-mails are sent.
fn mail(settings: &Settings) -> Vec<(&'static str, Wrong)> {
    let mut found = Vec::new();
    if settings.mail.url.is_none() {
        return found;
    }
    if settings.mail.from.is_placeholder() {
        let wrong = Wrong::new("is a placeholder", "set it to your own address, such as Name <noreply@example.com>");
        found.push(("mail.from", wrong));
    }
    if settings.app.public_url.is_none() {
        let wrong = Wrong::new(
            "is not set, but links in e-mails are built from it",
            "set it to how clients reach this server, such as https://api.example.com",
        );
        found.push(("app.public_url", wrong));
    }
    if mail_is_overheard(settings) && !settings.app.allow_insecure_backend {
        let fix = "remove ?tls=none, or set ALLOW_INSECURE_BACKEND=true if the network is private";
        found.push(("mail.url", Wrong::new("would send e-mails over a network without encryption", fix)));
    }
    found
}

fn mail_is_overheard(settings: &Settings) -> bool {
    matches!(&settings.mail.url, Some(MailUrl::Smtp(url)) if url.is_overheard())
}

fn database_servers(settings: &Settings) -> impl Iterator<Item = (&'static str, &ServerUrl)> {
    let all = [
        ("database.url", Some(&settings.database.url)),
        ("database.replica_url", settings.database.replica_url.as_ref()),
    ];
    all.into_iter().filter_map(|(path, url)| Some((path, url.and_then(DatabaseUrl::server)?)))
}

/// Returns whether this server is on another machine. Some of these addresses are not used yet.
fn is_remote(path: &str, server: &ServerUrl) -> bool {
    server.is_remote() && keys::find(path).is_some_and(|key| !key.later)
}

/// Returns whether the password of a database server is well known.
pub(super) fn has_default_password(server: &ServerUrl) -> bool {
    let user = server.user().unwrap_or_default();
    server.password().is_some_and(|password| strength::is_well_known_password(user, password))
}

/// Returns the private keys that users other than their owner can read.
pub(super) fn exposed_keys(settings: &Settings, directory: &Path) -> Vec<PathBuf> {
    let folder = settings.jwt.keys_dir.as_ref().filter(|_| settings.jwt.algorithm != Algorithm::Hs256);
    let Some(Ok(entries)) = folder.map(|folder| fs::read_dir(directory.join(folder))) else { return Vec::new() };
    let is_private = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY-----"));
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut exposed: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .filter(|path| readable_by_others(path) && is_private(path))
        .collect();
    exposed.sort();
    exposed
}

fn exposed_file(path: &Path) -> Problem {
    let shown = path.strip_prefix(".").unwrap_or(path).display().to_string();
    let fix = format!("chmod 600 {shown} (in a container: mount it with mode 0400 and this process's owner)");
    Wrong::new("contains secrets and is readable by users other than its owner", fix).of(shown, "file permissions")
}
