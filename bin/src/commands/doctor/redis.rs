//! Checks that Redis responds. This version does not use it yet.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::finding::Finding;
use crate::settings::Settings;

const NAME: &str = "redis";
const FIX: &str = "check that it runs, and that REDIS_URL has its address and password; or unset REDIS_URL";
const PATIENCE: Duration = Duration::from_secs(3);
const PORT: u16 = 6379;

pub async fn look(settings: &Settings) -> Option<Finding> {
    let address = settings.redis.url.as_ref()?;
    let url = Url::parse(address.expose()).ok()?;
    if url.scheme() == "rediss" {
        let detail = format!("{address} was not checked, because that requires TLS; this version does not use it yet");
        return Some(Finding::warning(NAME, detail, "check it with redis-cli"));
    }
    let answer = timeout(PATIENCE, ask(&url)).await.unwrap_or_else(|_| Err("no response within 3 s".to_owned()));
    Some(match answer {
        Ok(()) => Finding::ok(NAME, format!("{address} responds; this version does not use it yet")),
        Err(reason) => Finding::failed(NAME, format!("{address}: {reason}"), FIX),
    })
}

/// Sends `AUTH`, if there is a password, and `PING`.
async fn ask(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let connected = TcpStream::connect((host, url.port().unwrap_or(PORT))).await;
    let mut stream = connected.map_err(|error| error.to_string())?;
    if let Some(password) = url.password() {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (decoded(url.username()), decoded(password));
        let words = if user.is_empty() { vec!["AUTH", &password] } else { vec!["AUTH", &user, &password] };
        expect(&mut stream, &words, "+OK").await?;
    }
    expect(&mut stream, &["PING"], "+PONG").await
}

async fn expect(stream: &mut TcpStream, words: &[&str], answer: &str) -> Result<(), String> {
    let bulk: Vec<String> = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    let request = format!("*{}\r\n{}", words.len(), bulk.concat());
    let mut heard = Vec::new();
    let talk = async {
        stream.write_all(request.as_bytes()).await?;
        while !heard.ends_with(b"\n") && heard.len() < 512 {
            heard.push(stream.read_u8().await?);
        }
        Ok::<(), std::io::Error>(())
    };
    talk.await.map_err(|error| error.to_string())?;
    let heard = String::from_utf8_lossy(&heard).trim().escape_debug().to_string();
    if heard == answer { Ok(()) } else { Err(format!("replied to {} with {heard}", words.first().unwrap_or(&""))) }
}
