//! Identifies the service on a port, if it does not behave like the expected mail server.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{DnsName, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The service on a port.
#[derive(Debug, PartialEq, Eq)]
pub enum Peer {
    /// A mail server that greets without TLS.
    Smtp,
    /// A server that speaks TLS.
    Tls,
    /// Another service, with its first line.
    Other(String),
    /// A service that closes the connection or sends nothing.
    Silent,
}

/// Starts TLS on a new connection, and checks the first bytes of the response. Sends no part of the configuration.
/// `limit` applies to connecting and to each response.
pub async fn identify(address: SocketAddr, limit: Duration) -> Peer {
    match timeout(limit * 3, first_bytes(address, limit)).await {
        Ok(Ok(bytes)) => Peer::of(&bytes),
        Ok(Err(_)) | Err(_) => Peer::Silent,
    }
}

async fn first_bytes(address: SocketAddr, limit: Duration) -> io::Result<Vec<u8>> {
    const MOST: usize = 512;
    let mut stream = TcpStream::connect(address).await?;
    let mut bytes = Vec::new();
    // The second message is for servers that read lines.
    for words in [client_hello().map_err(io::Error::other)?, b"\r\n\r\n".to_vec()] {
        stream.write_all(&words).await?;
        let whole_line = async {
            while !bytes.contains(&b'\n') && !is_tls(&bytes) && bytes.len() < MOST {
                if stream.read_buf(&mut bytes).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        };
        let _ = timeout(limit, whole_line).await; // the bytes so far are enough
        if !bytes.is_empty() {
            break;
        }
    }
    Ok(bytes)
}

/// Returns whether the bytes are a TLS record with an alert or a handshake message, of SSL 3 or newer.
const fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [21 | 22, 3, ..])
}

/// Returns the first message of a TLS client. No handshake follows, so no trusted authority is needed.
fn client_hello() -> Result<Vec<u8>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = DnsName::try_from("localhost").map_err(|_| rustls::Error::General("a bad name".to_owned()))?;
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::DnsName(name))?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(hello)
}

impl Peer {
    fn of(bytes: &[u8]) -> Self {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
        match bytes {
            _ if is_tls(bytes) => Self::Tls,
            [b'2' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-' | b'\r' | b'\n', ..] => Self::Smtp,
            [] | [b'0'..=b'9', ..] if !bytes.contains(&b'\n') => Self::Silent, // an incomplete reply
            [b'<', ..] => Self::Other("HTTP".to_owned()),                      // an HTML page without headers
            _ => Self::Other(String::from_utf8_lossy(line).trim_end().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_identify_the_service() {
        for (bytes, peer) in [
            (&b""[..], Peer::Silent),
            (b"220 mail.example.com ESMTP\r\n", Peer::Smtp),
            (b"220-mail.example.com\r\n220 ESMTP\r\n", Peer::Smtp),
            (b"554 no service here\r\n", Peer::Smtp),
            (b"2", Peer::Silent),
            (b"Z\0\0\x0011.4.2-MariaDB", Peer::Other("Z\0\0\x0011.4.2-MariaDB".to_owned())),
            (&[21, 3, 1, 0, 2, 2, 70], Peer::Tls),
            (&[22, 3, 3, 0, 122, 2], Peer::Tls),
            (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", Peer::Other("HTTP/1.1 400 Bad Request".to_owned())),
            (b"<!DOCTYPE HTML>\n", Peer::Other("HTTP".to_owned())),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Peer::Other("SSH-2.0-OpenSSH_9.2".to_owned())),
            (b"* OK IMAP4rev1 ready\r\n", Peer::Other("* OK IMAP4rev1 ready".to_owned())),
            (b"+OK POP3 ready\r\n", Peer::Other("+OK POP3 ready".to_owned())),
        ] {
            assert_eq!(Peer::of(bytes), peer, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_first_message_is_a_handshake() {
        let hello = client_hello().expect("a message");
        assert!(hello.starts_with(&[22, 3]), "{hello:?}");
    }
}
