//! The error response for requests that never reach the application: a problem like any other. The connection is closed
//! afterwards.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use actix_http::header::HttpDate;
use actix_web::{
    ResponseError,
    http::{StatusCode, header::HeaderMap},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    code::Code,
    headers,
    problem::Problem,
    request_id::{self, RequestId},
};

/// A complete error response, and the number of bytes already sent.
pub struct Refusal {
    answer: Vec<u8>,
    sent: usize,
    is_shut: bool,
}

impl Refusal {
    /// Creates the response to a request whose head was rejected.
    pub fn of(status: StatusCode, peer: Option<SocketAddr>) -> Self {
        Self { answer: answer(Problem::of_status(status), peer), sent: 0, is_shut: false }
    }

    /// Sends the response; ready when the peer has closed. Reads and discards what the peer still sends: closing with
    /// unread data would send a reset, which might overtake the response.
    pub fn poll(&mut self, socket: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = Pin::new(socket);
        while let Some(rest) = self.answer.get(self.sent..).filter(|rest| !rest.is_empty()) {
            self.sent += ready!(socket.as_mut().poll_write(context, rest))?;
        }
        if !self.is_shut {
            ready!(socket.as_mut().poll_shutdown(context))?;
            self.is_shut = true;
        }
        let mut space = [0; 4_096];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            ready!(socket.as_mut().poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Rejects a connection above the limit with 503 and closes it, without waiting.
pub fn turn_away(socket: TcpStream, peer: Option<SocketAddr>, why: &'static str) {
    let answer = answer(Problem::new(Code::Overloaded, why), peer);
    // Errors are ignored: the connection is closed in any case.
    if let Ok(mut socket) = socket.into_std() {
        let _ = socket.write(&answer);
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read(&mut [0; 4_096]);
    }
}

/// Logs a line and returns the bytes of the response.
fn answer(problem: Problem, peer: Option<SocketAddr>) -> Vec<u8> {
    let id = RequestId::of(&HeaderMap::new());
    let (status, request_id, code) = (problem.status_code(), id.as_str(), problem.code_name());
    let client = peer.map(|peer| tracing::field::display(peer.ip().to_canonical()));
    tracing::info!(target: "access", status = status.as_u16(), request_id, client, code, "refused");
    let body = problem.body(&id);
    let mut response = problem.error_response();
    response.headers_mut().insert(request_id::HEADER, id.header_value());
    headers::complete(response.headers_mut(), false);
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in response.headers() {
        // The server sets all of them, and they are ASCII.
        let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let date = HttpDate::from(SystemTime::now());
    let _ = write!(head, "date: {date}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut answer = head.into_bytes();
    answer.extend_from_slice(&body);
    answer
}
