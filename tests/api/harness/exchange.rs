//! Raw requests that HTTP clients cannot send, byte for byte.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Reply;

/// Sends these bytes to `host:port` and returns the response. The request should contain `Connection: close`.
pub async fn send_raw(address: &str, request: impl AsRef<[u8]>) -> Reply {
    let request = request.as_ref();
    let mut connection = TcpStream::connect(address).await.unwrap();
    // The server may respond and close before it has received everything.
    let _ = connection.write_all(request).await;
    let mut answer = Vec::new();
    let end = timeout(Duration::from_secs(20), connection.read_to_end(&mut answer)).await;
    let request_line = String::from_utf8_lossy(request).chars().take(200).collect();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(end.is_ok() || !answer.is_empty(), "no response to {request_line}");
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?} to {request_line}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Reply { request_line, status, headers, body: body.to_owned() }
}

/// Returns a request without a body, for [`send_raw`].
pub fn raw_request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}
