//! A private Redis server without persistence.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::server::Recipe;

pub(crate) const RECIPE: Recipe = Recipe {
    programs: &["redis-server"],
    prepare: ":",
    serve: "redis-server --port $PORT --bind 127.0.0.1 --save '' --appendonly no",
    signal: "KILL",
    probe: answers,
};

fn answers(port: u16) -> bool {
    let ping = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG\r\n")
    };
    ping().unwrap_or(false)
}
