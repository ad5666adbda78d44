//! Graceful shutdown: a server that receives a signal finishes the requests in progress and exits with success.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{PASSWORD, PATIENCE, Server, eventually, together};

#[tokio::test]
async fn sigterm_and_sigint_stop_a_server_gracefully() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start().await;
        server.user("ada").await; // leaves a connection open
        let started = Instant::now();
        server.signal(signal);
        assert_eq!(server.end().code(), Some(0), "{signal:?}");
        assert!(started.elapsed() < PATIENCE / 2, "an idle connection must not delay the shutdown");
    }
}

#[tokio::test]
async fn acknowledged_requests_survive_a_shutdown() {
    let mut server = Server::with().env("HASH_CONCURRENCY", "40").env("BCRYPT_COST", "8").start().await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let requests = tokio::spawn(together(
        (0..40)
            .map(|number| {
                let (anonymous, acknowledged) = (server.anonymous(), Arc::clone(&acknowledged));
                async move {
                    let email = format!("user{number}@example.com");
                    let body = json!({"email": email, "password": PASSWORD});
                    let reply = anonymous.post("/api/v1/auth/register").json(&body).try_send().await;
                    if reply.is_some_and(|reply| reply.status == 201) {
                        acknowledged.lock().unwrap().push(email);
                    }
                }
            })
            .collect::<Vec<_>>(),
    ));
    eventually("registered", async || (!acknowledged.lock().unwrap().is_empty()).then_some(())).await;
    let ended = tokio::task::spawn_blocking(move || {
        let status = server.terminate();
        (server, status)
    });
    let (server, status) = ended.await.unwrap();
    assert_eq!(status.code(), Some(0));
    requests.await.unwrap();
    let stored = server.home.users();
    for email in acknowledged.lock().unwrap().iter() {
        assert!(stored.iter().any(|user| user["email"] == email.as_str()), "{email} was acknowledged and is lost");
    }
    assert_eq!(server.another().await.everyone_can_log_in().await, stored.len());
}

#[tokio::test]
async fn a_second_signal_stops_a_server_that_waits_for_a_request() {
    let mut server = Server::start().await;
    let mut stalled = TcpStream::connect(server.address()).unwrap();
    let head =
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    stalled.write_all(head.as_bytes()).unwrap();
    server.anonymous().get("/health").await.is(200);
    server.signal(Signal::TERM);
    eventually("the server is stopping", async || server.log().contains("stopping").then_some(())).await;
    server.signal(Signal::TERM);
    assert_eq!(server.end().code(), Some(1));
}

#[tokio::test]
async fn a_shutdown_delay_reports_not_ready_and_still_accepts_requests() {
    let mut server = Server::with().env("SHUTDOWN_DELAY", "10").start().await;
    let ada = server.user("ada").await;
    server.anonymous().get("/health/ready").await.is(200);
    server.signal(Signal::TERM);
    eventually("not ready", async || (server.anonymous().get("/health/ready").await.status == 503).then_some(())).await;
    server.anonymous().get("/health/live").await.is(200);
    ada.get("/api/v1/users/me").await.is(200);
    server.user("bob").await; // on new connections
    server.signal(Signal::TERM);
    assert_eq!(server.end().code(), Some(1), "the second signal does not wait for the delay");
}

#[tokio::test]
async fn a_server_stops_gracefully_after_its_shutdown_delay() {
    let mut server = Server::with().env("SHUTDOWN_DELAY", "300ms").start().await;
    let started = Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(started.elapsed() >= Duration::from_millis(300), "it must not stop before");
}

#[tokio::test]
async fn acknowledged_requests_survive_a_kill() {
    let mut server = Server::start().await;
    server.user("ada").await;
    server.signal(Signal::KILL);
    assert_ne!(server.end().code(), Some(0));
    let again = server.another().await;
    again.anonymous().named("ada@example.com").log_in().await;
}
