//! `healthcheck`, for containers without curl.

use std::{process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::{cli::Healthcheck, failure::Failure, output, settings::Settings};

const PATIENCE: Duration = Duration::from_secs(3);

pub async fn run(settings: &Settings, arguments: &Healthcheck) -> Result<ExitCode, Failure> {
    let url = url(&settings.server.host, settings.server.port, arguments)?;
    let outcome = timeout(PATIENCE, ask(&url)).await;
    let status = outcome
        .map_err(|_| Failure::Failed(format!("{url}: no response within {} s", PATIENCE.as_secs())))?
        .map_err(|error| Failure::Failed(format!("{url}: {error}")))?;
    if status == "200" {
        output::line("ok")?;
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::Failed(format!("{url} responded with {status}")))
    }
}

/// Returns the URL to request: the given one, or that of the server on this host and port, as reached from this
/// machine.
fn url(host: &str, port: u16, arguments: &Healthcheck) -> Result<Url, Failure> {
    let wrong = |reason: &str| Failure::Usage(format!("--url {reason}, such as http://127.0.0.1:8000"));
    let base = arguments.url.clone().unwrap_or_else(|| {
        let host = match host {
            "0.0.0.0" => "127.0.0.1",
            "::" | "[::]" => "::1",
            host => host.trim_matches(['[', ']']),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        format!("http://{host}:{}", arguments.port.unwrap_or(port))
    });
    let mut url = Url::parse(&base).map_err(|_| wrong("must be the address of a server"))?;
    if url.scheme() != "http" || url.host().is_none() {
        return Err(wrong("must begin with http://: the server itself does not speak TLS"));
    }
    let path = if arguments.live { "/health/live" } else { "/health/ready" };
    if !url.path().trim_end_matches('/').ends_with(path) {
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
    }
    Ok(url)
}

async fn ask(url: &Url) -> std::io::Result<String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let head = format!("GET {} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n", url.path());
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let mut words = answer.split(' ');
    let status = if words.next().is_some_and(|word| word.starts_with("HTTP/1.")) { words.next() } else { None };
    Ok(status.unwrap_or("something other than HTTP").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(host: &str, port: Option<u16>, url: Option<&str>, live: bool) -> Result<String, Failure> {
        let arguments = Healthcheck { live, port, url: url.map(str::to_owned) };
        super::url(host, 8000, &arguments).map(String::from)
    }

    #[test]
    fn the_configured_address_is_requested_from_this_machine() {
        for (host, url) in [
            ("127.0.0.1", "http://127.0.0.1:8000/health/ready"),
            ("0.0.0.0", "http://127.0.0.1:8000/health/ready"),
            ("::", "http://[::1]:8000/health/ready"),
            ("[::]", "http://[::1]:8000/health/ready"),
            ("::1", "http://[::1]:8000/health/ready"),
            ("fd00::7", "http://[fd00::7]:8000/health/ready"),
            ("localhost", "http://localhost:8000/health/ready"),
        ] {
            assert_eq!(requested(host, None, None, false).unwrap(), url);
        }
        assert_eq!(requested("::", Some(81), None, true).unwrap(), "http://[::1]:81/health/live");
    }

    #[test]
    fn a_url_is_extended_by_the_path_of_the_check() {
        for (url, asks) in [
            ("http://10.0.0.7", "http://10.0.0.7/health/ready"),
            ("http://app:9000/", "http://app:9000/health/ready"),
            ("http://proxy/svc", "http://proxy/svc/health/ready"),
            ("http://proxy/svc/", "http://proxy/svc/health/ready"),
            ("http://app:9000/health/ready", "http://app:9000/health/ready"),
        ] {
            assert_eq!(requested("0.0.0.0", None, Some(url), false).unwrap(), asks);
        }
        for url in ["", "app:9000", "https://app", "ftp://app", "http://", "/health"] {
            assert!(matches!(requested("0.0.0.0", None, Some(url), false), Err(Failure::Usage(_))), "{url}");
        }
    }
}
