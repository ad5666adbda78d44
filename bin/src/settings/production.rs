//! What production refuses and other environments only warn of. All refusals at once: nobody mends
//! a configuration one restart at a time.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::addresses::Origins;
use super::keys;
use super::layers::Tree;
use super::model::Settings;
use super::problems::{Problem, Wrong};
use super::strength;
use super::values::Algorithm;
use keepstone_persistence::DatabaseUrl;

const MAKE_ONE: &str = "set it to what `openssl rand -base64 48` prints";

/// Every reason not to run these settings in production.
pub(super) fn refusals(settings: &Settings, tree: &Tree, exposed: &[PathBuf]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut refuse = |path: &str, wrong: Wrong| found.push(wrong.at(path, tree.origin(path)));
    if settings.signing_key().is_none() {
        refuse("jwt.secret_key", Wrong::new("is not set; production does not make its own", MAKE_ONE));
    }
    if settings.jwt.algorithm != Algorithm::Hs256 && settings.jwt.keys_dir.is_none() {
        let wrong =
            Wrong::new("is not set, and JWT_ALGORITHM needs keys", "name the folder that generate-keys is to fill");
        refuse("jwt.keys_dir", wrong);
    }
    for (path, wrong) in weak_secrets(settings).into_iter().chain(equal_secrets(settings)) {
        refuse(path, wrong);
    }
    if settings.cors.origins == Origins::Any {
        refuse(
            "cors.origins",
            Wrong::new("lets every website in", "list the origins of your own, such as https://app.example.com"),
        );
    }
    if settings.app.debug {
        refuse("app.debug", Wrong::new("is on", "unset it"));
    }
    if settings.password.bcrypt_cost < 10 {
        let message = format!("{} is too cheap", settings.password.bcrypt_cost);
        refuse("password.bcrypt_cost", Wrong::new(message, "use 10 or more; 12 is the default"));
    }
    let databases = [
        ("database.url", Some(&settings.database.url)),
        ("database.replica_url", settings.database.replica_url.as_ref()),
    ];
    for (path, url) in databases {
        if url.is_some_and(has_default_password) {
            refuse(path, Wrong::new("has a password that everyone knows", "give the database's user one of its own"));
        }
    }
    found.extend(exposed.iter().map(|path| exposed_file(path)));
    found
}

/// The same facts as sentences, where they are no reason to stop.
pub(super) fn warnings(settings: &Settings, exposed: &[PathBuf]) -> Vec<String> {
    let secrets = weak_secrets(settings).into_iter().chain(equal_secrets(settings));
    let secrets =
        secrets.map(|(path, wrong)| format!("{} {}: {}", keys::display_name(path), wrong.message, wrong.mend));
    let files = exposed
        .iter()
        .map(|path| exposed_file(path))
        .map(|problem| format!("{} {}: {}", problem.key, problem.message, problem.mend));
    secrets.chain(files).collect()
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

fn has_default_password(url: &DatabaseUrl) -> bool {
    let (DatabaseUrl::Postgres(text) | DatabaseUrl::Mysql(text)) = url else { return false };
    let Ok(url) = Url::parse(text) else { return false };
    let option = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let user = option("user").unwrap_or_else(|| url.username().to_owned());
    // No password at all is another way to authenticate: a socket, a certificate, a password file.
    let given = url.password().or_else(|| text.contains(":@").then_some(""));
    let password = option("password").or_else(|| given.map(str::to_owned));
    password.is_some_and(|password| strength::is_default_database_password(&user, &password))
}

fn exposed_file(path: &Path) -> Problem {
    let shown = path.strip_prefix(".").unwrap_or(path).display().to_string();
    let mend = format!("chmod 600 {shown} (in a container: mount it with mode 0400 and this process's owner)");
    Wrong::new("has secrets and may be read by others than its owner", mend).of(shown, "file permissions")
}
