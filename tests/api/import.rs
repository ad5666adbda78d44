//! `import-users`: users of another system keep their passwords, an invalid row affects no other row, and a second
//! import changes nothing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use keepstone_auth::password::{Hasher, Scheme};
use serde_json::{Value, json};

use crate::harness::{Home, PASSWORD, Run, Server, eventually};

/// Returns the hash of the common password as another system stores it.
fn hash(scheme: Scheme) -> String {
    Hasher::new(scheme, 4).unwrap().hash(&PASSWORD.into()).unwrap().as_str().to_owned()
}

fn bcrypt() -> String {
    hash(Scheme::Bcrypt { cost: 4 })
}

/// Imports this text as a file of this name.
fn import<'a>(home: &Home, name: &'a str, text: impl AsRef<[u8]>, options: impl IntoIterator<Item = &'a str>) -> Run {
    fs::write(home.path().join(name), text).unwrap();
    home.cli(["import-users", name].into_iter().chain(options))
}

fn by_email(users: &[Value], email: &str) -> Value {
    users.iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("{email} is not in {users:?}")).clone()
}

/// Returns how many were created, already existed and were invalid.
fn counts(run: &Run) -> (u64, u64, u64) {
    let report = run.json();
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("rows"), count("made") + count("already_there") + count("bad"), "{report}");
    (count("made"), count("already_there"), count("bad"))
}

#[tokio::test]
async fn imported_users_log_in_with_their_old_passwords() {
    let server = Server::start().await;
    let bcrypt = bcrypt();
    let hashes = [
        bcrypt.clone(),
        bcrypt.replacen("$2b$", "$2a$", 1),
        bcrypt.replacen("$2b$", "$2y$", 1),
        hash(Scheme::ARGON2ID),
        hash(Scheme::Argon2id { memory_kib: 12_288, iterations: 3, parallelism: 1 }),
    ];
    let row = |(number, hash): (usize, &String)| format!("p{number}@example.com,\"{hash}\"");
    let rows: Vec<String> = (1..).zip(&hashes).map(row).collect();
    let csv = format!("email,hashed_password\n{}\n", rows.join("\n"));
    let run = import(&server.home, "users.csv", csv, []).exits(0);
    assert!(
        !run.output().contains("$2b$")
            && run.stdout.contains("created 5 users of 5 rows; 0 already existed, 0 invalid"),
        "{run:#?}"
    );
    for number in 1..=hashes.len() {
        let person = server.anonymous().named(&format!("p{number}@example.com"));
        person.try_log_in("another password").await.is(401);
        person.clone().log_in().await; // a login replaces a hash of an older format
        person.log_in().await;
    }
    // A hash by the reference implementation of argon2, for another password.
    let argon2i = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
    let row = json!({"email": "old@example.com", "password": argon2i}).to_string();
    import(&server.home, "old.jsonl", row, []).exits(0);
    let old = server.anonymous().named("old@example.com");
    old.try_log_in("password").await.is(200);
    old.try_log_in("password").await.is(200);

    let admin = server.admin().await;
    let audit = admin.get("/api/v1/audit?page_size=100").await.is(200).json();
    let made = audit["items"].as_array().unwrap().iter().filter(|event| event["detail"]["source"] == "import");
    assert_eq!(made.count(), 6, "{audit}");
    assert_eq!(admin.get("/api/v1/users").await.is(200).json()["total"], 7);
    assert_eq!(admin.get("/api/v1/users?search=old@ex").await.is(200).json()["total"], 1);
}

