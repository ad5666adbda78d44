//! Background jobs from the operator's view: they can be listed and retried, and survive the death of a process.

use std::collections::BTreeSet;

use keepstone_test_backends::{Fault, Smtp, SmtpStep};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Server, eventually, no_smtp, posting_to};

const JOBS: &str = "/api/v1/jobs";

async fn listed(admin: &Client, query: &str) -> Vec<Value> {
    let page = admin.get(&format!("{JOBS}?{query}")).await.is(200).json();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_rejected_e_mail_is_a_dead_job_and_can_be_retried() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).start().await;
    let [admin] = server.seeded(["admin"]).await;
    smtp.fault(&Fault::Reply(SmtpStep::To, "550 5.1.1 no such mailbox"));
    server.anonymous().register("ada").await;
    let dead = eventually("a dead job", async || listed(&admin, "state=dead").await.pop()).await;
    assert_eq!((&dead["kind"], &dead["attempts"]), (&json!("mail_verify_email"), &json!(1)), "{dead:#}");
    assert!(dead["last_error"].as_str().unwrap().contains("550"), "{dead:#}");
    assert!(dead["due_at"].is_null() && dead["finished_at"].is_string(), "{dead:#}");
    assert!(!dead.to_string().contains("ada@"), "{dead:#}");

    smtp.clear_fault();
    let retry = format!("{JOBS}/{}/retry", dead["id"].as_str().unwrap());
    let retried = admin.post(&retry).await.is(200).json();
    assert_eq!((&retried["state"], &retried["attempts"]), (&json!("waiting"), &json!(0)), "{retried:#}");
    let done = eventually("the job to be done", async || {
        listed(&admin, "state=done").await.into_iter().find(|job| job["id"] == dead["id"])
    })
    .await;
    assert!(done["last_error"].is_null(), "{done:#}");
    assert_eq!(smtp.received().len(), 1);
    admin.post(&retry).await.is(409).problem_is("job_not_retryable");
    admin.post(&format!("{JOBS}/{}/retry", admin.id)).await.is(404).problem_is("job_not_found");
    admin.post(&format!("{JOBS}/1/retry")).await.invalid_at(&[&["path", "id"]]);
    admin.get(&format!("{JOBS}?state=tired")).await.invalid_at(&[&["query", "state"]]);
}

#[tokio::test]
async fn jobs_can_be_listed_and_retried_on_the_command_line() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).start().await;
    smtp.fault(&Fault::Reply(SmtpStep::End, "554 5.6.0 spam"));
    for name in ["ada", "bob"] {
        server.anonymous().register(name).await;
    }
    let dead = || server.cli(["jobs", "list", "--state", "dead", "--json"]).exits(0).json().as_array().unwrap().clone();
    let jobs = eventually("two dead jobs", async || Some(dead()).filter(|jobs| jobs.len() == 2)).await;
    let text = server.cli(["jobs", "list"]).exits(0).stdout;
    assert!(text.contains("554") && text.contains("purge_users") && !text.contains('@'), "{text}");

    smtp.clear_fault();
    let id = jobs[0]["id"].as_str().unwrap();
    assert!(server.cli(["jobs", "retry", id]).exits(0).stdout.contains(id));
    eventually("one e-mail", async || (smtp.received().len() == 1).then_some(())).await;
    let retried = server.cli(["jobs", "retry", "--dead", "--json"]).exits(0).json();
    assert_eq!((retried.as_array().unwrap().len(), &retried[0]["id"]), (1, &jobs[1]["id"]), "{retried:#}");
    assert_eq!((&retried[0]["state"], &retried[0]["attempts"]), (&json!("waiting"), &json!(0)), "{retried:#}");
    eventually("the other one", async || (smtp.received().len() == 2).then_some(())).await;
    eventually("the end of all jobs", async || (server.unfinished().is_empty() && dead().is_empty()).then_some(()))
        .await;
    let run = server.cli(["jobs", "retry", id]).exits(1);
    assert!(run.stderr.contains(id), "{run:#?}");
    let run = server.cli(["jobs", "retry", id, "--json"]).exits(1);
    assert_eq!((run.json(), run.stderr.contains(id)), (json!([]), true), "{run:#?}");
    server.cli(["jobs", "retry"]).exits(2);
    server.cli(["jobs", "retry", "nonsense"]).exits(2);
    server.cli(["jobs", "list", "--state", "tired"]).exits(2);
}

