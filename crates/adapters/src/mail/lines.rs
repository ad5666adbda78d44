//! A connection that returns one line per read. Bytes that follow the response to STARTTLS in the same packet were
//! injected by a third party without the server's key. Read this way, they fail the TLS handshake instead of being
//! taken for a response of the server.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

#[derive(Debug)]
pub struct Lines {
    stream: TcpStream,
    /// Received and not yet returned.
    held: Vec<u8>,
}

impl Lines {
    /// Connects, within this time.
    pub async fn connect(address: SocketAddr, limit: Duration) -> io::Result<Self> {
        let connected = timeout(limit, TcpStream::connect(address)).await;
        let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(Self { stream, held: Vec::new() })
    }
}

impl AsyncRead for Lines {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, held } = self.get_mut();
        if held.is_empty() {
            let mut bytes = [0; 4_096];
            let mut received = ReadBuf::new(&mut bytes);
            ready!(Pin::new(stream).poll_read(context, &mut received))?;
            held.extend_from_slice(received.filled());
        }
        let line = held.iter().position(|byte| *byte == b'\n').map_or(held.len(), |end| end + 1);
        let given: Vec<u8> = held.drain(..line.min(buffer.remaining())).collect();
        buffer.put_slice(&given);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Lines {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
