//! Request bodies: size limits, formats and strictness of parsing.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PASSWORD, Server, send_raw};

const REGISTER: &str = "/api/v1/auth/register";
const USERS: &str = "/api/v1/users";
const KIB: usize = 1024;

/// Returns a registration body of exactly this many bytes.
fn registration_of(length: usize) -> Vec<u8> {
    let mut body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string().into_bytes();
    body.resize(length, b' ');
    body
}

/// Returns a request with a chunked body of this many bytes.
fn chunked(path: &str, length: usize) -> Vec<u8> {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n");
    let mut request = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in vec![b' '; length].chunks(8 * KIB) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn bodies_are_limited_to_64_kib_under_auth_and_1_mib_elsewhere() {
    let server = Server::start().await;
    for (path, most) in [(REGISTER, 64 * KIB), (USERS, KIB * KIB), ("/api/v1/%61uth/register", 64 * KIB)] {
        let send = |length| server.anonymous().post(path).body("application/json", registration_of(length));
        send(most + 1).await.is(413).problem_is("body_too_large");
        let status = send(most).await.status;
        assert!([201, 400].contains(&status), "{path}: {status}");
    }
    let form = vec![b'a'; 64 * KIB + 1];
    let login = server.anonymous().post("/api/v1/auth/login").body("application/x-www-form-urlencoded", form);
    login.await.is(413).problem_is("body_too_large");
}

#[tokio::test]
async fn an_oversized_content_length_is_rejected_before_the_body_arrives() {
    let server = Server::start().await;
    for (path, length) in
        [(REGISTER, "65537"), (USERS, "1048577"), (USERS, "99999999999999999"), (REGISTER, "9223372036854775807")]
    {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut connection = TcpStream::connect(server.address()).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; b"HTTP/1.1 413".len()];
        connection.read_exact(&mut status).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&status), "HTTP/1.1 413", "{path} {length}");
    }
}

#[tokio::test]
async fn chunked_bodies_are_limited_too() {
    let server = Server::start().await;
    for (path, length) in [(REGISTER, 64 * KIB + 1), (USERS, KIB * KIB + 1), (USERS, 10 * KIB * KIB)] {
        let reply = send_raw(server.address(), chunked(path, length)).await;
        assert_eq!(reply.status, 413, "{path} {length}: {reply:#?}");
    }
    send_raw(server.address(), chunked(REGISTER, 64 * KIB)).await.is(400);
    server.anonymous().get("/health").await.is(200);
}

#[tokio::test]
async fn encoded_bodies_are_not_decoded() {
    let server = Server::start().await;
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity", "x-unknown"] {
        let request = server.anonymous().post(REGISTER).body("application/json", registration_of(100));
        request.header("content-encoding", encoding).await.is(415).problem_is("unsupported_media_type");
    }
    let request = server.anonymous().post(REGISTER).body("application/json", registration_of(100));
    request.header("content-encoding", "identity").await.is(201);
}

#[tokio::test]
async fn only_utf_8_json_is_accepted() {
    let server = Server::start().await;
    let send = |kind: &str| server.anonymous().post(REGISTER).body(kind, registration_of(100));
    for kind in [
        "application/json; charset=iso-8859-1",
        "text/json",
        "application/jsonp",
        "application/*",
        "json",
        "application/json, text/html",
    ] {
        let reply = send(kind).await;
        assert_eq!(reply.status, 415, "{kind}: {reply:#?}");
        reply.problem_is("unsupported_media_type");
    }
    send("Application/JSON; Charset=\"UTF-8\"").await.is(201);
}

#[tokio::test]
async fn invalid_json_is_rejected_at_any_depth() {
    let server = Server::start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for value in
        ["NaN", "-Infinity", "1e400", "01", "'a'", r#""\ud800""#, r#""\x""#, "[1,]", "tru", &deep(128), &deep(20_000)]
    {
        for body in [
            format!(r#"{{"email": "ada@example.com", "password": "{PASSWORD}", "unknown": {value}}}"#),
            format!(r#"{{"email": "ada@example.com", "password": {value}}}"#),
        ] {
            let reply = server.anonymous().post(REGISTER).body("application/json", body).await;
            assert_eq!(reply.status, 400, "{value}: {reply:#?}");
            reply.problem_is("malformed_body");
        }
    }
    for body in
        [&b"\xef\xbb\xbf{}"[..], b"{\"unknown\": \"\xff\"}", b"\xff\xfe{\0}\0", b"{\"unknown\": \"\0\"}", b"{} ,"]
    {
        server.anonymous().post(REGISTER).body("application/json", body).await.is(400).problem_is("malformed_body");
    }
    assert!(server.home.users().is_empty());
}

#[tokio::test]
async fn duplicate_members_are_rejected_at_any_depth() {
    let server = Server::start().await;
    for more in [
        r#""email": "eve@example.com""#,
        r#""em\u0061il": "eve@example.com""#,
        r#""unknown": 1, "unknown": 1"#,
        r#""unknown": {"a": [{"b": 1, "b": 2}]}"#,
    ] {
        let body = format!(r#"{{"email": "ada@example.com", "password": "{PASSWORD}", {more}}}"#);
        let reply = server.anonymous().post(REGISTER).body("application/json", body).await;
        assert_eq!(reply.invalid_at(&[&["body"]])[0]["msg"], "must not contain duplicate members", "{more}");
    }
    assert!(server.home.users().is_empty());
}

#[tokio::test]
async fn well_formed_unknown_members_are_ignored() {
    let server = Server::start().await;
    let unknown: Value = json!({"a": [1.5e300, -1, "\u{1f600}", null, true, {"email": "eve@example.com"}]});
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "unknown": unknown});
    server.anonymous().post(REGISTER).json(&body).await.is(201);
}
