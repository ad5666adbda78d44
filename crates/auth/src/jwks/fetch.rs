//! Fetching a JWK set. The rule: little time, little memory, one address, and no answer that is not a JWK set counts.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::CACHE_CONTROL;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::error::SetupError;
use crate::token::{MAX_JWKS_BYTES, VerifyingKeys};

/// From connecting to the answer's last byte.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The bounds of what an answer may say about its age, and what counts if it says nothing.
const MIN_AGE: u64 = 60;
const MAX_AGE: u64 = 60 * 60;
const USUAL_AGE: u64 = 5 * 60;

/// Where keys come from.
#[derive(Debug)]
pub(super) struct Source {
    url: Url,
    client: Client,
}

/// Keys, and how long they may be kept.
#[derive(Debug)]
pub(super) struct Fetched {
    pub keys: VerifyingKeys,
    pub max_age: Duration,
}

impl Source {
    pub(super) fn new(url: &str, plain: bool) -> Result<Self, SetupError> {
        let url = Url::parse(url).map_err(|_| SetupError::JwksUrl)?;
        let local = url.host_str().is_some_and(is_this_machine);
        match url.scheme() {
            "https" => {}
            "http" if plain || local => {}
            _ => return Err(SetupError::JwksUrl),
        }
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .https_only(url.scheme() == "https")
            // A connection belongs to the runtime it was made in, and workers have one each.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("keepstone-auth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| SetupError::HttpClient)?;
        Ok(Self { url, client })
    }

    /// `None`: not this time.
    pub(super) async fn fetch(&self) -> Option<Fetched> {
        let response = self.client.get(self.url.clone()).send().await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let said = response.headers().get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let max_age = max_age(said);
        let body = body(response).await?;
        let keys = VerifyingKeys::from_jwks(std::str::from_utf8(&body).ok()?).ok()?;
        Some(Fetched { keys, max_age })
    }
}

async fn body(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len().saturating_add(chunk.len()) > MAX_JWKS_BYTES {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// What the `Cache-Control` headers say (RFC 9111 §5.2.2), within bounds.
pub(super) fn max_age<'a>(headers: impl Iterator<Item = &'a str>) -> Duration {
    let mut seconds = USUAL_AGE;
    for directive in headers.flat_map(|header| header.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        match directive.split_once('=') {
            Some(("max-age", age)) => seconds = age.trim_matches('"').parse().unwrap_or(0),
            None if directive == "no-store" || directive == "no-cache" => {
                return Duration::from_secs(MIN_AGE);
            }
            _ => {}
        }
    }
    Duration::from_secs(seconds.clamp(MIN_AGE, MAX_AGE))
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
