//! A private MariaDB server, without durability. Otherwise it uses MariaDB's defaults, including the character set.

use crate::server::{Recipe, Server, succeeds};

pub(crate) const RECIPE: Recipe = Recipe {
    programs: &["mariadb-install-db", "mariadbd", "mariadb"],
    prepare: r#"echo "GRANT ALL ON *.* TO keepstone@'%' IDENTIFIED BY 'keepstone' WITH GRANT OPTION;" >user.sql &&
        mariadb-install-db --no-defaults --datadir="$PWD/data" --skip-test-db"#,
    serve: r#"mariadbd --no-defaults --datadir="$PWD/data" --init-file="$PWD/user.sql" --socket="$PWD/socket" \
        --pid-file="$PWD/pid" --port=$PORT --bind-address=127.0.0.1 --skip-name-resolve --max-connections=300 \
        --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-buffer-pool-size=64M \
        --innodb-log-file-size=16M --performance-schema=OFF"#,
    signal: "KILL",
    probe: |port| run(port, "SELECT 1"),
};

pub(crate) fn create(server: &Server, name: &str) -> String {
    assert!(run(server.port, &format!("CREATE DATABASE {name}")), "MariaDB must create {name}");
    format!("mysql://keepstone:keepstone@127.0.0.1:{}/{name}", server.port)
}

pub(crate) fn drop(server: &Server, name: &str) {
    run(server.port, &format!("SET lock_wait_timeout = 1; DROP DATABASE {name}"));
}

pub(crate) fn run(port: u16, sql: &str) -> bool {
    let port = port.to_string();
    let arguments = ["--no-defaults", "--host=127.0.0.1", "--port", &port, "--user=keepstone", "-e", sql];
    succeeds("mariadb", &arguments, &[("MYSQL_PWD", "keepstone")])
}
