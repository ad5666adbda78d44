//! `healthcheck`, for containers, which have no curl.

use std::{process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{cli::Healthcheck, failure::Failure, output, settings::Settings};

const PATIENCE: Duration = Duration::from_secs(3);

pub async fn run(settings: &Settings, arguments: &Healthcheck) -> Result<ExitCode, Failure> {
    let host = match settings.server.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let path = if arguments.live { "/health/live" } else { "/health/ready" };
    let status = timeout(PATIENCE, ask(host, settings.server.port, path))
        .await
        .map_err(|_| Failure::Failed(format!("no answer from {host} within {} s", PATIENCE.as_secs())))?
        .map_err(|error| Failure::Failed(format!("{host}: {error}")))?;
    if status == "200" {
        output::line("ok")?;
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::Failed(format!("{path} answered {status}")))
    }
}

async fn ask(host: &str, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1).unwrap_or("nothing that is HTTP").to_owned())
}
