//! Jobs that only change the database: what they do and that it is done is one transaction.

use keepstone_domain::{
    Email, Job, JobState, KeptHash, Login, MailPurpose, NewUser, PageRequest, PendingUser, RoleName, Routine,
    SearchText, Task, Timestamp, User, UserFilter, Username,
};
use keepstone_repository::StorageError;
use keepstone_service::{Letter, Mail};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::harness::{House, POLICY, eventually};

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

async fn insert(house: &House, name: &str, is_active: bool) -> User {
    let (username, role) = (Username::parse(name).ok(), RoleName::viewer());
    let user = NewUser { email: email(name), username, name: None, role, is_active };
    let user = user.into_user(Timestamp::UNIX_EPOCH);
    let hash = SecretString::from("no hash");
    house.store.transaction(async |tx| tx.users().insert(&user, &hash).await).await.unwrap();
    user
}

async fn find(house: &House, name: &str) -> Option<User> {
    let login = Login::Email(email(name));
    let mut reader = house.store.read().await.unwrap();
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

/// Does this job and all that it causes, and gives the e-mails.
async fn mails_of(house: &House, task: &Task) -> Vec<Mail> {
    let before = house.post.sent().len();
    let worker = house.work(POLICY);
    let id = house.write_task(task).await;
    assert_eq!(house.becomes(id, JobState::Done).await.attempts, 1);
    let routines = Routine::ALL.map(|routine| Task::from(routine).kind());
    let is_routine = |job: &Job| routines.contains(&job.kind.as_str());
    eventually("nothing is left to do", async || {
        house.jobs(None).await.iter().all(|job| job.state == JobState::Done || is_routine(job))
    })
    .await;
    worker.stop().await;
    house.post.sent().split_off(before)
}

#[tokio::test]
async fn a_new_password_is_offered_to_who_has_an_account_and_nobody_else_hears_of_it() {
    let house = House::new().await;
    let ada = insert(&house, "ada", true).await;
    insert(&house, "inactive", false).await;
    let gone = insert(&house, "gone", true).await;
    house.store.write().await.unwrap().users().delete(gone.id, Timestamp::UNIX_EPOCH).await.unwrap();
    for name in ["inactive", "gone", "nobody"] {
        let mails = mails_of(&house, &Task::BeginPasswordReset { email: email(name) }).await;
        assert!(mails.is_empty(), "{name}: {mails:?}");
    }
    let mails = mails_of(&house, &Task::BeginPasswordReset { email: email("ADA") }).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ada.email, "as the account has it, not as it was typed");
    let Letter::ResetPassword { link, .. } = &mails[0].letter else { panic!("{mails:?}") };
    assert!(link.starts_with("https://api.example.com/api/v1/auth/reset-password#token="), "{link}");
    let mut reader = house.store.read().await.unwrap();
    assert!(reader.mail_tokens().find_of(ada.id, MailPurpose::ResetPassword).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sign_up_makes_an_account_and_asks_for_its_address() {
    let house = House::new().await;
    let mails = mails_of(&house, &pending("ada", "ada")).await;
    let ada = find(&house, "ada").await.unwrap();
    assert!(ada.is_active && !ada.email_verified);
    assert!(
        matches!(&mails[..], [Mail { to, letter: Letter::VerifyEmail { .. }, .. }] if *to == ada.email),
        "{mails:?}"
    );
    let mut reader = house.store.read().await.unwrap();
    let audit =
        reader.audit().list(&keepstone_domain::AuditFilter::default(), &PageRequest::first(9)).await.unwrap().items;
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].user_id, audit[0].ip.as_deref()), (Some(ada.id), Some("192.0.2.1")));
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_is_told_by_e_mail_and_makes_nothing() {
    let house = House::new().await;
    let ada = insert(&house, "ada", true).await;
    for username in ["ada", "other"] {
        let mails = mails_of(&house, &pending("ADA", username)).await;
        assert!(matches!(&mails[..], [Mail { to, letter: Letter::AddressTaken, .. }] if *to == ada.email), "{mails:?}");
    }
    let mails = mails_of(&house, &pending("bob", "ADA")).await;
    let told = matches!(&mails[..], [Mail { to, letter: Letter::UsernameTaken { .. }, .. }] if *to == email("bob"));
    assert!(told, "{mails:?}");
    assert_eq!(find(&house, "bob").await, None);
    assert_eq!(find(&house, "ada").await, Some(ada.clone()), "as before");
    house.store.write().await.unwrap().users().delete(ada.id, Timestamp::UNIX_EPOCH).await.unwrap();
    mails_of(&house, &pending("ada", "ada")).await;
    assert_ne!(find(&house, "ada").await.unwrap().id, ada.id, "both are free when somebody is deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sign_ups_with_one_address_on_two_nodes_one_makes_the_account() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(house.write_task(&pending("ada", "ada")).await);
    }
    let workers = [house.work(POLICY), house.work_on(house.another().await, POLICY)];
    for id in ids {
        house.becomes(id, JobState::Done).await;
    }
    eventually("all mails are sent", async || house.post.sent().len() == 12).await;
    let is_taken = |mail: &&Mail| matches!(mail.letter, Letter::AddressTaken);
    assert_eq!(house.post.sent().iter().filter(is_taken).count(), 11);
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_resets_of_the_same_accounts_at_once_get_in_nobodys_way_and_the_newest_link_is_sent() {
    let house = House::new().await;
    let (ada, bob) = (insert(&house, "ada", true).await, insert(&house, "bob", true).await);
    let workers = [house.work(POLICY), house.work_on(house.another().await, POLICY)];
    let mut ids = Vec::new();
    for _ in 0..40 {
        for name in ["ada", "bob"] {
            ids.push(house.write_task(&Task::BeginPasswordReset { email: email(name) }).await);
        }
        // Somebody changes them meanwhile, one after the other, as requests do.
        let change = house.store.transaction::<_, StorageError, _>(async |tx| {
            for id in [bob.id, ada.id] {
                let user = tx.users().hold(id).await?.unwrap();
                tx.users().update(&user, Timestamp::UNIX_EPOCH).await?;
            }
            Ok(())
        });
        change.await.unwrap();
    }
    for id in ids {
        assert_eq!(house.becomes(id, JobState::Done).await.attempts, 1);
    }
    eventually("all mails are sent", async || house.jobs(Some(JobState::Done)).await.len() == 160).await;
    for user in [ada, bob] {
        let mut reader = house.store.read().await.unwrap();
        let newest = reader.mail_tokens().find_of(user.id, MailPurpose::ResetPassword).await.unwrap().unwrap();
        let sent = house.post.sent();
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
async fn old_search_keys_are_renewed_by_a_job_and_those_that_it_leaves_behind() {
    let house = House::new().await;
    for number in 0..250 {
        insert(&house, &format!("user{number}"), true).await;
    }
    house.run("UPDATE users SET search_key = 'old'").await;
    let worker = house.work(POLICY);
    for task in [Task::RenewUserSearchKeys { after: None }, Task::RenewItemSearchKeys { after: None }] {
        let id = house.write_task(&task).await;
        house.becomes(id, JobState::Done).await;
    }
    eventually("all users are found", async || {
        let filter = UserFilter { search: SearchText::parse("@example.com").ok(), role: None };
        let mut reader = house.store.read().await.unwrap();
        reader.users().list(&filter, &PageRequest::first(1)).await.unwrap().total == Some(250)
    })
    .await;
    worker.stop().await;
}