#[tokio::test]
async fn the_list_is_paged_newest_first() {
    let server = Server::with().with_mail().start().await;
    let [admin] = server.seeded(["admin"]).await;
    for name in ["ada", "bob", "eve"] {
        server.anonymous().register(name).await;
    }
    server.letters_after_jobs("example.com").await;
    let all = admin.get(&format!("{JOBS}?state=done")).await.is(200).json();
    assert_eq!(all["total"], 3, "{all:#}");
    let mut seen = Vec::new();
    let mut path = format!("{JOBS}?state=done&page_size=2");
    loop {
        let page = admin.get(&path).await.is(200).json();
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{JOBS}?state=done&page_size=2&cursor={cursor}");
    }
    assert_eq!(json!(seen), all["items"]);
    let routines = listed(&admin, "page_size=100").await;
    let kinds: BTreeSet<_> = routines.iter().map(|job| job["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains("delete_expired_sessions") && kinds.contains("purge_users"), "{kinds:?}");
}

#[tokio::test]
async fn a_job_of_a_dead_process_is_done_by_another_process() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).env("JOB_LEASE", "5").env("JOB_CONCURRENCY", "2").start().await;
    smtp.fault(&Fault::Silence);
    for name in ["ada", "bob", "eve"] {
        server.anonymous().register(name).await;
    }
    eventually("attempts under way", async || (smtp.open() > 0).then_some(())).await;
    server.signal(Signal::KILL);
    let home = server.leave();
    smtp.clear_fault();
    let server = home.start().await;
    eventually("all e-mails", async || (smtp.received().len() >= 3).then_some(())).await;
    server.jobs_end().await;
    let received = smtp.received();
    let to: BTreeSet<_> = received.iter().map(|mail| mail.to[0].clone()).collect();
    assert_eq!(to.len(), 3, "{to:?}");
}

#[tokio::test]
async fn a_stopping_process_releases_its_jobs() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    // Unless released, the lease would block the job for an hour.
    let mut server = posting_to(&smtp).env("JOB_LEASE", "3600").start().await;
    smtp.fault(&Fault::Silence);
    server.anonymous().register("ada").await;
    eventually("an attempt under way", async || (smtp.open() > 0).then_some(())).await;
    assert!(server.terminate().success());
    smtp.clear_fault();
    let server = server.leave().start().await;
    eventually("the e-mail", async || (smtp.received().len() == 1).then_some(())).await;
    server.letters_after_jobs("ada@example.com").await;
}

#[tokio::test]
async fn several_processes_share_the_work() {
    if no_smtp() {
        return;
    }
    let smtp = Smtp::start();
    let server = posting_to(&smtp).env("JOB_CONCURRENCY", "0").start().await;
    let count = 40;
    for number in 0..count {
        let body = json!({"email": format!("user{number}@example.com"), "password": PASSWORD});
        server.anonymous().post("/api/v1/auth/register").json(&body).await.is(201);
    }
    assert_eq!(server.unfinished().len(), count, "this process runs no jobs");
    let home = server.leave().env("JOB_CONCURRENCY", "4");
    let first = home.start().await;
    let others = [first.another().await, first.another().await];
    first.jobs_end().await;
    let received = smtp.received();
    let ids: BTreeSet<_> = received.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
    assert_eq!((ids.len(), received.len()), (count, count), "each once");
    drop(others);
}
