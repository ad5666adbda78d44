//! Fetches a JWK set, with limits on time and memory, from one URL without redirects.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::CACHE_CONTROL;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use thiserror::Error;

use crate::error::SetupError;
use crate::token::{MAX_JWKS_BYTES, VerifyingKeys};

/// The time limit from connecting to the last byte of the response.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The bounds of the response's `max-age` and its default, in seconds.
const MIN_AGE: u64 = 60;
const MAX_AGE: u64 = 60 * 60;
const USUAL_AGE: u64 = 5 * 60;

/// The name of the local machine in a URL.
const LOCALHOST: &str = "localhost";

/// The URL of a JWK set, and the client that fetches it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    url: Url,
    client: Client,
}

/// Fetched keys, and how long they may be cached.
#[derive(Debug)]
pub(super) struct Fetched {
    pub keys: VerifyingKeys,
    pub max_age: Duration,
}

/// A failed fetch. For the log.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("no response: {}", causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("the response is a redirect ({0}), which is never followed: configure the final URL")]
    Redirect(StatusCode),
    #[error("the response has status {0} instead of 200")]
    Status(StatusCode),
    #[error("the response is longer than {MAX_JWKS_BYTES} bytes")]
    TooLong,
    #[error("the response is not a JWK set")]
    NotJwks,
}

impl Source {
    pub(super) fn new(url: &str, plain: bool) -> Result<Self, SetupError> {
        let url = Url::parse(url).map_err(|_| SetupError::JwksUrl)?;
        let local = url.host_str().is_some_and(is_this_machine);
        let has_login = !url.username().is_empty() || url.password().is_some();
        let builder = match url.scheme() {
            _ if has_login => return Err(SetupError::JwksUrl),
            // A proxy from the environment only sees the encrypted connection.
            "https" => Client::builder().https_only(true),
            "http" if plain || local => plain_client(&url),
            _ => return Err(SetupError::JwksUrl),
        };
        let client = builder
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // A connection belongs to the runtime that opened it, and every worker has its own runtime.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("keepstone-auth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| SetupError::HttpClient)?;
        Ok(Self { url, client })
    }

    /// Returns the URL of the keys.
    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let response = self.client.get(self.url.clone()).send().await?;
        match response.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => return Err(FetchError::Redirect(status)),
            status => return Err(FetchError::Status(status)),
        }
        let headers = response.headers().get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let max_age = max_age(headers);
        let body = body(response).await?;
        let text = std::str::from_utf8(&body).map_err(|_| FetchError::NotJwks)?;
        let keys = VerifyingKeys::from_jwks(text).map_err(|_| FetchError::NotJwks)?;
        Ok(Fetched { keys, max_age })
    }
}

/// Creates a client without any proxy: a proxy in `HTTP_PROXY` or `ALL_PROXY` could respond to plain `http` with forged
/// keys. For the same reason `localhost` is resolved to the loopback addresses and not by a name server.
fn plain_client(url: &Url) -> ClientBuilder {
    let port = url.port_or_known_default().unwrap_or_default();
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let loopback = loopback.map(|address| SocketAddr::new(address, port));
    Client::builder().no_proxy().resolve_to_addrs(LOCALHOST, &loopback)
}

async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_JWKS_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Formats an error and its causes in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns the maximum age from the `Cache-Control` headers (RFC 9111 §5.2.2), within bounds.
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
    host == LOCALHOST || ip.is_ok_and(|ip| ip.is_loopback())
}
