//! The command line.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Home, PASSWORD, Server};

const BOB: [&str; 4] = ["create-user", "--email", "bob@example.com", "--password-stdin"];

#[test]
fn help_and_version_are_on_standard_output() {
    let home = Home::new();
    let help = home.cli(["--help"]).exits(0).stdout;
    for command in ["serve", "migrate", "create-user", "list-users", "config", "healthcheck"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(home.cli(["--version"]).exits(0).stdout.starts_with("keepstone "));
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let home = Home::new();
    home.cli(["nonsense"]).exits(2);
    home.cli(["serve", "--nonsense"]).exits(2);
    home.cli(["serve", "--port", "none"]).exits(2);
    home.cli(["migrate", "sideways"]).exits(2);
}

#[tokio::test]
async fn a_user_created_on_the_command_line_can_log_in() {
    let home = Home::new().migrated();
    home.cli_reading(PASSWORD, BOB).exits(0);
    let server = home.start().await;
    server.anonymous().named("bob@example.com").log_in().await;
}

#[tokio::test]
async fn a_trailing_line_break_is_not_part_of_the_password() {
    let server = Server::start().await;
    server.home.cli_reading(&format!("{PASSWORD}\n"), BOB).exits(0);
    server.anonymous().named("bob@example.com").log_in().await;
}

#[tokio::test]
async fn an_administrator_can_be_created_on_the_command_line() {
    let server = Server::start().await;
    let admin = server.admin().await;
    assert_eq!(admin.get("/api/v1/users/me").await.is(200).json()["role"], "admin");
}

#[test]
fn failing_to_create_a_user_is_an_error() {
    let home = Home::new().migrated();
    home.cli_reading(PASSWORD, BOB).exits(0);
    let again = home.cli_reading(PASSWORD, BOB).exits(1);
    assert!(again.stderr.to_lowercase().contains("already registered"), "{again:#?}");
    for (password, email, role) in [
        ("short", "eve@example.com", "user"),
        ("", "eve@example.com", "user"),
        (PASSWORD, "not an address", "user"),
        (PASSWORD, "eve@example.com", "emperor"),
    ] {
        let run = home.cli_reading(password, ["create-user", "--email", email, "--role", role, "--password-stdin"]);
        assert!(matches!(run.code, Some(1 | 2)), "{run:#?}");
        assert!(!run.stderr.is_empty(), "{run:#?}");
    }
    assert_eq!(home.users().len(), 1);
}

#[test]
fn a_password_is_never_an_argument() {
    let home = Home::new().migrated();
    home.cli(["create-user", "--email", "bob@example.com", "--password", PASSWORD]).exits(2);
    assert!(home.users().is_empty());
}

#[tokio::test]
async fn users_are_listed_as_text_and_as_json() {
    let server = Server::start().await;
    let ada = server.anonymous().register("ada").await;
    server.home.cli_reading(PASSWORD, BOB).exits(0);
    let users = server.home.users();
    assert_eq!(users.len(), 2);
    let listed = users.iter().find(|user| user["email"] == "ada@example.com").unwrap();
    assert_eq!(listed["id"], ada.id);
    assert_eq!(listed["role"], "user");
    assert_eq!(listed["is_active"], true);
    assert!(!json!(users).to_string().contains("$2"), "{users:?}");
    let text = server.cli(["list-users"]).exits(0).stdout;
    assert!(text.contains("ada@example.com") && text.contains("bob@example.com"), "{text}");
}

#[test]
fn an_empty_list_is_a_message_as_text_and_an_empty_array_as_json() {
    let home = Home::new().migrated();
    for (command, nothing) in [
        (&["list-users"][..], "no users\n"),
        (&["jobs", "list"], "no jobs\n"),
        (&["jobs", "retry", "--dead"], "no job is dead\n"),
    ] {
        let run = home.cli(command.iter().copied()).exits(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", nothing), "{command:?}");
        let run = home.cli(command.iter().copied().chain(["--json"])).exits(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("[]\n", ""), "{command:?}");
    }
}

#[test]
fn commands_that_need_no_keys_run_without_keys() {
    let home =
        Home::new().migrated().without("JWT_SECRET_KEY").env("JWT_ALGORITHM", "EdDSA").env("JWT_KEYS_DIR", "keys");
    let home = home.env("MAIL_URL", "smtps://mail.example.com").env("MAIL_CA_FILE", "missing.pem");
    let before = home.database.folder().map(|folder| std::fs::read_dir(folder).unwrap().count());
    for command in [&["jobs", "list"][..], &["jobs", "retry", "--dead"], &["purge-users"]] {
        home.cli(command.iter().copied()).exits(0);
    }
    assert_eq!(home.database.folder().map(|folder| std::fs::read_dir(folder).unwrap().count()), before);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no file is created");
}

#[test]
fn a_long_list_of_users_is_one_array_and_one_list() {
    let home = Home::new().migrated();
    assert_eq!(home.cli(["list-users", "--json"]).exits(0).json(), json!([]));
    home.cli_reading(PASSWORD, ["seed", "--users", "1200", "--items", "0", "--password-stdin"]).exits(0);
    let users = home.users();
    let mut emails: Vec<_> = users.iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    let lines = home.cli(["list-users"]).exits(0).stdout;
    assert!(lines.lines().zip(&emails).all(|(line, email)| line.ends_with(email.as_str())), "in the same order");
    assert_eq!(lines.lines().count(), 1204);
    emails.sort();
    emails.dedup();
    assert_eq!(emails.len(), 1204, "every user, once");
}

#[test]
fn a_list_stops_when_its_reader_closes_the_pipe() {
    let home = Home::new().migrated();
    home.cli_reading(PASSWORD, ["seed", "--users", "4000", "--items", "0", "--password-stdin"]).exits(0);
    // The oldest user is on the last page and has an invalid value: a list that reads this far fails.
    let users = home.users();
    let oldest = users.last().unwrap()["email"].as_str().unwrap();
    home.database.run(&format!("UPDATE users SET role = '' WHERE email = '{oldest}'"));
    for arguments in [&["list-users"][..], &["list-users", "--json"]] {
        let all = home.cli(arguments.iter().copied()).exits(1);
        assert!(all.stdout.lines().count() > 3000, "{}", all.stderr);
        let mut command = Command::new(env!("CARGO_BIN_EXE_keepstone"));
        command.args(arguments).env_clear().envs(&home.environment).current_dir(home.path());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success() && !line.is_empty(), "{output:?}");
    }
}

#[test]
fn json_output_is_json_for_every_command() {
    let home = Home::new();
    let missing = home.cli(["migrate", "check", "--json"]).exits(1).json();
    let migrations = missing["missing"].as_array().unwrap();
    assert_eq!(missing["up_to_date"], false);
    assert!(migrations.len() > 8, "{migrations:?}");
    assert_eq!(home.cli(["migrate", "current", "--json"]).exits(0).json(), json!({"current": null, "unknown": []}));
    home.cli(["migrate", "upgrade"]).exits(0);
    let check = home.cli(["migrate", "check", "--json"]).exits(0).json();
    assert_eq!(check, json!({"up_to_date": true, "missing": [], "unknown": []}));
    let history = home.cli(["migrate", "history", "--json"]).exits(0).json();
    assert!(history.as_array().unwrap().iter().all(|migration| migration["applied"] == true), "{history}");
    assert_eq!(
        home.cli(["migrate", "current", "--json"]).exits(0).json()["current"],
        history.as_array().unwrap().last().unwrap()["name"]
    );
    assert_eq!(home.cli(["cleanup-tokens", "--json"]).exits(0).json(), json!({"deleted_sessions": 0}));
    let bob = home.cli_reading(PASSWORD, BOB.into_iter().chain(["--json"])).exits(0).json();
    assert_eq!(bob, home.users()[0]);
    let seeded = home.cli(["seed", "--json"]).exits(0).json();
    assert_eq!((&seeded["users"], &seeded["items"]), (&json!(4), &json!(20)));
    assert!(seeded["password"].as_str().is_some_and(|password| password.len() > 12), "{seeded}");
    assert!(home.cli(["seed", "--json"]).exits(0).json()["password"].is_null());
    let good = home.cli(["config", "check", "--json"]).exits(0).json();
    assert_eq!((&good["ok"], &good["environment"]), (&json!(true), &json!("test")));
    let home = home.env("JWT_REFRESH_SECRET", "canary");
    let warned = home.cli(["config", "check", "--json"]).exits(0).json();
    assert_eq!(warned["warnings"][0]["key"], "JWT_REFRESH_SECRET");
    assert!(warned["warnings"][0]["fix"].as_str().unwrap().contains("openssl"), "{warned}");
    let bad = home.env("PORT", "eighty").cli(["config", "check", "--json"]).exits(2).json();
    assert_eq!(bad["warnings"], warned["warnings"]);
    let unreadable = Home::new().env("ENVIRONMENT", "nowhere").cli(["config", "check", "--json"]).exits(2).json();
    for report in [&bad, &unreadable] {
        let members = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(report), members(&good));
    }
    assert_eq!((&bad["ok"], &bad["problems"][0]["key"]), (&json!(false), &json!("PORT")));
    assert!(bad["problems"][0]["fix"].is_string() && bad["problems"][0]["origin"].is_string(), "{bad}");
}

