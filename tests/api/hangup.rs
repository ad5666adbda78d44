//! Clients that disconnect at any moment leave neither partial changes nor open connections behind.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::{Home, PASSWORD, Server, together};

/// Sends part or all of a request, waits briefly, and disconnects, with or without a reset.
async fn disconnect(address: String, number: u64) {
    let body = json!({"email": format!("user{}@example.com", number / 2), "password": PASSWORD}).to_string();
    let path = if number.is_multiple_of(2) { "register" } else { "login" };
    let head = format!("POST /api/v1/auth/{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let length = if number.is_multiple_of(5) {
        request.len() * usize::try_from(number % 97).unwrap() / 97
    } else {
        request.len()
    };
    let stream = TcpStream::connect(address).await.unwrap();
    if !number.is_multiple_of(3) {
        stream.set_zero_linger().unwrap(); // makes closing send a reset
    }
    stream.writable().await.unwrap();
    let _ = stream.try_write(&request.as_bytes()[..length]); // a new connection accepts all bytes at once
    tokio::time::sleep(Duration::from_micros(number * 7919 % 15_000)).await; // varies the moment of the disconnect
}

async fn survives_disconnects(home: Home) {
    let server = home.env("HASH_CONCURRENCY", "64").start().await; // so that the queue of hashes is not the limit
    for batch in 0..30 {
        together((0..10).map(|number| disconnect(server.address().to_owned(), batch * 10 + number))).await;
    }

    let replies = together((0..40).map(|number| {
        let anonymous = server.anonymous();
        let body = json!({"email": format!("after{number}@example.com"), "password": PASSWORD});
        async move { anonymous.post("/api/v1/auth/register").json(&body).await }
    }))
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status >= 500).count(), 0, "{replies:#?}");
    server.anonymous().get("/health/ready").await.is(200);

    let users = server.everyone_can_log_in().await;
    assert!(users > 40, "some of the requests must have been processed: {users}");
}

#[tokio::test]
async fn a_server_survives_client_disconnects() {
    survives_disconnects(Home::new()).await;
}

#[tokio::test]
async fn a_server_with_two_database_connections_survives_client_disconnects() {
    survives_disconnects(Server::with().env("DB_POOL_SIZE", "2")).await;
}
