//! The keys that sign and verify tokens: read at start, and again when the process is told to (SIGHUP).

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use keepstone_adapters::SystemClock;
use keepstone_auth::token::{
    Algorithm, Issuer, KeyFolder, KeySet, MAX_ACCESS_LIFETIME, Profile, Secret, SigningKey, TokenChain,
};
use keepstone_domain::Clock;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    failure::Failure,
    settings::{self, Environment, Settings, secret},
};

/// What tokens are made with.
pub struct Keys {
    pub issuer: Issuer,
    /// Names refresh tokens.
    pub chain: TokenChain,
    /// Under which the audit log knows the names that people typed; the same on every node.
    pub identifiers: Secret,
    /// Makes places in lists unforgeable; the same on every node.
    pub cursors: Secret,
    /// Makes tokens that are sent by e-mail; the same on every node.
    pub mail_tokens: Secret,
    /// Under which requests with an idempotency key are known; the same on every node.
    pub requests: Secret,
}

/// Reads the configured keys. Refresh tokens are for this server alone, so they are always signed with a secret.
pub fn read(settings: &Settings) -> Result<Keys, Failure> {
    let signing = secret::load_or_generate(settings).map_err(Failure::failed)?;
    if let Some(notice) = signing.notice {
        tracing::warn!("{notice}");
    }
    let bytes = |secret: &SecretString| Secret::for_development(secret.expose_secret().as_bytes());
    let shared = bytes(&signing.secret).map_err(usage)?;
    // Templates ship with one secret for both kinds; the two keys must differ all the same.
    let refresh = match &settings.jwt.refresh_secret {
        Some(secret) if secret.expose_secret() != signing.secret.expose_secret() => bytes(secret).map_err(usage)?,
        _ => shared.for_refresh_tokens(),
    };
    let access = match algorithm(settings) {
        Algorithm::Hs256 => KeySet::new(SigningKey::hs256(&shared)),
        asymmetric => from_folder(settings, asymmetric)?,
    };
    let lifetime = settings.jwt.access_ttl;
    let profile = Profile {
        // Longer than other services accept by default is allowed here, with a warning of the settings.
        max_lifetime: lifetime.max(MAX_ACCESS_LIFETIME),
        ..Profile::new(&settings.jwt.issuer, &settings.jwt.audience, lifetime)
    };
    let issuer = Issuer::new(access, KeySet::new(SigningKey::hs256(&refresh)), profile).map_err(usage)?;
    Ok(Keys {
        issuer,
        chain: TokenChain::new(&refresh),
        identifiers: refresh.derive("audit identifiers"),
        cursors: refresh.derive("cursors"),
        mail_tokens: refresh.derive("mail tokens"),
        requests: refresh.derive("idempotent requests"),
    })
}

/// How access tokens are signed.
pub fn algorithm(settings: &Settings) -> Algorithm {
    match settings.jwt.algorithm {
        settings::Algorithm::Hs256 => Algorithm::Hs256,
        settings::Algorithm::EdDsa => Algorithm::EdDsa,
        settings::Algorithm::Es256 => Algorithm::Es256,
        settings::Algorithm::Rs256 => Algorithm::Rs256,
    }
}

/// The keys of the folder. Development makes one where there is none, so that it runs at once.
fn from_folder(settings: &Settings, algorithm: Algorithm) -> Result<KeySet, Failure> {
    let folder = settings.keys_dir();
    if settings.app.environment != Environment::Production && is_empty(&folder) {
        let file = generate(&folder, algorithm)?;
        tracing::warn!("there was no key for {}: made {}", algorithm.name(), file.display());
    }
    let read = KeyFolder::read(&folder)
        .map_err(|error| Failure::Usage(format!("{error}; make a key with keepstone generate-keys")))?;
    for file in &read.exposed {
        let file = file.display();
        if settings.app.environment == Environment::Production {
            return Err(Failure::Usage(format!("{file} may be read by others than its owner: chmod 600 {file}")));
        }
        tracing::warn!("{file} may be read by others than its owner: chmod 600 {file}");
    }
    let signs = read.keys.signing_key().verifying_key().algorithm();
    if signs != algorithm {
        return Err(Failure::Usage(format!(
            "JWT_ALGORITHM is {}, but the newest key in {} is for {}; make a key with keepstone generate-keys",
            algorithm.name(),
            folder.display(),
            signs.name(),
        )));
    }
    Ok(read.keys)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Makes a new private key, for its owner only, in a folder that is made if it is not there. Its name sorts after those
/// of older keys, so that it is the one that signs.
pub fn generate(folder: &Path, algorithm: Algorithm) -> Result<PathBuf, Failure> {
    let pem = SigningKey::generate_pem(algorithm).map_err(usage)?;
    let now = SystemClock.now().to_string().replace([':', '.'], "-");
    let file = folder.join(format!("{now}.pem"));
    let failed = |error: io::Error| Failure::Failed(format!("{}: {error}", file.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(failed)?;
    open.write_all(pem.expose_secret().as_bytes()).and_then(|()| open.sync_all()).map_err(failed)?;
    Ok(file)
}

fn usage(error: impl ToString) -> Failure {
    Failure::Usage(error.to_string())
}
