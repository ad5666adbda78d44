//! A private PostgreSQL server, without durability. It accepts any password.

use crate::server::{Recipe, Server, succeeds};

pub(crate) const RECIPE: Recipe = Recipe {
    programs: &["initdb", "postgres", "psql"],
    prepare: "echo keepstone >password && initdb --pgdata=data --username=keepstone --pwfile=password --auth=trust --encoding=UTF8 --no-sync --no-instructions",
    serve: "postgres -D data -p $PORT -h 127.0.0.1 -k '' -c max_connections=300 -c shared_buffers=64MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c wal_level=minimal \
        -c max_wal_senders=0",
    signal: "QUIT", // immediate shutdown; KILL would leave the processes of sessions running
    probe: |port| run(port, "SELECT 1"),
};

pub(crate) fn create(server: &Server, name: &str) -> String {
    assert!(run(server.port, &format!("CREATE DATABASE {name}")), "PostgreSQL must create {name}");
    format!("postgres://keepstone:keepstone@127.0.0.1:{}/{name}", server.port)
}

pub(crate) fn drop(server: &Server, name: &str) {
    run(server.port, &format!("DROP DATABASE {name} WITH (FORCE)"));
}

pub(crate) fn run(port: u16, sql: &str) -> bool {
    run_in(port, "postgres", sql)
}

pub(crate) fn run_in(port: u16, database: &str, sql: &str) -> bool {
    let port = port.to_string();
    let arguments =
        ["--no-psqlrc", "--host=127.0.0.1", "--port", &port, "--username=keepstone", "--dbname", database, "-c", sql];
    succeeds("psql", &arguments, &[("PGCONNECT_TIMEOUT", "5"), ("PGPASSWORD", "keepstone")])
}
