//! A proxy between client and server: a tunnel, an attacker who prevents encryption, or a network that loses packets.

use std::net::Ipv4Addr;

use keepstone_test_backends::Database;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The manipulation of connections by a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    Nothing,
    /// Pretends that the server does not offer encryption.
    NoEncryption,
}

/// A proxy that listens on a loopback port and forwards everything to a server.
pub struct Proxy {
    pub port: u16,
    is_silent: watch::Sender<bool>,
}

impl Proxy {
    pub async fn start(target: u16, tamper: Tamper) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_silent, silence) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                tokio::spawn(pass(client, target, tamper, silence.clone()));
            }
        });
        Self { port, is_silent }
    }

    /// Stops forwarding in both directions, without closing any connection.
    pub fn silence(&self) {
        self.is_silent.send_replace(true);
    }

    /// Forwards new connections again.
    pub fn recover(&self) {
        self.is_silent.send_replace(false);
    }
}

async fn pass(mut client: TcpStream, target: u16, tamper: Tamper, mut silence: watch::Receiver<bool>) {
    let work = async {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
        if tamper == Tamper::NoEncryption {
            prevent_encryption(&mut client, &mut server).await?;
        }
        copy_bidirectional(&mut client, &mut server).await
    };
    let became_silent = async {
        drop(silence.wait_for(|is_silent| *is_silent).await);
    };
    let is_silent = tokio::select! {
        _ended = work => false,
        () = became_silent => true,
    };
    if is_silent {
        std::future::pending::<()>().await;
    }
    drop(client);
}

async fn prevent_encryption(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const CLIENT_SSL_OF_SECOND_BYTE: u8 = 8;
    if Database::chosen() == Database::Postgres {
        let mut start = [0; 8];
        client.read_exact(&mut start).await?;
        return if start == SSL_REQUEST { client.write_all(b"N").await } else { server.write_all(&start).await };
    }
    let mut header = [0; 4];
    server.read_exact(&mut header).await?;
    let mut greeting = vec![0; usize::from(header[0]) + usize::from(header[1]) * 256];
    server.read_exact(&mut greeting).await?;
    // Protocol version, program name, id, half of the scramble, zero; then the capabilities of the server.
    let name = greeting.iter().skip(1).position(|byte| *byte == 0).unwrap();
    greeting[1 + name + 1 + 4 + 8 + 1 + 1] &= !CLIENT_SSL_OF_SECOND_BYTE;
    client.write_all(&header).await?;
    client.write_all(&greeting).await
}
