//! Creates the use cases from the settings. Use cases get adapters only as the ports that these implement.

use std::{sync::Arc, time::Duration};

use keepstone_adapters::{ProcessLoginThrottle, ProcessRateLimiter, SystemClock};
use keepstone_auth::password::{Hasher, Limits, MIN_BCRYPT_COST, Passwords, Scheme};
use keepstone_domain::Clock;
use keepstone_http::Cursors;
use keepstone_persistence::DieselStore;
use keepstone_repository::Store;
use keepstone_service::{
    AccountParts, Accounts, Audit, Exports, Health, Idempotency, Import, ImportParts, Items, JobPolicy, Jobs, Letters,
    LoginThrottle, MailProof, MailProofParts, Mailer, Outbox, PasswordGuard, Principals, Purge, RateLimiter,
    RateLimits, Rules, Seed, SeedParts, SessionParts, SessionPolicy, Sessions, TaskParts, Tasks, UserParts, Users,
    Worker,
};

use crate::{
    failure::Failure,
    keys::{self, Keys, Reloader},
    mail,
    settings::{PasswordHasher, RegistrationMode, Settings},
};

/// How long a worker may be late to look for jobs before it counts as unhealthy.
const WITHOUT_PULSE: Duration = Duration::from_mins(1);

/// The use cases that the commands need.
pub struct Services {
    pub accounts: Arc<Accounts>,
    pub sessions: Arc<Sessions>,
    pub users: Arc<Users>,
    pub items: Arc<Items>,
    pub exports: Arc<Exports>,
    pub idempotency: Arc<Idempotency>,
    pub cursors: Cursors,
    pub seed: Seed,
    pub mail_proof: Arc<MailProof>,
    pub letters: Arc<Letters>,
    pub jobs: Arc<Jobs>,
    /// The mailer; `None` if no e-mail is sent.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// The worker; `None` if this process runs no jobs.
    pub worker: Option<Arc<Worker>>,
    pub audit: Arc<Audit>,
    pub health: Arc<Health>,
    pub passwords: Passwords,
    /// Changes the keys that sign and verify tokens.
    pub key_reloader: Reloader,
    pub limits: RateLimits,
}

/// Opens the configured database.
pub async fn open(settings: &Settings) -> Result<Arc<DieselStore>, Failure> {
    let database = &settings.database;
    let store = DieselStore::open(&database.url, database.pool_size).await;
    store.map(Arc::new).map_err(|error| Failure::Failed(format!("{}: {error}", database.url)))
}

/// Opens the configured database; fails if it is not migrated.
pub async fn open_migrated(settings: &Settings) -> Result<Arc<DieselStore>, Failure> {
    let store = open(settings).await?;
    store.ping().await?;
    if !store.is_migrated().await.unwrap_or(false) {
        return Err(Failure::Failed("the database is not up to date: run keepstone migrate upgrade".to_owned()));
    }
    Ok(store)
}

