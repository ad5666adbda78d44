//! The lifetime of links in e-mails, measured with a manual clock. Other tests of links are in `tests/api`.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use keepstone_auth::{
    password::{Hasher, Limits, Passwords, Policy, Scheme},
    permission::Roles,
    token::{Issuer, KeySet, Keyring, Profile, Secret, SigningKey, TokenChain},
};
use keepstone_domain::{
    Clock, Email, EmailChange, MailPurpose, MailToken, MailTokenId, NewUser, RoleName, Timestamp, User,
};
use keepstone_persistence::{DieselStore, Target};
use keepstone_repository::Store;
use keepstone_service::{
    AccountParts, Accounts, Client, Error, MailProof, MailProofParts, NewPassword, Outbox, PasswordGuard, Principals,
    RateLimits, Receipt, Registration, Rules, SessionParts, SessionPolicy, Sessions, permission,
};
use keepstone_test_backends::{Database, TestDatabase};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

const DAY: Duration = Duration::from_hours(24);
const MOMENT: Duration = Duration::from_micros(1);

/// A clock that stands still until a test advances it.
struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Fixture {
    store: Arc<DieselStore>,
    clock: Arc<Moved>,
    outbox: Outbox,
    accounts: Arc<Accounts>,
    proof: MailProof,
    user: User,
    _database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = Database::chosen().create();
        let store = Arc::new(DieselStore::open(&database.url().parse().unwrap(), 4).await.unwrap());
        store.migrator().upgrade(Target::All).await.unwrap();
        let shared: Arc<dyn Store> = Arc::<DieselStore>::clone(&store);
        let clock = Arc::new(Moved(Mutex::new(Timestamp::UNIX_EPOCH + DAY * 20_000)));
        let secret = Secret::new([7; 32]).unwrap();
        let outbox = Outbox::new(secret.derive("mail"), true);
        let roles = Arc::new(Roles::new([("viewer", [permission::ITEMS_READ])]).unwrap());
        let keys = |secret: &Secret| KeySet::new(SigningKey::hs256(secret));
        let profile = Profile::new("us", "us", DAY);
        let issuer = Issuer::new(keys(&secret), keys(&secret.for_refresh_tokens()), profile).unwrap();
        let passwords = Passwords::new(Hasher::new(Scheme::Bcrypt { cost: 4 }, 4).unwrap(), Limits::new(1));
        let clock_of_all: Arc<dyn Clock> = Arc::<Moved>::clone(&clock);
        let sessions = Arc::new(Sessions::new(SessionParts {
            store: Arc::clone(&shared),
            clock: Arc::clone(&clock_of_all),
            keyring: Arc::new(Keyring::new(issuer)),
            chain: Arc::new(TokenChain::new(&secret)),
            roles: Arc::clone(&roles),
            policy: SessionPolicy::default(),
            principals: Arc::new(Principals::new(Duration::ZERO)),
            limits: RateLimits::new(None),
            outbox: outbox.clone(),
        }));
        let accounts = Arc::new(Accounts::new(AccountParts {
            store: Arc::clone(&shared),
            clock: Arc::clone(&clock_of_all),
            passwords: passwords.clone(),
            guard: PasswordGuard::new(None, [0; 64]),
            roles,
            sessions: Arc::clone(&sessions),
            outbox: outbox.clone(),
            identifiers: secret,
            rules: Rules {
                password_policy: Policy::new(8),
                product: "Keepstone".to_owned(),
                registration_open: true,
                conceals_registration: false,
                default_role: RoleName::viewer(),
                email_change_requires_password: true,
            },
        }));
        let proof = MailProof::new(MailProofParts {
            store: Arc::clone(&shared),
            clock: clock_of_all,
            passwords,
            accounts: Arc::clone(&accounts),
            sessions,
            outbox: outbox.clone(),
            limits: RateLimits::new(None),
        });
        let user = NewUser {
            email: Email::parse("ada@example.com").unwrap(),
            username: None,
            name: None,
            role: RoleName::viewer(),
            is_active: true,
        };
        let user = user.into_user(clock.now());
        let hash = SecretString::from("no hash");
        shared.transaction(async |tx| tx.users().insert(&user, &hash).await).await.unwrap();
        Self { store, clock, outbox, accounts, proof, user, _database: database }
    }

    /// Stores a token for this purpose, sent to this address now.
    async fn token(&self, purpose: MailPurpose, email: &str) -> String {
        let id = MailTokenId::generate();
        let token = self.outbox.token(purpose, id);
        let stored = MailToken {
            id,
            purpose,
            user_id: self.user.id,
            email: Email::parse(email).unwrap(),
            digest: Sha256::digest(token.as_bytes()).into(),
            expires_at: self.clock.now() + purpose.lifetime(),
        };
        let store: &dyn Store = &*self.store;
        if purpose == MailPurpose::UndoEmailChange {
            let MailToken { id, user_id, email: old_email, digest, expires_at, .. } = stored;
            let change = EmailChange { id, user_id, old_email, digest, expires_at };
            store.transaction(async |tx| tx.email_changes().insert(&change).await).await.unwrap();
        } else {
            store.transaction(async |tx| tx.mail_tokens().replace(&stored).await).await.unwrap();
        }
        token
    }

    /// Uses a token for this purpose.
    async fn consume(&self, purpose: MailPurpose, token: &str) -> Result<(), Error> {
        let client = Client::default();
        match purpose {
            MailPurpose::VerifyEmail => self.proof.verify_email(token, &client).await,
            MailPurpose::UndoEmailChange => self.proof.undo_email_change(token, &client).await,
            MailPurpose::ResetPassword => {
                let new = NewPassword::check("a fine password".into(), &Policy::new(8)).unwrap();
                self.proof.reset_password(token, new, &client).await
            }
        }
    }

    fn wait(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = *now + time;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_valid_exactly_as_long_as_its_email_says() {
    let lifetimes = [(MailPurpose::VerifyEmail, DAY), (MailPurpose::ResetPassword, DAY / 24)];
    for (purpose, lifetime) in lifetimes.into_iter().chain([(MailPurpose::UndoEmailChange, DAY * 7)]) {
        let fixture = Fixture::new().await;
        let late = fixture.token(purpose, "ada@example.com").await;
        fixture.wait(lifetime);
        let outcome = fixture.consume(purpose, &late).await;
        assert!(matches!(outcome, Err(Error::MailTokenInvalid)), "{purpose:?}: {outcome:?}");
        let just = fixture.token(purpose, "ada@example.com").await;
        fixture.wait(lifetime.saturating_sub(MOMENT));
        fixture.consume(purpose, &just).await.unwrap();
        let again = fixture.consume(purpose, &just).await;
        assert!(matches!(again, Err(Error::MailTokenInvalid)), "{purpose:?}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_valid_for_its_own_purpose_only() {
    let fixture = Fixture::new().await;
    for purpose in MailPurpose::ALL {
        let token = fixture.token(purpose, "ada@example.com").await;
        for other in MailPurpose::ALL.into_iter().filter(|other| *other != purpose) {
            let outcome = fixture.consume(other, &token).await;
            assert!(matches!(outcome, Err(Error::MailTokenInvalid)), "{purpose:?} as {other:?}: {outcome:?}");
        }
        fixture.consume(purpose, &token).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_by_a_link_to_an_earlier_address_verifies_no_address() {
    let fixture = Fixture::new().await;
    let token = fixture.token(MailPurpose::ResetPassword, "countess@example.com").await;
    fixture.consume(MailPurpose::ResetPassword, &token).await.unwrap();
    let user = fixture.store.read().await.unwrap().users().find(fixture.user.id).await.unwrap().unwrap();
    assert!(!user.email_verified);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_reserved_for_as_long_as_its_change_can_be_undone() {
    let fixture = Fixture::new().await;
    let verified = User { email_verified: true, ..fixture.user.clone() };
    let pending = User { pending_email: Some(Email::parse("new@example.com").unwrap()), ..verified };
    let store: &dyn Store = &*fixture.store;
    store.transaction(async |tx| tx.users().update(&pending, fixture.clock.now()).await).await.unwrap();
    let token = fixture.token(MailPurpose::VerifyEmail, "new@example.com").await;
    fixture.consume(MailPurpose::VerifyEmail, &token).await.unwrap();
    fixture.wait((DAY * 7).saturating_sub(MOMENT));
    let sign_up = async || {
        let password = NewPassword::check("a fine password".into(), &Policy::new(8)).unwrap();
        let email = Email::parse("ada@example.com").unwrap();
        let registration = Registration { email, password, username: None, name: None, role: None, is_active: None };
        fixture.accounts.register(registration, &Client::default(), Receipt::none()).await
    };
    let outcome = sign_up().await;
    assert!(matches!(outcome, Err(Error::EmailAlreadyRegistered)), "{outcome:?}");
    fixture.wait(MOMENT);
    sign_up().await.unwrap();
}
