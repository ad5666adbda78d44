//! Jobs that only change the database: their effect and their completion are one transaction.

use keepstone_domain::{
    Email, Job, JobState, KeptHash, Login, MailPurpose, NewUser, PageRequest, PendingUser, RoleName, Routine,
    SearchText, Task, Timestamp, User, UserFilter, Username,
};
use keepstone_repository::StorageError;
use keepstone_service::{Letter, Mail};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::harness::{Fixture, POLICY, eventually};

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

async fn insert(fixture: &Fixture, name: &str, is_active: bool) -> User {
    let (username, role) = (Username::parse(name).ok(), RoleName::viewer());
    let user = NewUser { email: email(name), username, name: None, role, is_active };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let hash = SecretString::from("no hash");
    fixture.store.transaction(async |tx| tx.users().insert(&user, &hash).await).await.unwrap();
    user
}

async fn find(fixture: &Fixture, name: &str) -> Option<User> {
    let login = Login::Email(email(name));
    let mut reader = fixture.store.read().await.unwrap();
    reader.users().find_credentials(&login).await.unwrap().map(|found| found.user)
}

fn pending(name: &str, username: &str) -> Task {
    let hash: KeptHash = SecretString::from("no hash").into();
    Task::FinishRegistration {
        user: PendingUser {
            email: email(name),
            username: Username::parse(username).ok(),
            name: None,
            role: RoleName::viewer(),
            password_hash: hash,
            ip: Some([192, 0, 2, 1].into()),
            request_id: Some("request".to_owned()),
        },
    }
}

/// Executes this job and all jobs that it creates, and returns the e-mails.
async fn mails_of(fixture: &Fixture, task: &Task) -> Vec<Mail> {
    let before = fixture.post.sent().len();
    let worker = fixture.work(POLICY);
    let id = fixture.write_task(task).await;
    assert_eq!(fixture.becomes(id, JobState::Done).await.attempts, 1);
    let routines = Routine::ALL.map(|routine| Task::from(routine).kind());
    let is_routine = |job: &Job| routines.contains(&job.kind.as_str());
    eventually("nothing is left to do", async || {
        fixture.jobs(None).await.iter().all(|job| job.state == JobState::Done || is_routine(job))
    })
    .await;
    worker.stop().await;
    fixture.post.sent().split_off(before)
}

#[tokio::test]
async fn a_password_reset_is_sent_to_active_accounts_only() {
    let fixture = Fixture::new().await;
    let ada = insert(&fixture, "ada", true).await;
    insert(&fixture, "inactive", false).await;
    let deleted = insert(&fixture, "deleted", true).await;
    fixture.store.write().await.unwrap().users().delete(deleted.id, Timestamp::UNIX_EPOCH).await.unwrap();
    for name in ["inactive", "deleted", "unknown"] {
        let mails = mails_of(&fixture, &Task::BeginPasswordReset { email: email(name) }).await;
        assert!(mails.is_empty(), "{name}: {mails:?}");
    }
    let mails = mails_of(&fixture, &Task::BeginPasswordReset { email: email("ADA") }).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ada.email, "the account's spelling, not the typed one");
    let Letter::ResetPassword { link, .. } = &mails[0].letter else { panic!("{mails:?}") };
    assert!(link.starts_with("https://api.example.com/api/v1/auth/reset-password#token="), "{link}");
    let mut reader = fixture.store.read().await.unwrap();
    assert!(reader.mail_tokens().find_of(ada.id, MailPurpose::ResetPassword).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sign_up_creates_an_account_and_sends_a_verification_link() {
    let fixture = Fixture::new().await;
    let mails = mails_of(&fixture, &pending("ada", "ada")).await;
    let ada = find(&fixture, "ada").await.unwrap();
    assert!(ada.is_active && !ada.email_verified);
    assert!(
        matches!(&mails[..], [Mail { to, letter: Letter::VerifyEmail { .. }, .. }] if *to == ada.email),
        "{mails:?}"
    );
    let mut reader = fixture.store.read().await.unwrap();
    let audit =
        reader.audit().list(&keepstone_domain::AuditFilter::default(), &PageRequest::first(9)).await.unwrap().items;
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].user_id, audit[0].ip.as_deref()), (Some(ada.id), Some("192.0.2.1")));
}

