//! A connection below HTTP: sends what no client would, and hears what is said to that.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub struct Raw(TcpStream);

/// What was heard until the server closed.
#[derive(Debug)]
pub struct Heard {
    pub text: String,
    /// How long that took.
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

    /// Reads until this has come.
    pub async fn hear(&mut self, expected: &str) {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(expected) {
            let read = self.0.read_buf(&mut heard).await.unwrap();
            assert_ne!(read, 0, "closed instead of {expected:?}: {}", String::from_utf8_lossy(&heard));
        }
    }

    /// Sends one of these bytes again and again, one each time that `pace` has passed, and listens until the server
    /// closes, which it must do in time.
    pub async fn drip(mut self, bytes: &[u8], pace: Duration, patience: Duration) -> Heard {
        let begun = Instant::now();
        let (mut heard, mut bytes) = (Vec::new(), bytes.iter().cycle());
        loop {
            assert!(begun.elapsed() < patience, "still open: {}", String::from_utf8_lossy(&heard));
            match timeout(pace, self.0.read_buf(&mut heard)).await {
                // Closing on what has not been read is a reset, and also an end.
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => {}
                Err(_quiet) => {
                    if let Some(byte) = bytes.next() {
                        let _ = self.0.write_all(&[*byte]).await; // a reset is noticed by reading
                    }
                }
            }
        }
        Heard { text: String::from_utf8_lossy(&heard).into_owned(), after: begun.elapsed() }
    }

    /// Listens until the server closes.
    pub async fn until_closed(self, patience: Duration) -> Heard {
        self.drip(&[], Duration::from_millis(100), patience).await
    }

    /// Never reads. Says after which time it was cut off.
    pub async fn until_cut(mut self, patience: Duration) -> Duration {
        let begun = Instant::now();
        // What has been cut off shows when one writes.
        while self.0.write_all(b"G").await.is_ok() {
            assert!(begun.elapsed() < patience, "still open");
            tokio::time::sleep(Duration::from_millis(250)).await; // the pace of a client
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
    /// The statuses of all answers, in order.
    pub fn statuses(&self) -> Vec<u16> {
        let heads = self.text.split("HTTP/1.1 ").skip(1);
        heads.filter_map(|head| head.get(..3)?.parse().ok()).collect()
    }

    /// The last answer, which must be a problem that has this code and ends the connection.
    #[track_caller]
    pub fn ends_with_problem(&self, code: &str) {
        let (head, body) = self.text.rsplit_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {self:?}"));
        let head = head.rsplit_once("HTTP/1.1 ").unwrap_or_else(|| panic!("no answer: {self:?}")).1.to_lowercase();
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
