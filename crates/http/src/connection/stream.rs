//! The socket as actix sees it. It passes everything on and notes what happened, but for two things: an answer that
//! actix gives by itself, to a head that it cannot read, and a head that did not come in time get the body of every
//! error.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{refusal::Refusal, state::Connection};

/// A socket whose connection is told what happens.
pub struct Stream {
    socket: TcpStream,
    connection: Rc<Connection>,
    refusal: Option<Refusal>,
}

impl Stream {
    pub fn new(socket: TcpStream, connection: Rc<Connection>) -> Self {
        Self { socket, connection, refusal: None }
    }

    pub fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    fn refuse(&mut self, status: StatusCode) {
        self.refusal = Some(Refusal::of(status, self.connection.peer));
        self.connection.leave();
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_late() {
            this.refuse(StatusCode::REQUEST_TIMEOUT);
        }
        if let Some(refusal) = &mut this.refusal {
            return refusal.poll(&mut this.socket, context); // and then it looks as if the peer had closed
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.connection.heard();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refusal.is_none() && !this.connection.owes() {
            // Nothing of an answer is outstanding, so this is one that actix gives by itself, and the whole of it.
            this.refuse(status(bytes));
        }
        if let Some(refusal) = &mut this.refusal {
            ready!(refusal.poll(&mut this.socket, context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut this.socket).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(_)) => this.connection.told(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.connection.stall(),
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.flushed(); // a socket has nothing to flush
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

/// That of an answer: `HTTP/1.1 431 `.
fn status(answer: &[u8]) -> StatusCode {
    let digits = answer.get(9..12).unwrap_or_default();
    StatusCode::from_bytes(digits).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
