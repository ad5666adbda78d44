//! E-mail addresses with an international domain: every spelling that UTS 46 maps to one domain is the same address.

use serde_json::json;

use crate::harness::{Client, PASSWORD, Server};

const NORMAL: &str = "user@münchen.de";
const SPELLINGS: [&str; 6] = [
    "user@MÜNCHEN.de",
    "user@mu\u{308}nchen.de",
    "USER@MU\u{308}NCHEN.DE",
    "user@xn--mnchen-3ya.de",
    "User@XN--MNCHEN-3YA.de",
    "user@münchen\u{3002}de",
];

async fn sign_up(client: &Client, email: &str) -> crate::harness::Reply {
    client.anonymous().post("/api/v1/auth/register").json(&json!({"email": email, "password": PASSWORD})).await
}

#[tokio::test]
async fn every_spelling_of_an_address_is_the_same_account() {
    let server = Server::with().with_mail().start().await;
    let admin = server.admin().await;
    assert_eq!(sign_up(&admin, NORMAL).await.is(201).json()["email"], NORMAL);
    for spelling in SPELLINGS {
        sign_up(&admin, spelling).await.is(400).problem_is("email_already_registered");
        server.anonymous().named(spelling).log_in().await;
        let form = [("username", spelling), ("password", PASSWORD)];
        server.anonymous().post("/api/v1/auth/login").form(&form).await.is(200);
        let body = json!({"email": spelling, "password": PASSWORD});
        admin.post("/api/v1/users").json(&body).await.is(409).problem_is("email_taken");
        server.anonymous().post("/api/v1/auth/password/forgot").json(&json!({"email": spelling})).await.is(202);
    }
    server.jobs_end().await;
    let ascii = "user@xn--mnchen-3ya.de";
    let letters: Vec<_> = [NORMAL, ascii].into_iter().flat_map(|to| server.home.letters(to)).collect();
    let resets = letters.iter().filter(|letter| letter.text.contains("/reset-password#"));
    assert_eq!(resets.count(), SPELLINGS.len(), "{letters:#?}");
    let rows: Vec<String> =
        SPELLINGS.iter().map(|email| json!({"email": email, "password_hash": null}).to_string()).collect();
    std::fs::write(server.home.path().join("users.jsonl"), rows.join("\n")).unwrap();
    let run = server.cli(["import-users", "users.jsonl", "--json"]);
    assert_eq!(run.json()["made"], 0, "{run:#?}");
}

#[tokio::test]
async fn an_address_is_returned_in_normal_form() {
    let server = Server::start().await;
    for (number, (written, shown)) in (1..).zip([
        ("MÜNCHEN.de", "münchen.de"),
        ("ko\u{308}ln.de", "köln.de"),
        ("\u{1112}\u{1161}\u{11ab}.kr", "한.kr"),
        ("Example.COM", "Example.COM"),
    ]) {
        let user = sign_up(&server.anonymous(), &format!("u{number}@{written}")).await.is(201).json();
        assert_eq!(user["email"], format!("u{number}@{shown}"));
    }
}

#[tokio::test]
async fn an_invalid_domain_is_rejected_with_the_reason() {
    let server = Server::start().await;
    for domain in ["xn--a.de", "exa mple.de", "-a.de", "münchen", "a..de", "\u{301}a.de", "127.0.0.1", "a\u{2fff}b.de"]
    {
        let reply = sign_up(&server.anonymous(), &format!("user@{domain}")).await.is(422);
        let problem = reply.json();
        assert_eq!(problem["errors"][0]["loc"], json!(["body", "email"]), "{problem}");
        assert!(problem["errors"][0]["msg"].as_str().unwrap().contains("domain name"), "{problem}");
    }
}
