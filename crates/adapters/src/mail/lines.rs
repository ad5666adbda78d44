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
    net::{TcpStream, lookup_host},
    time::timeout,
};

#[derive(Debug)]
pub struct Lines {
    stream: TcpStream,
    /// Received and not yet returned.
    held: Vec<u8>,
}

impl Lines {
    /// Tries all addresses of a host, each for so long.
    pub async fn connect(host: &str, port: u16, patience: Duration) -> io::Result<Self> {
        let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in lookup_host((host, port)).await? {
            match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(Self { stream, held: Vec::new() }),
                Ok(Err(refused)) => error = refused,
                Err(_) => error = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(error)
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
