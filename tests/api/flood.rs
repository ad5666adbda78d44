//! Many hostile clients, and a process that runs out of file descriptors: honest clients are still served.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Raw, Server, eventually, together};

const GET: &[u8] = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &[u8] = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                      Content-Length: 50\r\n\r\n";
/// The time after which all hostile clients must be disconnected, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
const PACE: Duration = Duration::from_secs(2);

/// Returns the resources a process has used: current memory in kilobytes, total CPU time in seconds. Linux only.
fn usage(server: &Server) -> Option<(u64, f64)> {
    let folder = format!("/proc/{}", server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let memory =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some((memory, ticks / 100.0))
}

/// Runs one hostile client, whose behaviour depends on its number. Returns when the server has closed the connection.
async fn hostile(address: String, number: usize) {
    let raw = Raw::connect(&address).await;
    match number % 5 {
        0 => raw.until_closed(PATIENCE).await,
        1 => raw.send(b"GET /health HTTP/1.1\r\nX: ").await.drip(b"x", PACE, PATIENCE).await,
        2 => {
            let mut raw = raw.send(GET).await;
            raw.hear("environment").await;
            raw.send(b"G").await.until_closed(PATIENCE).await
        }
        3 => raw.send(POST).await.until_closed(PATIENCE).await,
        _ => raw.send(POST).await.drip(b"{", PACE, PATIENCE).await,
    };
}

/// Runs this many hostile clients at once, and an honest one whose every request must be answered.
async fn survives(crowd: usize) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let server = Server::with().env("MAX_CONNECTIONS_PER_ADDRESS", "0").start().await;
    server.anonymous().get("/health").await.is(200);
    let before = usage(&server);
    let begun = Instant::now();
    let crowd = tokio::spawn(together(
        (0..crowd).map(|number| hostile(server.address().to_owned(), number)).collect::<Vec<_>>(),
    ));
    let (mut times, mut most) = (Vec::new(), 0);
    while !crowd.is_finished() {
        let started = Instant::now();
        server.anonymous().get("/health").await.is(200);
        times.push(started.elapsed());
        most = usage(&server).map_or(most, |(memory, _)| memory.max(most));
        tokio::time::sleep(Duration::from_millis(10)).await; // paces the client
    }
    crowd.await.unwrap();
    times.sort_unstable();
    let (middle, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    eprintln!(
        "{} responses to the honest client, median {middle:?}, p99 {p99:?}; all others disconnected after {:?}",
        times.len(),
        begun.elapsed()
    );
    if let (Some((memory, seconds_before)), Some((_, seconds))) = (before, usage(&server)) {
        let growth = most.saturating_sub(memory);
        eprintln!("memory {memory} KB, at most {growth} KB more; {:.2} s of processor", seconds - seconds_before);
        assert!(growth < 100_000, "{growth} KB");
    }
}

#[tokio::test]
async fn honest_clients_are_served_among_hostile_ones() {
    survives(400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes thousands of descriptors: make flood"]
async fn honest_clients_are_served_among_thousands_of_hostile_ones() {
    survives(4_000).await;
}

#[tokio::test]
async fn a_server_with_few_descriptors_serves_some_clients_and_recovers() {
    let server = Server::with().env("MAX_CONNECTIONS_PER_ADDRESS", "0").descriptors(256).start().await;
    eventually("the limit is logged", async || server.log().contains("at most 128 connections").then_some(())).await;
    let before = usage(&server);
    let crowd: Vec<_> = together((0..800).map(|_| {
        let address = server.address().to_owned();
        async move { Raw::connect(&address).await }
    }))
    .await;
    // Some clients are connected. All others have been rejected by the time the first of those is.
    let fates = together(crowd.into_iter().map(|raw| raw.until_closed(PATIENCE))).await;
    let refused = fates.iter().filter(|heard| heard.text.contains("overloaded")).count();
    assert!((500..=672).contains(&refused), "{refused}");
    server.user("ada").await;
    if let (Some((_, seconds_before)), Some((_, seconds))) = (before, usage(&server)) {
        assert!(seconds - seconds_before < 3.0, "it must not spin: {}", seconds - seconds_before);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_cannot_accept_does_not_spin_and_recovers() {
    use rustix::process::prlimit; // Linux only

    let server = Server::start().await;
    server.anonymous().get("/health").await.is(200);
    let pid = server.pid();
    let before =
        prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum })
            .unwrap();
    // the kernel accepts the connection, the server cannot
    let waiting = Raw::connect(server.address()).await.send(GET).await;
    eventually("the error is logged", async || server.log().contains("Error accepting").then_some(())).await;
    let (_, seconds_before) = usage(&server).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await; // a spinning server would use this time
    let (_, seconds) = usage(&server).unwrap();
    assert!(seconds - seconds_before < 0.6, "{}", seconds - seconds_before);
    prlimit(Some(pid), Resource::Nofile, before).unwrap();
    let mut waiting = waiting;
    waiting.hear("environment").await;
}