/// The accounts in each system's export, and the state they must have here.
#[tokio::test]
async fn exports_of_other_systems_are_imported_unchanged() {
    let server = Server::start().await;
    let bcrypt = bcrypt();
    let dumpdata = json!([
        {"model": "auth.group", "pk": 1, "fields": {"name": "staff", "permissions": []}},
        {"model": "auth.user", "pk": 1, "fields": {"password": DJANGO, "last_login": null, "is_superuser": true,
            "username": "django@x.example", "first_name": "Ada", "last_name": "Lovelace", "email": "django@x.example",
            "is_staff": true, "is_active": true, "date_joined": "2024-05-31T12:00:00.250Z", "groups": [1],
            "user_permissions": []}},
        {"model": "accounts.member", "pk": 7, "fields": {"password": "!nGPc1rKBTAsv6B2zFcR0yKF3L7VQyh2e4uCWht1h",
            "email": "unusable@x.example", "username": "unusable", "is_active": false}},
    ]);
    let auth0 = json!({"_id": {"$oid": "60425dc43519d90068f82973"}, "email": "auth0@x.example", "email_verified": true,
        "passwordHash": bcrypt, "password_set_date": {"$date": "2021-03-05T16:35:16.775Z"}, "blocked": true,
        "created_at": {"$date": "2021-03-05T16:35:16.775Z"}, "tenant": "t", "given_name": "Grace"});
    let supabase = format!(
        "instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,banned_until,is_super_admin,created_at,deleted_at\n\
         0,1,authenticated,authenticated,supabase@x.example,{bcrypt},2024-05-31 12:00:00.25+00,,,2024-05-31 12:00:00+00,\n\
         0,2,authenticated,authenticated,banned@x.example,{bcrypt},,2999-01-01 00:00:00+00,,2024-05-31 12:00:00+00,\n\
         0,3,authenticated,authenticated,gone@x.example,{bcrypt},,,,2024-05-31 12:00:00+00,2024-06-01 12:00:00+00\n"
    );
    let firebase = json!({"users": [{"localId": "a1", "email": "firebase@x.example", "emailVerified": true,
        "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        "salt": "42xEC+ixf3L2lw==", "displayName": "Edsger", "createdAt": "1717156800250", "disabled": false}]});
    let mut csv = vec![""; 28];
    for (index, text) in [
        (0, "b2"),
        (1, "firebase-csv@x.example"),
        (2, "false"),
        (3, "c2VjcmV0"),
        (5, "Barbara"),
        (23, "1717156800250"),
        (26, "true"),
    ] {
        csv[index] = text;
    }
    let outcome = |run: &Run| (counts(run), run.json()["without_password"].as_u64().unwrap());
    let home = &server.home;
    let pretty = serde_json::to_string_pretty(&dumpdata).unwrap();
    assert_eq!(outcome(&import(home, "dump.json", pretty, ["--json"]).exits(0)), ((2, 0, 0), 1));
    assert_eq!(outcome(&import(home, "auth0.json", auth0.to_string(), ["--json"]).exits(0)), ((1, 0, 0), 0));
    let run = import(home, "supabase.csv", supabase, ["--json"]).exits(1);
    assert_eq!(outcome(&run), ((2, 0, 1), 0));
    assert!(run.stderr.contains("supabase.csv:4: deleted_at: "), "{run:#?}");
    assert_eq!(outcome(&import(home, "firebase.json", firebase.to_string(), ["--json"]).exits(0)), ((1, 0, 0), 1));
    assert_eq!(outcome(&import(home, "firebase.csv", csv.join(",") + "\n", ["--json"]).exits(0)), ((1, 0, 0), 1));

    let users = home.users();
    let state = |email: &str| {
        let user = by_email(&users, email);
        [&user["name"], &user["username"], &user["role"], &user["is_active"], &user["email_verified"]].map(Value::clone)
    };
    for (email, expected) in [
        ("django@x.example", json!(["Ada Lovelace", null, "admin", true, false])),
        ("unusable@x.example", json!([null, "unusable", "user", false, false])),
        ("auth0@x.example", json!(["Grace", null, "user", false, true])),
        ("supabase@x.example", json!([null, null, "user", true, true])),
        ("banned@x.example", json!([null, null, "user", false, false])),
        ("firebase@x.example", json!(["Edsger", null, "user", true, true])),
        ("firebase-csv@x.example", json!(["Barbara", null, "user", false, false])),
    ] {
        assert_eq!(json!(state(email)), expected, "{email}");
    }
    for (email, created_at) in [
        ("django@x.example", "2024-05-31T12:00:00.250000Z"),
        ("auth0@x.example", "2021-03-05T16:35:16.775000Z"),
        ("firebase@x.example", "2024-05-31T12:00:00.250000Z"),
        ("firebase-csv@x.example", "2024-05-31T12:00:00.250000Z"),
    ] {
        assert_eq!(by_email(&users, email)["created_at"], created_at, "{email}");
    }
    server.anonymous().named("django@x.example").try_log_in("correct horse é").await.is(200);
    server.anonymous().named("supabase@x.example").log_in().await;
}

/// Created by Django 5.2 with fewer rounds than its default.
const DJANGO: &str = "pbkdf2_sha256$1000$django-salt$oEpq9+/MeKmLP3Cl5ISAELRria6+hUizrHyTM3OmIzw=";

#[tokio::test]
async fn a_user_without_a_hash_cannot_log_in_until_they_set_a_password() {
    let server = Server::with().with_mail().start().await;
    let rows = [
        json!({"email": "none@x.example"}),
        json!({"email": "null@x.example", "password_hash": null}),
        json!({"email": "empty@x.example", "password_hash": " "}),
        json!({"email": "star@x.example", "password": "*"}),
        json!({"email": "mark@x.example", "password": "!"}),
    ];
    let jsonl = rows.each_ref().map(Value::to_string).join("\n");
    let run = import(&server.home, "users.jsonl", jsonl, []).exits(0);
    assert!(run.stdout.contains("5 of them have no password"), "{run:#?}");
    let run = import(&server.home, "users.csv", "email,name\ncsv@x.example,Csv\n", []).exits(0);
    assert!(run.stderr.contains("no column has password hashes"), "{run:#?}");
    for name in ["none", "null", "empty", "star", "mark", "csv"] {
        let person = server.anonymous().named(&format!("{name}@x.example"));
        for password in ["closed", "!", "*", PASSWORD] {
            person.try_log_in(password).await.is(401);
        }
        let forgot = json!({"email": format!("{name}@x.example")});
        person.post("/api/v1/auth/password/forgot").json(&forgot).await.is(202);
        let letters = server.letters_after_jobs(&format!("{name}@x.example")).await;
        let reset = json!({"token": letters[0].token(), "new_password": PASSWORD});
        person.post("/api/v1/auth/password/reset").json(&reset).await.is(204);
        person.log_in().await;
    }
}

#[test]
fn a_broken_json_list_loses_only_the_broken_elements() {
    let home = Home::new().migrated();
    let hash = bcrypt();
    let good = |name: &str| json!({"email": format!("{name}@x.example"), "password": hash}).to_string();
    let long = "x".repeat(1024 * 1024);
    let list = format!(
        "[{},\n7, \"text, ]\", [{{}}],\n{{\"email\": \"{long}\"}}\n,{}\n,{{\"email\": \"half",
        good("one"),
        good("two")
    );
    let run = import(&home, "users.json", list, ["--json"]).exits(1);
    assert_eq!(counts(&run), (2, 0, 6), "{run:#?}");
    for reported in [
        "2: is not a JSON object",
        "3: is longer than 1 MiB",
        "5: is not a JSON object",
        "5: ends before its list does",
    ] {
        assert!(run.stderr.contains(&format!("users.json:{reported}")), "{reported} is not in {run:#?}");
    }
    assert_eq!(home.users().len(), 2);
}

#[test]
fn csv_and_json_lines_variants_are_equivalent() {
    let hash = bcrypt();
    let csv = format!(
        "\u{feff}ID,E-Mail,EMAIL,Hashed_Password,full_name,is_active,IS_SUPERUSER,is_verified,created_at,username\r\n\
         17,x,ada@example.com,{hash},\"Lovelace, Ada \"\"A\"\"\",t,f,TRUE,2024-05-31 12:00:00.25+00,ada\r\n\
         \r\n\
         18,x,Bob@Example.com,\"{hash}\",,False,no,0,2024-05-31T14:00:00+02:00,\r\n\
         19,x,root@example.com,{hash},,,1,,,"
    );
    let rows = [
        json!({"id": 17, "EMAIL": "ada@example.com", "password_hash": hash, "name": "Lovelace, Ada \"A\"", "is_active": 1,
            "is_superuser": false, "email_verified": true, "created_at": "2024-05-31T12:00:00.25Z", "username": "ada"}),
        json!({"id": 18, "email": "Bob@Example.com", "password": hash, "full_name": null, "is_active": false,
            "is_admin": 0, "is_verified": "no", "created_at": "2024-05-31 12:00:00", "username": ""}),
        json!({"email": "root@example.com", "hashed_password": hash, "password": null, "is_admin": "yes"}),
    ];
    let jsonl = rows.map(|row| row.to_string()).join("\n\n");
    let (first, second) = (Home::new().migrated(), Home::new().migrated());
    let run = import(&first, "users.csv", csv, []).exits(0);
    assert_eq!(run.stderr.matches("E-Mail, ID").count(), 1, "{run:#?}");
    let run = import(&second, "users.ndjson", format!("{jsonl}\n"), []).exits(0);
    assert_eq!(run.stderr.lines().count(), 1, "only that id is ignored: {run:#?}");

    let summary = |home: &Home| {
        let users = home.users();
        ["ada@example.com", "Bob@Example.com", "root@example.com"].map(|email| {
            let mut user = by_email(&users, email);
            let known = user.as_object_mut().unwrap();
            known.remove("id").unwrap();
            if email.starts_with("root") {
                known.remove("created_at").unwrap();
                known.remove("updated_at").unwrap();
            }
            user
        })
    };
    let [ada, bob, root] = summary(&first);
    assert_eq!(summary(&second), [ada.clone(), bob.clone(), root.clone()]);
    assert_eq!(
        ada,
        json!({"email": "ada@example.com", "username": "ada", "name": "Lovelace, Ada \"A\"", "role": "user",
            "is_active": true, "email_verified": true, "created_at": "2024-05-31T12:00:00.250000Z",
            "updated_at": "2024-05-31T12:00:00.250000Z", "deleted_at": null, "pending_email": null})
    );
    assert_eq!((&bob["is_active"], &bob["email_verified"]), (&json!(false), &json!(false)));
    assert_eq!(bob["created_at"], "2024-05-31T12:00:00.000000Z");
    assert_eq!((&root["role"], &root["is_active"]), (&json!("admin"), &json!(true)));
}

#[test]
fn the_role_comes_from_the_row_or_the_superuser_flag_or_the_default() {
    let home = Home::new().env("DEFAULT_ROLE", "viewer");
    home.cli(["migrate", "upgrade", "head"]).exits(0);
    let hash = bcrypt();
    let csv = format!(
        "email,role,is_superuser,hashed_password\nnone@x.example,,,{hash}\nsuper@x.example,,true,{hash}\n\
         both@x.example,Editor,true,{hash}\nbad@x.example,emperor,true,{hash}\n"
    );
    let run = import(&home, "users.csv", csv, []).exits(1);
    assert!(run.stderr.contains("users.csv:5: role: there is no such role"), "{run:#?}");
    let users = home.users();
    for (email, role) in [("none@x.example", "viewer"), ("super@x.example", "admin"), ("both@x.example", "editor")] {
        assert_eq!(by_email(&users, email)["role"], role);
    }
    assert_eq!(users.len(), 3);
}

#[test]
fn every_invalid_row_is_reported_by_line_and_affects_no_other() {
    let home = Home::new().migrated();
    let hash = bcrypt();
    let good = |name: &str| format!("{name}@x.example,,{hash},,");
    let bad = [
        (format!("invalid,,{hash},,"), "email: must be an e-mail address"),
        (format!(",,{hash},,"), "email: is missing"),
        (format!("e1@x.example,a b,{hash},,"), "username: may contain only letters a to z"),
        ("e2@x.example,,canary-secret,,".to_owned(), "password: is a password and not a hash"),
        ("e3@x.example,,pbkdf2_sha256$1000$salt$canary,,".to_owned(), "password: is a damaged hash of Django's PBKDF2"),
        ("e4@x.example,,$2b$12$canary,,".to_owned(), "password: is a damaged hash"),
        (
            "e5@x.example,,$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4canary,,".replace(',', ";"),
            "has 1 values for 5 columns",
        ),
        ("e6@x.example,,$P$canary,,".to_owned(), "password: is a hash of an unsupported format: phpass"),
        ("e7@x.example,,$6$canary$canary,,".to_owned(), "sha512_crypt"),
        (format!("e8@x.example,,{},,", hash.replacen("$04$", "$31$", 1)), "would make a login too expensive"),
        (format!("e9@x.example,,{hash},perhaps,"), "is_active: must be true or false"),
        (format!("e10@x.example,,{hash},,tomorrow"), "created_at: must be a time"),
        (format!("e11@x.example,,{hash},,2999-01-01 00:00:00"), "created_at: must not be in the future"),
        (format!("e12@x.example,TAKEN,{hash},,"), "username: belongs to another user"),
        (format!("e13@x.example,,{hash},,,one,more"), "has 7 values for 5 columns"),
    ];
    let mut lines =
        vec!["email,username,password,is_active,created_at".to_owned(), format!("t@x.example,taken,{hash},,")];
    for (number, (row, _reason)) in bad.iter().enumerate() {
        lines.extend([row.clone(), good(&format!("good{number}"))]);
    }
    let run = import(&home, "users.csv", lines.join("\n"), ["--json"]).exits(1);
    assert_eq!(counts(&run), (1 + 15, 0, 15), "{run:#?}");
    for (number, (row, reason)) in bad.iter().enumerate() {
        let place = format!("users.csv:{}: ", 3 + 2 * number);
        let line = run.stderr.lines().find(|line| line.starts_with(&place));
        let line = line.unwrap_or_else(|| panic!("no line about {row}: {run:#?}"));
        assert!(line.contains(reason), "{line}, not {reason}");
    }
    assert!(!run.output().contains("canary") && !run.output().contains(&hash), "no value is shown: {run:#?}");
    assert_eq!(home.users().len(), 16);
}

#[test]
fn invalid_text_invalid_json_and_overlong_lines_are_invalid_rows_only() {
    let home = Home::new().migrated();
    let hash = bcrypt();
    let good = |name: &str| json!({"email": format!("{name}@x.example"), "hashed_password": hash}).to_string();
    let long = "x".repeat(1024 * 1024);
    let mut jsonl = good("one").into_bytes();
    jsonl.extend(b"\n{\"email\": \"two@x.example\", \"hashed_password\": \"\xff\"}\nno json\n[1]\n\"canary\"\n");
    jsonl.extend(
        format!("{{\"email\": \"{long}\"}}\n{}\n{{\"email\": {{}}, \"hashed_password\": 7}}\n", good("three")).bytes(),
    );
    jsonl.extend(good("four").bytes());
    let run = import(&home, "users.jsonl", jsonl, ["--json"]).exits(1);
    assert_eq!(counts(&run), (3, 0, 6), "{run:#?}");
    for reported in [
        "2: is not UTF-8",
        "3: is not a JSON object",
        "4: is not a JSON object",
        "5: is not a JSON object",
        "6: is longer than 1 MiB",
    ] {
        assert!(run.stderr.contains(&format!("users.jsonl:{reported}")), "{reported} is not in {run:#?}");
    }
    assert!(run.stderr.contains("users.jsonl:8: email: must be a text"), "{run:#?}");
    assert!(!run.stderr.contains("canary"), "{run:#?}");

    let mut csv =
        format!("email,hashed_password,name\nfive@x.example,{hash},\"two\nlines\"\nsix@x.example,{hash},").into_bytes();
    csv.extend(b"\xff\n");
    csv.extend(format!("seven@x.example,{hash},\nlong@x.example,{hash},{long}\neight@x.example,{hash},\n").bytes());
    csv.extend(format!("nine@x.example,{hash},\"{long}{long}\n{long}").bytes());
    let run = import(&home, "users.csv", csv, ["--json"]).exits(1);
    assert_eq!(counts(&run), (2, 0, 4), "{run:#?}");
    for reported in ["2: name: ", "4: is not UTF-8", "6: is longer than 1 MiB", "8: is longer than 1 MiB"] {
        assert!(run.stderr.contains(&format!("users.csv:{reported}")), "{reported} is not in {run:#?}");
    }
    assert_eq!(home.users().len(), 5);
}

#[test]
fn neither_a_second_import_nor_a_dry_run_creates_users() {
    let home = Home::new().migrated();
    let hash = bcrypt();
    let row = |number: u32| format!("u{number}@x.example,user-{number},{hash}\n");
    let mut csv = "email,username,hashed_password\n".to_owned();
    csv.extend((0..700).map(row));
    csv.extend(["U3@X.example,other,", &hash, "\nnew@x.example,USER-3,", &hash, "\ninvalid\n"]);
    let dry_run = import(&home, "users.csv", &csv, ["--dry-run", "--json"]).exits(1);
    assert_eq!(counts(&dry_run), (700, 1, 2));
    assert!(home.users().is_empty(), "a dry run creates no users");
    let first = import(&home, "users.csv", &csv, ["--json"]).exits(1);
    assert_eq!((counts(&first), &first.stderr), (counts(&dry_run), &dry_run.stderr), "the dry run predicts the result");
    let before = home.users();
    assert_eq!(before.len(), 700);
    for options in [&["--json"][..], &["--json", "--dry-run"]] {
        let again = import(&home, "users.csv", &csv, options.iter().copied()).exits(1);
        assert_eq!(counts(&again), (0, 701, 2), "{again:#?}");
    }
    csv.extend((700..710).map(row));
    assert_eq!(counts(&import(&home, "users.csv", &csv, ["--json"])), (10, 701, 2));
    let users = home.users();
    assert!(before.iter().all(|user| users.contains(user)), "existing users stay unchanged");
}

#[tokio::test]
async fn an_interrupted_import_can_be_resumed() {
    let server = Server::start().await;
    let hash = bcrypt();
    let row = |number: u32| format!("u{number}@x.example,{hash}\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepstone"));
    command.args(["import-users", "-", "--format", "csv"]).env_clear().envs(&server.home.environment);
    let mut process =
        command.current_dir(server.home.path()).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    writeln!(input, "email,hashed_password").unwrap();
    (0..1200).for_each(|number| input.write_all(row(number).as_bytes()).unwrap());
    // An invalid row is reported at once, which shows the progress of the import.
    writeln!(input, "invalid").unwrap();
    input.write_all("x".repeat(200_000).as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("-:1202: "), "{line}");
    process.kill().unwrap();
    process.wait().unwrap();
    let users = eventually("whole batches only", async || {
        let users = server.home.users().len();
        (users == 1000).then_some(users)
    });
    users.await;

    let all: String = (0..1300).map(row).collect();
    let run =
        server.home.cli_reading(&format!("email,hashed_password\n{all}"), ["import-users", "-", "--json"]).exits(0);
    assert_eq!(counts(&run), (300, 1000, 0));
    for number in [0, 999, 1000, 1299] {
        server.anonymous().named(&format!("u{number}@x.example")).log_in().await;
    }
    let admin = server.admin().await;
    assert_eq!(admin.get("/api/v1/audit").await.is(200).json()["total"].as_u64(), Some(1300 + 4 + 2), "one for each");
}

#[test]
fn a_file_of_another_format_is_rejected_as_a_whole() {
    let home = Home::new().migrated();
    let hash = bcrypt();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("email,password\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (text, reason) in [
        (b"".to_vec(), "is empty"),
        (format!("a@x.example,{hash}\n").into_bytes(), "no column email"),
        (b"email;hashed_password\n".to_vec(), "separated by commas"),
        (b"email,EMAIL,password\n".to_vec(), "names the column EMAIL twice"),
        (utf16, "UTF-16"),
    ] {
        let run = import(&home, "users", &text, []).exits(2);
        assert!(run.stderr.contains(reason), "{reason}: {run:#?}");
    }
    for file in ["absent.csv", "."] {
        let run = home.cli(["import-users", file]).exits(2);
        assert!(run.stderr.starts_with(file), "{run:#?}");
    }
    home.cli(["import-users"]).exits(2);
    home.cli(["import-users", "-", "--format", "xml"]).exits(2);
    assert!(home.users().is_empty());
    let row = format!(" {{\"email\": \"a@x.example\", \"password\": \"{hash}\"}}");
    assert_eq!(
        counts(&home.cli_reading(&row, ["import-users", "-", "--json"])),
        (1, 0, 0),
        "the format is detected by the first character"
    );
    let empty = Home::new();
    let run = empty.cli_reading(&row, ["import-users", "-"]).exits(1);
    assert!(run.stderr.contains("migrate"), "{run:#?}");
}

#[test]
fn only_the_first_thousand_faults_are_listed() {
    let home = Home::new().migrated();
    let run =
        import(&home, "users.csv", format!("email,password\n{}", "invalid,nothing\n".repeat(800)), ["--json"]).exits(1);
    assert_eq!(counts(&run), (0, 0, 800));
    assert_eq!(run.stderr.lines().count(), 1_001, "two for each row");
    assert_eq!(run.stderr.lines().last(), Some("and 600 more faults"));
}
