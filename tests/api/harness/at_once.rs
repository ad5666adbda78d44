//! Simultaneous requests, as HTTP clients cannot send them: all heads first, then all bodies.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Posts one body to these servers (`host:port`) so that each has the head of its request before any has its body.
/// Returns statuses and bodies, in order.
pub async fn post_at_once(addresses: &[&str], path: &str, body: &Value) -> Vec<(u16, Value)> {
    let body = body.to_string();
    let mut connections = Vec::with_capacity(addresses.len());
    for address in addresses {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len(),
        );
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.set_nodelay(true).unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    // The server requests the body when it has the head.
    for connection in &mut connections {
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        connection.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    }
    for connection in &mut connections {
        connection.write_all(body.as_bytes()).await.unwrap();
    }
    let mut replies = Vec::with_capacity(connections.len());
    for mut connection in connections {
        let mut reply = String::new();
        connection.read_to_string(&mut reply).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        replies.push((status, serde_json::from_str(body).unwrap_or(Value::Null)));
    }
    replies
}