#[test]
fn an_option_wins_over_the_environment() {
    let home = Home::new();
    for (option, key) in [(["--log-level", "trace"], "LOG_LEVEL"), (["--environment", "development"], "ENVIRONMENT")] {
        let shown = home.cli(["config", "show", "--json"].into_iter().chain(option)).exits(0).json();
        let entry = shown.as_array().unwrap().iter().find(|entry| entry["name"] == key).unwrap();
        assert_eq!((&entry["value"], &entry["origin"]), (&json!(option[1]), &json!(option[0])));
    }
    home.cli(["config", "check", "--environment", "nowhere"]).exits(2);
}

#[test]
fn printing_the_sql_of_migrations_creates_nothing() {
    let home = Home::new();
    let sql = home.cli(["migrate", "upgrade", "--sql"]).exits(0).stdout;
    assert!(sql.contains("CREATE TABLE users") && sql.contains("__diesel_schema_migrations"), "{sql}");
    if let Some(folder) = home.database.folder() {
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "no database file is created");
    }
    assert!(home.cli(["migrate", "downgrade", "base", "--sql"]).exits(0).stdout.contains("nothing to do"));
    let one = home.cli(["migrate", "upgrade", "+1", "--sql"]).exits(0).stdout;
    assert_eq!(one.matches("INSERT INTO __diesel_schema_migrations").count(), 1, "{one}");
    home.cli(["migrate", "check"]).exits(1);
    home.cli(["migrate", "upgrade"]).exits(0);
    assert!(home.cli(["migrate", "upgrade", "--sql"]).exits(0).stdout.contains("nothing to do"));
}

