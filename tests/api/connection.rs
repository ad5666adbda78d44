//! Slow and hostile clients, below HTTP: stalled connections are closed, with an error response where possible. Other
//! clients are not affected.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpSocket;

use crate::harness::{Heard, Raw, Server, eventually};

const GET: &[u8] = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
/// The longest time a connection may be held without progress, plus a margin for a busy machine.
const PATIENCE: Duration = Duration::from_secs(18);
const SECOND: Duration = Duration::from_secs(1);

fn post(path: &str, header: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{header}\r\n\r\n").into_bytes()
}

fn login(header: &str) -> Vec<u8> {
    post("/api/v1/auth/login", header)
}

/// Requests `/health` repeatedly until `others` completes, and asserts that every response is 200.
async fn honest_client(server: &Server, others: impl Future<Output = ()>) {
    let mut others = std::pin::pin!(others);
    let mut answers = 0;
    loop {
        let asked = async {
            server.anonymous().get("/health").await.is(200);
            tokio::time::sleep(Duration::from_millis(20)).await; // paces the requests
        };
        tokio::select! {
            () = &mut others => break,
            () = asked => answers += 1,
        }
    }
    assert!(answers > 50, "{answers}");
}

/// Clients that never complete the request head.
async fn slow_heads(server: &Server) {
    let connect = || Raw::connect(server.address());
    let silent = async {
        let heard = connect().await.until_closed(PATIENCE).await;
        assert_eq!(heard.text, "", "a silent client gets no response");
    };
    let first = async {
        let heard = connect().await.send(b"GET /health HTTP/1.1\r\nX: ").await.drip(b"x", SECOND / 2, PATIENCE).await;
        assert_eq!(heard.statuses(), [408]);
        heard.ends_with_problem("request_timeout");
    };
    let a_byte_after_a_request = async {
        let mut raw = connect().await.send(GET).await;
        raw.hear("environment").await;
        let heard = raw.send(b"G").await.until_closed(PATIENCE).await;
        assert_eq!(heard.statuses(), [408]);
        heard.ends_with_problem("request_timeout");
    };
    let second = async {
        let mut raw = connect().await.send(GET).await;
        raw.hear("environment").await;
        let heard = raw.send(b"GET / HTTP/1.1\r\nX: ").await.drip(b"x\r\nX: ", SECOND / 2, PATIENCE).await;
        heard.ends_with_problem("request_timeout");
    };
    let idle = async {
        let heard = connect().await.send(GET).await.until_closed(PATIENCE).await;
        assert_eq!(heard.statuses(), [200]);
        assert!(heard.after > SECOND * 3, "the connection stays open for reuse: {heard:?}");
    };
    tokio::join!(silent, first, a_byte_after_a_request, second, idle);
}

/// Clients that never complete the request body.
async fn slow_bodies(server: &Server) {
    let connect = || Raw::connect(server.address());
    let never = async {
        let heard = connect().await.send(&login("Content-Length: 50")).await.until_closed(PATIENCE).await;
        assert_eq!(heard.statuses(), [408]);
        heard.ends_with_problem("request_timeout");
    };
    let slow = async {
        let raw = connect().await.send(&login("Content-Length: 50")).await;
        raw.drip(b"{", SECOND * 3, PATIENCE).await.ends_with_problem("request_timeout");
    };
    let chunks = async {
        let raw = connect().await.send(&login("Transfer-Encoding: chunked")).await;
        raw.drip(b"1\r\n \r\n", SECOND / 2, PATIENCE).await.ends_with_problem("request_timeout");
    };
    let asked_for = async {
        let raw = connect().await.send(&login("Content-Length: 50\r\nExpect: 100-continue")).await;
        assert_eq!(raw.until_closed(PATIENCE).await.statuses(), [100, 408]);
    };
    let unwanted_chunks = async {
        let raw = connect().await.send(&post("/nothing", "Transfer-Encoding: chunked")).await;
        let heard = raw.drip(b"1\r\n \r\n", SECOND / 2, PATIENCE).await;
        assert_eq!(heard.statuses().first(), Some(&404), "{heard:?}");
    };
    tokio::join!(never, slow, chunks, asked_for, unwanted_chunks);
}

/// Clients that request large responses and never read them.
async fn unread_responses(server: &Server) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let raw = Raw::from(socket.connect(server.address().parse().unwrap()).await.unwrap());
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    raw.send(&request.repeat(200)).await.until_cut(SECOND * 30).await;
}

#[tokio::test]
async fn no_connection_is_held_without_progress() {
    let server = Server::start().await;
    honest_client(&server, async {
        tokio::join!(Box::pin(slow_heads(&server)), Box::pin(slow_bodies(&server)), unread_responses(&server));
    })
    .await;
}