/// Creates the use cases over a database.
pub fn services(settings: &Settings, store: Arc<dyn Store>) -> Result<Services, Failure> {
    let passwords = passwords(settings)?;
    let Keys { keyring, reloader, chain, identifiers, cursors, mail_tokens, requests } = keys::read(settings)?;
    let mailer = mail::mailer(settings)?;
    let outbox = Outbox::new(mail_tokens, mailer.is_some());
    let (limits, guard) = limits(settings)?;
    let roles = Arc::new(settings.roles.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sessions = Arc::new(Sessions::new(SessionParts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        keyring: Arc::clone(&keyring),
        chain: Arc::new(chain),
        roles: Arc::clone(&roles),
        policy: SessionPolicy {
            lifetime: settings.jwt.refresh_ttl,
            idle: settings.sessions.refresh_idle_ttl,
            grace: settings.sessions.refresh_grace,
            ..SessionPolicy::default()
        },
        principals: Arc::new(Principals::new(settings.sessions.principal_cache_ttl)),
        limits: limits.clone(),
        outbox: outbox.clone(),
    }));
    let accounts = Arc::new(Accounts::new(AccountParts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        passwords: passwords.clone(),
        guard,
        roles: Arc::clone(&roles),
        sessions: Arc::clone(&sessions),
        outbox: outbox.clone(),
        identifiers,
        rules: Rules {
            password_policy: settings.password.policy(),
            product: settings.app.name.clone(),
            registration_open: settings.registration.mode == RegistrationMode::Open,
            conceals_registration: settings.registration.conceal,
            default_role: settings.registration.default_role.clone(),
            email_change_requires_password: settings.users.email_change_requires_password,
        },
    }));
    let requests = Arc::new(Idempotency::new(Arc::clone(&store), Arc::clone(&clock), requests));
    let purge = Arc::new(purge(settings, Arc::clone(&store)));
    let tasks = Tasks::new(TaskParts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        mailer: mailer.clone(),
        outbox: outbox.clone(),
        api_url: format!("{}{}", settings.public_url(), settings.app.api_prefix),
        frontend_url: settings.app.frontend_url.clone(),
        sessions: Arc::clone(&sessions),
        requests: Arc::clone(&requests),
        purge,
        limits: limits.clone(),
    });
    let worker = worker(settings, &store, &clock, tasks);
    let pulse = worker.as_ref().map(|worker| (worker.pulse(), settings.jobs.poll_interval + WITHOUT_PULSE));
    Ok(Services {
        mail_proof: Arc::new(MailProof::new(MailProofParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            passwords: passwords.clone(),
            accounts: Arc::clone(&accounts),
            sessions: Arc::clone(&sessions),
            outbox: outbox.clone(),
            limits: limits.clone(),
        })),
        letters: Arc::new(Letters::new(Arc::clone(&store), Arc::clone(&clock), outbox.clone())),
        jobs: Arc::new(jobs(Arc::clone(&store))),
        users: Arc::new(Users::new(UserParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            accounts: Arc::clone(&accounts),
            sessions: Arc::clone(&sessions),
            outbox,
            limits: limits.clone(),
        })),
        items: Arc::new(Items::new(Arc::clone(&store), Arc::clone(&clock))),
        exports: Arc::new(Exports::new(Arc::clone(&store), Arc::clone(&clock))),
        idempotency: requests,
        cursors: Cursors::new(cursors),
        seed: Seed::new(SeedParts { store: Arc::clone(&store), clock, passwords: passwords.clone(), roles }),
        audit: Arc::new(Audit::new(Arc::clone(&store))),
        health: Arc::new(Health::new(store, pulse)),
        mailer,
        worker,
        accounts,
        sessions,
        passwords,
        key_reloader: reloader,
        limits,
    })
}

/// Creates the use case that imports accounts, which needs no keys.
pub fn import(settings: &Settings, store: Arc<dyn Store>) -> Import {
    Import::new(ImportParts { store, clock: Arc::new(SystemClock), roles: Arc::new(settings.roles.clone()) })
}

/// Creates the use case that permanently removes users, which needs no keys.
pub fn purge(settings: &Settings, store: Arc<dyn Store>) -> Purge {
    Purge::new(store, Arc::new(SystemClock), settings.users.purge_after)
}

/// Creates the use cases that inspect and retry jobs, which need no keys.
pub fn jobs(store: Arc<dyn Store>) -> Jobs {
    Jobs::new(store)
}

/// Creates the worker; `None` if this process runs no jobs.
fn worker(settings: &Settings, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, tasks: Tasks) -> Option<Arc<Worker>> {
    let jobs = &settings.jobs;
    let policy = JobPolicy {
        concurrency: jobs.concurrency,
        poll_interval: jobs.poll_interval,
        lease: jobs.lease,
        max_backoff: jobs.max_backoff,
    };
    let worker = || Arc::new(Worker::new(Arc::clone(store), Arc::clone(clock), tasks, policy));
    (jobs.concurrency > 0).then(worker)
}

/// Creates the rate limits and the login throttle.
fn limits(settings: &Settings) -> Result<(RateLimits, PasswordGuard), Failure> {
    let quotas = settings.quotas();
    let throttle = quotas.as_ref().map(|_| -> Arc<dyn LoginThrottle> { Arc::new(ProcessLoginThrottle::default()) });
    let limiter = quotas.map(|quotas| -> Arc<dyn RateLimiter> { Arc::new(ProcessRateLimiter::new(&quotas)) });
    let mut secret = [0; 64];
    getrandom::fill(&mut secret).map_err(Failure::failed)?;
    Ok((RateLimits::new(limiter), PasswordGuard::new(throttle, secret)))
}

fn passwords(settings: &Settings) -> Result<Passwords, Failure> {
    let password = &settings.password;
    let scheme = match password.hasher {
        PasswordHasher::Bcrypt => Scheme::Bcrypt { cost: password.bcrypt_cost },
        PasswordHasher::Argon2id => Scheme::Argon2id {
            memory_kib: password.argon2.memory_kib,
            iterations: password.argon2.iterations,
            parallelism: password.argon2.parallelism,
        },
    };
    // The minimum strength depends on the environment, and the settings have already checked it.
    let hasher = Hasher::new(scheme, MIN_BCRYPT_COST).map_err(usage)?;
    Ok(Passwords::new(hasher, Limits::new(password.hash_concurrency)))
}

fn usage(error: impl ToString) -> Failure {
    Failure::Usage(error.to_string())
}
