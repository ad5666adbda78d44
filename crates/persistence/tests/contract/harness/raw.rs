//! A connection that bypasses the store: what another program on the same database can see and do.

use diesel::{Connection, QueryableByName, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, SimpleAsyncConnection};
use keepstone_persistence::DatabaseUrl;

/// A connection outside of any pool.
pub enum Raw {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<AsyncPgConnection>),
    Mysql(Box<AsyncMysqlConnection>),
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Raw {
    pub async fn open(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::SqliteFile(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                Self::Sqlite(Box::new(connection))
            }
            DatabaseUrl::SqliteMemory => panic!("a database in memory has no other connections"),
            DatabaseUrl::Postgres(server) => {
                Self::Postgres(Box::new(AsyncPgConnection::establish(server.as_str()).await.unwrap()))
            }
            DatabaseUrl::Mysql(server) => {
                Self::Mysql(Box::new(AsyncMysqlConnection::establish(server.as_str()).await.unwrap()))
            }
        }
    }

    pub async fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql),
            Self::Postgres(connection) => connection.batch_execute(sql).await,
            Self::Mysql(connection) => connection.batch_execute(sql).await,
        }
        .unwrap();
    }

    /// Returns the only column of a query, which is a text called `line`.
    pub async fn lines(&mut self, sql: &str) -> Vec<String> {
        let query = sql_query(sql);
        let lines: Vec<Line> = match self {
            Self::Sqlite(connection) => diesel::RunQueryDsl::load(query, &mut **connection),
            Self::Postgres(connection) => diesel_async::RunQueryDsl::load(query, &mut **connection).await,
            Self::Mysql(connection) => diesel_async::RunQueryDsl::load(query, &mut **connection).await,
        }
        .unwrap();
        lines.into_iter().map(|line| line.line).collect()
    }

    /// Returns the query plan of SQLite or PostgreSQL, in lines.
    pub async fn plan(&mut self, sql: &str) -> String {
        if let Self::Sqlite(connection) = self {
            let query = sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps: Vec<Step> = diesel::RunQueryDsl::load(query, &mut **connection).unwrap();
            return steps.into_iter().map(|step| step.detail + "\n").collect();
        }
        self.run(
            "CREATE OR REPLACE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS \
             $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$",
        )
        .await;
        self.lines(&format!("SELECT plan($query${sql}$query$) AS line")).await.join("\n")
    }

    /// Changes all users, which waits at most two seconds for their locks.
    pub async fn touch_users(&mut self) {
        match self {
            Self::Sqlite(_) => self.run("PRAGMA busy_timeout = 2000").await,
            Self::Postgres(_) => self.run("SET lock_timeout = '2s'").await,
            Self::Mysql(_) => self.run("SET innodb_lock_wait_timeout = 2").await,
        }
        self.run("UPDATE users SET role = 'viewer'").await;
    }

    /// Returns the server's ids of the other connections to this database; with `in_transaction`, only those in a
    /// transaction.
    pub async fn others(&mut self, in_transaction: bool) -> Vec<String> {
        let sql = match self {
            Self::Sqlite(_) => return Vec::new(),
            Self::Postgres(_) if in_transaction => {
                "SELECT pid::text AS line FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid() AND (state LIKE 'idle in transaction%' OR state = 'active')"
            }
            Self::Postgres(_) => {
                "SELECT pid::text AS line FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid()"
            }
            Self::Mysql(_) if in_transaction => {
                "SELECT CONVERT(id, CHAR) AS line FROM information_schema.processlist \
                 JOIN information_schema.innodb_trx ON trx_mysql_thread_id = id \
                 WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            }
            Self::Mysql(_) => {
                "SELECT CONVERT(id, CHAR) AS line FROM information_schema.processlist \
                 WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            }
        };
        self.lines(sql).await
    }

    /// Closes all other connections to this database, as a restart or an operator does.
    pub async fn kill_others(&mut self) {
        for id in self.others(false).await {
            match self {
                Self::Sqlite(_) => {}
                Self::Postgres(_) => self.run(&format!("SELECT pg_terminate_backend({id})")).await,
                Self::Mysql(_) => self.run(&format!("KILL {id}")).await,
            }
        }
    }
}
