//! The keys that sign and verify tokens: read at start, and again on SIGHUP.

mod check;

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use keepstone_adapters::SystemClock;
use keepstone_auth::token::{
    Algorithm, Issuer, KeyFolder, KeyRotation, KeySet, Keyring, MAX_ACCESS_LIFETIME, Profile, Secret, SigningKey,
    TokenChain,
};
use keepstone_domain::Clock;
use secrecy::{ExposeSecret, SecretString};

pub use self::check::{is_filled_at_start, problems};
use crate::{
    failure::Failure,
    settings::{self, Environment, Problems, Settings, secret},
};

/// The keys of the server.
pub struct Keys {
    /// Signs and verifies tokens with the current keys.
    pub keyring: Arc<Keyring>,
    /// Changes the keys of the keyring.
    pub reloader: Reloader,
    /// Derives the identifiers of refresh tokens.
    pub chain: TokenChain,
    /// Keys the digests of login names in the audit log; the same on every node.
    pub identifiers: Secret,
    /// Protects cursors of lists from forgery; the same on every node.
    pub cursors: Secret,
    /// Creates the tokens that are sent by e-mail; the same on every node.
    pub mail_tokens: Secret,
    /// Keys the digests of requests with an idempotency key; the same on every node.
    pub requests: Secret,
}

/// The configured secrets.
struct Secrets {
    /// Signs access tokens with HS256.
    shared: Secret,
    /// Signs refresh tokens, which only this server verifies.
    refresh: Secret,
}

/// Reads the keys again, and switches to a new signing key when it is due.
pub struct Reloader {
    settings: Settings,
    keyring: Arc<Keyring>,
    /// `None` with HS256.
    rotation: Option<KeyRotation>,
}

/// Reads the configured keys.
pub fn read(settings: &Settings) -> Result<Keys, Failure> {
    let secrets = Secrets::read(settings)?;
    let rotation = match algorithm(settings) {
        Algorithm::Hs256 => None,
        asymmetric => Some(start(settings, asymmetric)?),
    };
    let keyring = Arc::new(Keyring::new(issuer(settings, &secrets, rotation.as_ref())?));
    let refresh = secrets.refresh;
    Ok(Keys {
        reloader: Reloader { settings: settings.clone(), keyring: Arc::clone(&keyring), rotation },
        keyring,
        chain: TokenChain::new(&refresh),
        identifiers: refresh.derive("audit identifiers"),
        cursors: refresh.derive("cursors"),
        mail_tokens: refresh.derive("mail tokens"),
        requests: refresh.derive("idempotent requests"),
    })
}

impl Reloader {
    /// Reads everything again. On an error the keys stay as they were.
    pub fn reload(&mut self) -> Result<(), Failure> {
        let secrets = Secrets::read(&self.settings)?;
        let mut rotation = self.rotation.clone();
        if let Some(rotation) = &mut rotation {
            rotation.update(&read_folder(&self.settings)?, Instant::now()).map_err(usage)?;
        }
        self.keyring.replace(issuer(&self.settings, &secrets, rotation.as_ref())?);
        self.rotation = rotation;
        Ok(())
    }

    /// Switches to the signing key that is due.
    pub fn activate(&mut self) -> Result<(), Failure> {
        let secrets = Secrets::read(&self.settings)?;
        self.keyring.replace(issuer(&self.settings, &secrets, self.rotation.as_ref())?);
        Ok(())
    }

    /// Returns when the signing key changes next.
    pub fn next_change(&self) -> Option<Instant> {
        self.rotation.as_ref()?.next_change(Instant::now())
    }

    /// Returns the id of the current signing key.
    pub fn signing_key(&self) -> String {
        self.keyring
            .current()
            .verifier()
            .keys()
            .iter()
            .next()
            .map(|key| key.id().as_str().to_owned())
            .unwrap_or_default()
    }
}

impl Secrets {
    fn read(settings: &Settings) -> Result<Self, Failure> {
        let signing = secret::load_or_generate(settings).map_err(Failure::failed)?;
        if let Some(notice) = signing.notice {
            tracing::warn!("{notice}");
        }
        let bytes = |secret: &SecretString| Secret::for_development(secret.expose_secret().as_bytes());
        let shared = bytes(&signing.secret).map_err(usage)?;
        // Templates ship with one secret for both kinds, but the two keys must differ.
        let refresh = match &settings.jwt.refresh_secret {
            Some(secret) if secret.expose_secret() != signing.secret.expose_secret() => bytes(secret).map_err(usage)?,
            _ => shared.for_refresh_tokens(),
        };
        Ok(Self { shared, refresh })
    }
}

fn issuer(settings: &Settings, secrets: &Secrets, rotation: Option<&KeyRotation>) -> Result<Issuer, Failure> {
    let access = rotation.and_then(|rotation| rotation.key_set(Instant::now()));
    let access = access.unwrap_or_else(|| KeySet::new(SigningKey::hs256(&secrets.shared)));
    let lifetime = settings.jwt.access_ttl;
    let profile = Profile {
        // A lifetime longer than other services accept by default is allowed here; the settings warn of it.
        max_lifetime: lifetime.max(MAX_ACCESS_LIFETIME),
        ..Profile::new(&settings.jwt.issuer, &settings.jwt.audience, lifetime)
    };
    Issuer::new(access, KeySet::new(SigningKey::hs256(&secrets.refresh)), profile).map_err(usage)
}

/// Returns the algorithm that signs access tokens.
pub fn algorithm(settings: &Settings) -> Algorithm {
    match settings.jwt.algorithm {
        settings::Algorithm::Hs256 => Algorithm::Hs256,
        settings::Algorithm::EdDsa => Algorithm::EdDsa,
        settings::Algorithm::Es256 => Algorithm::Es256,
        settings::Algorithm::Rs256 => Algorithm::Rs256,
    }
}

/// Reads the keys of the folder at start. Outside production, an empty folder gets a new key first.
fn start(settings: &Settings, algorithm: Algorithm) -> Result<KeyRotation, Failure> {
    let folder = settings.keys_dir();
    if is_filled_at_start(settings) {
        let file = generate(&folder, algorithm)?;
        tracing::warn!("there was no key for {}: created {}", algorithm.name(), file.display());
    }
    KeyRotation::start(&read_folder(settings)?, algorithm, settings.jwt.key_activation_delay).map_err(usage)
}

fn read_folder(settings: &Settings) -> Result<KeyFolder, Failure> {
    let list = problems(settings);
    if !list.is_empty() {
        return Err(Problems { list, hints: Vec::new(), note: None }.into());
    }
    let read = KeyFolder::read(&settings.keys_dir()).map_err(usage)?;
    for file in &read.exposed {
        let file = file.display();
        if settings.app.environment == Environment::Production {
            return Err(Failure::Usage(format!("{file} is readable by users other than its owner: chmod 600 {file}")));
        }
        tracing::warn!("{file} is readable by users other than its owner: chmod 600 {file}");
    }
    Ok(read)
}

/// Creates a private key, readable by its owner only, and its folder if necessary. Its name sorts after those of older
/// keys, so it becomes the signing key.
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