#[test]
fn commands_that_need_tables_report_missing_tables() {
    let home = Home::new().without("AUTO_MIGRATE");
    let run = home.cli(["list-users"]).exits(1);
    assert!(run.stderr.contains("migrate"), "{run:#?}");
}

#[tokio::test]
async fn healthcheck_reports_whether_the_server_is_healthy() {
    let server = Server::start().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let home = server.leave().env("PORT", &port);
    home.cli(["healthcheck"]).exits(1); // the server has just been stopped
    let server = home.env("PORT", "0").start().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let observer = Home::new().env("PORT", &port);
    observer.cli(["healthcheck"]).exits(0);
    observer.cli(["healthcheck", "--live"]).exits(0);
    for path in ["", "/", "/health/ready"] {
        let url = format!("http://127.0.0.1:{port}{path}");
        Home::new().env("PORT", "1").cli(["healthcheck", "--url", &url]).exits(0);
    }
    Home::new().env("PORT", "1").cli(["healthcheck", "--port", &port]).exits(0);
    Home::new().env("PORT", "1").env("HOST", "0.0.0.0").cli(["healthcheck", "--port", &port]).exits(0);
    observer.cli(["healthcheck", "--port", "1"]).exits(1);
    let run = observer.cli(["healthcheck", "--url", &format!("http://127.0.0.1:{port}/svc")]).exits(1);
    assert!(run.stderr.contains("/svc/health/ready responded with 404"), "{run:#?}");
    for wrong in [&["--url", "https://127.0.0.1"][..], &["--url", "nonsense"], &["--port", "0"], &["--port", "eighty"]]
    {
        observer.cli(["healthcheck"].into_iter().chain(wrong.iter().copied())).exits(2);
    }
}

#[tokio::test]
async fn healthcheck_uses_the_loopback_for_a_server_on_all_addresses() {
    let every = ["0.0.0.0", "::"];
    let has_ipv6 = std::net::TcpListener::bind(("::1", 0)).is_ok();
    for host in every.into_iter().filter(|host| has_ipv6 || *host != "::") {
        let server = Home::new().env("HOST", host).env("PUBLIC_URL", "https://host.example/svc").start().await;
        let port = server.address().rsplit(':').next().unwrap().to_owned();
        server.cli(["healthcheck", "--port", &port]).exits(0);
        server.cli(["healthcheck", "--live", "--port", &port]).exits(0);
    }
}
