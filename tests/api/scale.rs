//! The cost of a million items compared with ten thousand in one run: `make bench-scale`. It prints figures and asserts
//! nothing.

#![expect(clippy::print_stdout, reason = "the figures are printed for the developer")]

use std::process::Command;
use std::time::{Duration, Instant};

use keepstone_test_backends::Database;
use serde_json::{Value, json};

use crate::harness::{Client, Home, PASSWORD, Server};

const ROUNDS: usize = 300;

/// A server whose database has this many items, and one of their owners.
struct Sized {
    _server: Server,
    owner: Client,
    admin: Client,
    item: String,
    deep: String,
}

impl Sized {
    async fn with(users: &str, items: &str, pages: usize) -> Self {
        let home = Home::new().env("RATE_LIMIT_ENABLED", "false").env("LOG_LEVEL", "warn");
        home.cli(["init-db"]).exits(0);
        let started = Instant::now();
        let seed = ["seed", "--users", users, "--items", items, "--password-stdin"];
        home.cli_patiently(PASSWORD, seed, Duration::from_mins(20)).exits(0);
        println!("seeding {users} users and {items} items took {:.1} s", started.elapsed().as_secs_f64());
        if home.database.database() == Database::Postgres {
            // Autovacuum would do this within a minute, but the servers of the tests have none.
            let vacuum = Command::new("psql").arg(home.database.url()).args(["-qc", "VACUUM ANALYZE"]).status();
            assert!(vacuum.unwrap().success());
        }
        let server = home.start().await;
        let owner = server.anonymous().named("user-000001@seed.example").log_in().await;
        let admin = server.anonymous().named("admin@example.com").log_in().await;
        let mut cursor = String::new();
        let mut item = Value::Null;
        for _ in 0..pages {
            let path = format!("/api/v1/items?page_size=100{cursor}");
            let page = owner.get(&path).await.is(200).json();
            item = page["items"][0]["id"].clone();
            cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        }
        let item = item.as_str().unwrap().to_owned();
        Self { _server: server, owner, admin, item, deep: format!("/api/v1/items?page_size=20{cursor}") }
    }

    /// Measures one request of this kind.
    async fn time(&self, what: &str, round: usize) -> Duration {
        let request = match what {
            "first page, with total" => self.owner.get("/api/v1/items"),
            "first page, without total" => self.owner.get("/api/v1/items?with_total=false"),
            "deep page by cursor" => self.owner.get(&self.deep),
            "item by id" => self.owner.get(&format!("/api/v1/items/{}", self.item)),
            "my items" => self.owner.get("/api/v1/items/my"),
            "insert" => self.owner.post("/api/v1/items").json(&json!({"title": format!("measured {round}")})),
            "search, rare" => self.owner.get("/api/v1/items/search?q=0004242"),
            "search, frequent, without total" => self.owner.get("/api/v1/items/search?q=keystone&with_total=false"),
            "search, two letters, rare" => self.owner.get("/api/v1/items/search?q=qx&with_total=false"),
            "search, frequent, with total" => self.owner.get("/api/v1/items/search?q=keystone"),
            "users, first page" => self.admin.get("/api/v1/users"),
            "users, search" => self.admin.get("/api/v1/users?search=user-000042"),
            other => panic!("{other}"),
        };
        let started = Instant::now();
        let reply = request.await;
        assert!(matches!(reply.status, 200 | 201 | 503), "{reply:?}");
        started.elapsed()
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

#[tokio::test]
#[ignore = "takes minutes: make bench-scale"]
async fn a_million_items() {
    // Both sizes have the same number of items per owner.
    let small = Sized::with("100", "10000", 90).await;
    let large = Sized::with("10000", "1000000", 400).await;
    println!("{:36} {:>12} {:>12} {:>7}", "median of one request, in us", "10,000", "1,000,000", "ratio");
    for (what, rounds) in [
        ("first page, with total", ROUNDS),
        ("first page, without total", ROUNDS),
        ("deep page by cursor", ROUNDS),
        ("item by id", ROUNDS),
        ("my items", ROUNDS),
        ("insert", ROUNDS),
        ("users, first page", ROUNDS),
        ("users, search", ROUNDS),
        ("search, rare", 20),
        ("search, frequent, without total", 20),
        ("search, frequent, with total", 5),
        ("search, two letters, rare", 5),
    ] {
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            of_small.push(small.time(what, round).await);
            of_large.push(large.time(what, round).await);
        }
        let (of_small, of_large) = (median(of_small), median(of_large));
        println!("{what:36} {of_small:12.0} {of_large:12.0} {:7.2}", of_large / of_small);
    }
}