#[tokio::test]
async fn a_slow_but_steady_body_is_read_completely() {
    let server = Server::start().await;
    let body = json!({"email": "ada@example.com", "password": "x".repeat(100), "more": "x".repeat(30_000)}).to_string();
    let mut raw = Raw::connect(server.address()).await.send(&login(&format!("Content-Length: {}", body.len()))).await;
    let begun = Instant::now();
    for part in body.as_bytes().chunks(1_100) {
        raw = raw.send(part).await;
        tokio::time::sleep(SECOND / 2).await; // paces the client
    }
    assert!(begun.elapsed() > SECOND * 12);
    raw.hear("HTTP/1.1 401").await;
}

#[tokio::test]
async fn a_request_over_its_time_limit_gets_a_timeout_error() {
    let server = Server::with().env("REQUEST_TIMEOUT", "1").env("BCRYPT_COST", "15").start().await;
    let body = json!({"email": "ada@example.com", "password": "correct horse"});
    let reply = server.anonymous().post("/api/v1/auth/login").json(&body).await.is(503);
    reply.problem_is("timeout");
    assert!(reply.header("retry-after").is_some());
    server.anonymous().get("/health/ready").await.is(200);
    eventually("it is in the log", async || server.log().contains("timeout").then_some(())).await;
}

/// Sends this request with another one behind it, which must never run.
async fn send_rejected(server: &Server, request: &[u8]) -> Heard {
    let raw = Raw::connect(server.address()).await.send(request).await;
    let heard = raw.send(GET).await.until_closed(PATIENCE).await;
    assert_eq!(heard.statuses().len(), 1, "{:?}: {heard:?}", String::from_utf8_lossy(request));
    heard
}

#[tokio::test]
async fn an_ambiguous_head_is_rejected_and_nothing_behind_it_runs() {
    let server = Server::start().await;
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5, 5",
        "Content-Length : 5",
        "Content-Length: ",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: a\r\n b",
        "X: a\0b",
        "X: a\rb",
        "Host: y",
        ": x",
        "no colon",
    ] {
        let request = format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
        let heard = send_rejected(&server, request.as_bytes()).await;
        assert_eq!(heard.statuses(), [400], "{headers:?}: {heard:?}");
        heard.ends_with_problem("invalid_request");
    }
    for request in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/9.1\r\nHost: x\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"]
    {
        send_rejected(&server, request.as_bytes()).await.ends_with_problem("invalid_request");
    }
}

#[tokio::test]
async fn an_oversized_head_is_rejected() {
    let server = Server::start().await;
    let many = format!("GET /health HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(96));
    let long = format!("GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(140_000));
    for request in [many, long] {
        let heard = send_rejected(&server, request.as_bytes()).await;
        assert_eq!(heard.statuses(), [431]);
        heard.ends_with_problem("head_too_large");
    }
}

#[tokio::test]
async fn a_rejected_request_does_not_corrupt_the_previous_response() {
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address()).await.send(GET).await;
    raw.hear("environment").await;
    let heard = raw.send(b"nonsense\r\n\r\n").await.until_closed(PATIENCE).await;
    heard.ends_with_problem("invalid_request");
    let both = [GET, b"nonsense\r\n\r\n"].concat();
    let heard = Raw::connect(server.address()).await.send(&both).await.until_closed(PATIENCE).await;
    assert_eq!(heard.statuses(), [200, 400]);
}

#[tokio::test]
async fn connections_from_one_address_are_limited() {
    let server = Server::with().env("MAX_CONNECTIONS_PER_ADDRESS", "3").start().await;
    eventually("the limit is logged", async || server.log().contains("3 from one address").then_some(())).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(server.address()).await.send(GET).await;
        raw.hear("environment").await;
        held.push(raw);
    }
    let heard = Raw::connect(server.address()).await.until_closed(PATIENCE).await;
    assert_eq!(heard.statuses(), [503]);
    heard.ends_with_problem("overloaded");
    drop(held.pop());
    eventually("a connection is accepted again", async || {
        let reply = server.anonymous().get("/health").try_send().await;
        reply.filter(|reply| reply.status == 200)
    })
    .await;
    let proxy =
        Server::with().env("MAX_CONNECTIONS_PER_ADDRESS", "3").env("TRUSTED_PROXIES", "127.0.0.1").start().await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut raw = Raw::connect(proxy.address()).await.send(GET).await;
        raw.hear("environment").await;
        held.push(raw);
    }
}

#[tokio::test]
async fn the_number_of_connections_is_limited() {
    let server = Server::with().env("MAX_CONNECTIONS", "2").start().await;
    eventually("the limit is logged", async || server.log().contains("at most 2 connections").then_some(())).await;
    let mut first = Raw::connect(server.address()).await.send(GET).await;
    first.hear("environment").await;
    let mut second = Raw::connect(server.address()).await.send(GET).await;
    second.hear("environment").await;
    Raw::connect(server.address()).await.until_closed(PATIENCE).await.ends_with_problem("overloaded");
    let again = first.send(GET).await;
    again.until_closed(PATIENCE).await.text.contains("environment").then_some(()).expect("open connections are served");
}
