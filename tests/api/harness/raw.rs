//! A raw TCP connection: sends bytes that HTTP clients would not send, and records the response.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub struct Raw(TcpStream);

/// The bytes received until the server closed the connection.
#[derive(Debug)]
pub struct Heard {
    pub text: String,
    /// The time until the connection was closed.
    pub after: Duration,
}

impl Raw {
    /// Connects to `host:port`.
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub async fn send(mut self, bytes: &[u8]) -> Self {
        self.0.write_all(bytes).await.unwrap();
        self
    }

    /// Reads until this text has arrived.
    pub async fn hear(&mut self, expected: &str) {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(expected) {
            let read = self.0.read_buf(&mut heard).await.unwrap();
            assert_ne!(read, 0, "closed instead of {expected:?}: {}", String::from_utf8_lossy(&heard));
        }
    }

    /// Sends one of these bytes per `pace`, repeatedly, and reads until the server closes the connection, which must
    /// happen within `patience`.
    pub async fn drip(mut self, bytes: &[u8], pace: Duration, patience: Duration) -> Heard {
        let begun = Instant::now();
        let (mut heard, mut bytes) = (Vec::new(), bytes.iter().cycle());
        loop {
            assert!(begun.elapsed() < patience, "still open: {}", String::from_utf8_lossy(&heard));
            match timeout(pace, self.0.read_buf(&mut heard)).await {
                // Closing a socket with unread data sends a reset, which also counts as closed.
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => {}
                Err(_quiet) => {
                    if let Some(byte) = bytes.next() {
                        let _ = self.0.write_all(&[*byte]).await; // reading detects a reset
                    }
                }
            }
        }
        Heard { text: String::from_utf8_lossy(&heard).into_owned(), after: begun.elapsed() }
    }

    /// Reads until the server closes the connection.
    pub async fn until_closed(self, patience: Duration) -> Heard {
        self.drip(&[], Duration::from_millis(100), patience).await
    }

    /// Never reads. Returns the time until the server cut the connection.
    pub async fn until_cut(mut self, patience: Duration) -> Duration {
        let begun = Instant::now();
        // A write detects that the connection was cut.
        while self.0.write_all(b"G").await.is_ok() {
            assert!(begun.elapsed() < patience, "still open");
            tokio::time::sleep(Duration::from_millis(250)).await; // paces the writes
        }
        begun.elapsed()
    }
}

impl From<TcpStream> for Raw {
    fn from(stream: TcpStream) -> Self {
        Self(stream)
    }
}

impl Heard {
    /// Returns the statuses of all responses, in order.
    pub fn statuses(&self) -> Vec<u16> {
        let heads = self.text.split("HTTP/1.1 ").skip(1);
        heads.filter_map(|head| head.get(..3)?.parse().ok()).collect()
    }

    /// Asserts that the last response is a problem with this code and closes the connection.
    #[track_caller]
    pub fn ends_with_problem(&self, code: &str) {
        let (head, body) = self.text.rsplit_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {self:?}"));
        let head = head.rsplit_once("HTTP/1.1 ").unwrap_or_else(|| panic!("no response: {self:?}")).1.to_lowercase();
        let problem: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("no problem ({error}): {self:?}"));
        let status = head.get(..3).and_then(|status| status.parse::<u16>().ok());
        assert_eq!(problem["code"], code, "{self:?}");
        assert_eq!(problem["status"].as_u64(), status.map(u64::from), "{self:?}");
        let id = problem["request_id"].as_str().unwrap();
        for line in ["content-type: application/problem+json", "connection: close", &format!("x-request-id: {id}")] {
            assert!(head.contains(&format!("\r\n{line}")), "no {line} in {self:?}");
        }
    }
}