#[tokio::test]
async fn a_failed_sign_up_is_reported_by_email_and_creates_nothing() {
    let fixture = Fixture::new().await;
    let ada = insert(&fixture, "ada", true).await;
    for username in ["ada", "other"] {
        let mails = mails_of(&fixture, &pending("ADA", username)).await;
        assert!(matches!(&mails[..], [Mail { to, letter: Letter::AddressTaken, .. }] if *to == ada.email), "{mails:?}");
    }
    let mails = mails_of(&fixture, &pending("bob", "ADA")).await;
    let is_reported =
        matches!(&mails[..], [Mail { to, letter: Letter::UsernameTaken { .. }, .. }] if *to == email("bob"));
    assert!(is_reported, "{mails:?}");
    assert_eq!(find(&fixture, "bob").await, None);
    assert_eq!(find(&fixture, "ada").await, Some(ada.clone()), "the account is unchanged");
    fixture.store.write().await.unwrap().users().delete(ada.id, Timestamp::UNIX_EPOCH).await.unwrap();
    mails_of(&fixture, &pending("ada", "ada")).await;
    assert_ne!(find(&fixture, "ada").await.unwrap().id, ada.id, "address and user name are free after the deletion");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_sign_ups_with_one_address_on_two_nodes_one_creates_the_account() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(fixture.write_task(&pending("ada", "ada")).await);
    }
    let workers = [fixture.work(POLICY), fixture.work_on(fixture.another().await, POLICY)];
    for id in ids {
        fixture.becomes(id, JobState::Done).await;
    }
    eventually("all mails are sent", async || fixture.post.sent().len() == 12).await;
    let is_taken = |mail: &&Mail| matches!(mail.letter, Letter::AddressTaken);
    assert_eq!(fixture.post.sent().iter().filter(is_taken).count(), 11);
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_resets_of_the_same_accounts_all_succeed_and_the_newest_link_is_sent() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (insert(&fixture, "ada", true).await, insert(&fixture, "bob", true).await);
    let workers = [fixture.work(POLICY), fixture.work_on(fixture.another().await, POLICY)];
    let mut ids = Vec::new();
    for _ in 0..40 {
        for name in ["ada", "bob"] {
            ids.push(fixture.write_task(&Task::BeginPasswordReset { email: email(name) }).await);
        }
        // Requests change the accounts meanwhile, one after the other.
        let change = fixture.store.transaction::<_, StorageError, _>(async |tx| {
            for id in [bob.id, ada.id] {
                let user = tx.users().hold(id).await?.unwrap();
                tx.users().update(&user, Timestamp::UNIX_EPOCH).await?;
            }
            Ok(())
        });
        change.await.unwrap();
    }
    for id in ids {
        assert_eq!(fixture.becomes(id, JobState::Done).await.attempts, 1);
    }
    eventually("all mails are sent", async || fixture.jobs(Some(JobState::Done)).await.len() == 160).await;
    for user in [ada, bob] {
        let mut reader = fixture.store.read().await.unwrap();
        let newest = reader.mail_tokens().find_of(user.id, MailPurpose::ResetPassword).await.unwrap().unwrap();
        let sent = fixture.post.sent();
        let is_newest = |mail: &Mail| {
            let Letter::ResetPassword { link, .. } = &mail.letter else { panic!("{mail:?}") };
            link.split_once('=').is_some_and(|(_, token)| Sha256::digest(token)[..] == newest.digest)
        };
        assert!(sent.iter().any(is_newest), "{} of {} mails", user.email, sent.len());
    }
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn old_search_keys_are_renewed_by_a_job_and_its_successors() {
    let fixture = Fixture::new().await;
    for number in 0..250 {
        insert(&fixture, &format!("user{number}"), true).await;
    }
    fixture.run("UPDATE users SET search_key = 'old'").await;
    let worker = fixture.work(POLICY);
    for task in [Task::RenewUserSearchKeys { after: None }, Task::RenewItemSearchKeys { after: None }] {
        let id = fixture.write_task(&task).await;
        fixture.becomes(id, JobState::Done).await;
    }
    eventually("all users are found", async || {
        let filter = UserFilter { search: SearchText::parse("@example.com").ok(), role: None };
        let mut reader = fixture.store.read().await.unwrap();
        reader.users().list(&filter, &PageRequest::first(1)).await.unwrap().total == Some(250)
    })
    .await;
    worker.stop().await;
}
