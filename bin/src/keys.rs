//! The keys that sign and verify tokens: read at start, and again when the process is told to (SIGHUP).

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

/// What tokens are made with.
pub struct Keys {
    /// Signs and verifies tokens, with the keys of the moment.
    pub keyring: Arc<Keyring>,
    /// Changes the keys of the keyring.
    pub reloader: Reloader,
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

/// The configured secrets.
struct Secrets {
    /// Signs access tokens with HS256.
    shared: Secret,
    /// Signs refresh tokens, which are for this server alone.
    refresh: Secret,
}

/// Reads the keys again, and lets a new one sign when its time has come.
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

    /// Lets the key sign whose time has come.
    pub fn activate(&mut self) -> Result<(), Failure> {
        let secrets = Secrets::read(&self.settings)?;
        self.keyring.replace(issuer(&self.settings, &secrets, self.rotation.as_ref())?);
        Ok(())
    }

    /// When another key is to sign.
    pub fn next_change(&self) -> Option<Instant> {
        self.rotation.as_ref()?.next_change(Instant::now())
    }

    /// The id of the key that signs now.
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
        // Templates ship with one secret for both kinds; the two keys must differ all the same.
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
        // Longer than other services accept by default is allowed here, with a warning of the settings.
        max_lifetime: lifetime.max(MAX_ACCESS_LIFETIME),
        ..Profile::new(&settings.jwt.issuer, &settings.jwt.audience, lifetime)
    };
    Issuer::new(access, KeySet::new(SigningKey::hs256(&secrets.refresh)), profile).map_err(usage)
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

/// The keys of the folder at start. Development makes one where there is none, so that it runs at once.
fn start(settings: &Settings, algorithm: Algorithm) -> Result<KeyRotation, Failure> {
    let folder = settings.keys_dir();
    if is_filled_at_start(settings) {
        let file = generate(&folder, algorithm)?;
        tracing::warn!("there was no key for {}: made {}", algorithm.name(), file.display());
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
            return Err(Failure::Usage(format!("{file} may be read by others than its owner: chmod 600 {file}")));
        }
        tracing::warn!("{file} may be read by others than its owner: chmod 600 {file}");
    }
    Ok(read)
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
