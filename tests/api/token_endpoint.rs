//! `/auth/login`, `/auth/refresh` and `/auth/logout` with the forms of OAuth 2 clients (RFC 6749, RFC 7009).

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Request, Server};

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const ADA: [(&str, &str); 2] = [("username", "ada"), ("password", PASSWORD)];

/// Encodes a form as browsers send `FormData`.
fn multipart(request: Request, fields: &[(&str, &str)]) -> Request {
    let part = |(name, value): &(&str, &str)| {
        format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body: String = fields.iter().map(part).chain(["--frontier--\r\n".to_owned()]).collect();
    request.body("multipart/form-data; boundary=frontier", body)
}

/// Sends the same form in both encodings.
async fn in_both(client: &Client, path: &str, fields: &[(&str, &str)]) -> [Reply; 2] {
    [client.post(path).form(fields).await, multipart(client.post(path), fields).await]
}

fn token<'a>(client: &'a Client, name: &str) -> &'a str {
    client.tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn an_empty_parameter_counts_as_omitted() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let client = server.anonymous();
    let empty = [("grant_type", ""), ("scope", ""), ("client_id", ""), ("client_secret", ""), ("refresh_token", "")];
    for path in [LOGIN, REFRESH] {
        let with_grant = [&ADA[..], &[("grant_type", "password")], &empty[1..]].concat();
        for reply in in_both(&client, path, &with_grant).await {
            let reply = reply.is(200);
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.members(), "access_token expires_in refresh_token scope token_type");
        }
    }
    for reply in in_both(&client, LOGIN, &[&ADA[..], &empty].concat()).await {
        reply.is(200);
    }
    for fields in
        [&[("username", "ada"), ("password", "")][..], &[("username", ""), ("password", PASSWORD)], &empty, &[]]
    {
        for path in [LOGIN, REFRESH] {
            for reply in in_both(&client, path, fields).await {
                reply.oauth_error("invalid_request", "invalid_request");
            }
        }
    }
}

#[tokio::test]
async fn both_routes_accept_both_grants() {
    let server = Server::start().await;
    let mut ada = server.user("ada").await;
    let client = server.anonymous();
    for (path, grant) in
        [(LOGIN, Some("refresh_token")), (REFRESH, Some("refresh_token")), (REFRESH, None), (REFRESH, Some(""))]
    {
        for name in ["refresh_token", "refreshToken"] {
            for is_multipart in [false, true] {
                let grant = grant.map(|grant| ("grant_type", grant));
                let old = token(&ada, "refresh_token").to_owned();
                let fields: Vec<_> = grant.into_iter().chain([(name, old.as_str())]).collect();
                let request = client.post(path);
                let request = if is_multipart { multipart(request, &fields) } else { request.form(&fields) };
                ada = ada.with(request.await.is(200).json());
                ada.get("/api/v1/users/me").await.is(200);
            }
        }
    }
    for (path, grant) in [(LOGIN, "password"), (LOGIN, ""), (REFRESH, "password")] {
        for reply in in_both(&client, path, &[&ADA[..], &[("grant_type", grant)]].concat()).await {
            reply.is(200);
        }
    }
    for (path, grant) in [(LOGIN, "client_credentials"), (REFRESH, "authorization_code"), (LOGIN, "Password")] {
        for reply in in_both(&client, path, &[&ADA[..], &[("grant_type", grant)]].concat()).await {
            reply.oauth_error("unsupported_grant_type", "unsupported_grant_type");
        }
    }
}

#[tokio::test]
async fn a_refresh_through_the_login_route_can_be_retried_with_its_key() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", token(&ada, "refresh_token"))];
    let send = || server.anonymous().post(LOGIN).form(&form).header("idempotency-key", "one");
    let (first, second) = (send().await.is(200).json(), send().await.is(200).json());
    assert_eq!(first["refresh_token"], second["refresh_token"]);
    let bad = server.anonymous().post(LOGIN).form(&form).header("idempotency-key", "\u{e4}").await;
    bad.oauth_error("invalid_request", "invalid_request");
}

#[tokio::test]
async fn a_repeated_parameter_is_rejected() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let client = server.anonymous();
    for (name, value) in [
        ("username", "ada"),
        ("password", PASSWORD),
        ("password", ""),
        ("grant_type", "password"),
        ("scope", ""),
        ("client_id", "app"),
    ] {
        for reply in in_both(
            &client,
            LOGIN,
            &[&ADA[..], &[("grant_type", ""), ("scope", "a"), ("client_id", ""), (name, value)]].concat(),
        )
        .await
        {
            let problem = reply.oauth_error("invalid_request", "invalid_request");
            assert!(problem["error_description"].as_str().unwrap().contains(name), "{problem}");
        }
    }
    let form = [("refresh_token", "a"), ("refreshToken", "b")];
    client.post(REFRESH).form(&form).await.oauth_error("invalid_request", "invalid_request");
    // Parameters of other standards may be repeated (RFC 8707), and are ignored.
    let form = [&ADA[..], &[("resource", "a"), ("resource", "b")]].concat();
    client.post(LOGIN).form(&form).await.is(200);
}

#[tokio::test]
async fn wrong_credentials_are_an_invalid_grant() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let body = json!({"email": "bob@example.com", "password": PASSWORD, "is_active": false});
    server.admin().await.post("/api/v1/users").json(&body).await.is(201);
    let client = server.anonymous();
    for fields in [
        [("username", "ada"), ("password", "wrong password")],
        [("username", "eve@example.com"), ("password", PASSWORD)],
        [("username", "bob@example.com"), ("password", "wrong password")],
        [("grant_type", "refresh_token"), ("refresh_token", "none")],
        [("grant_type", "refresh_token"), ("refresh_token", token(&ada, "access_token"))],
    ] {
        for reply in in_both(&client, LOGIN, &fields).await {
            reply.oauth_error("invalid_grant", "invalid_grant");
        }
    }
    for reply in in_both(&client, LOGIN, &[("username", "bob@example.com"), ("password", PASSWORD)]).await {
        reply.oauth_error("invalid_grant", "user_inactive");
    }
}

#[tokio::test]
async fn invalid_forms_are_rejected_with_the_reason() {
    let server = Server::start().await;
    let client = server.anonymous();
    let part = "Content-Disposition: form-data; name=\"username\"";
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", &b"username=%ff&password=a"[..]),
        ("application/x-www-form-urlencoded", b"username=\xff&password=a"),
        ("multipart/form-data", b"--a\r\n\r\n--a--"),
        ("multipart/form-data; boundary=a", b""),
        ("multipart/form-data; boundary=a", b"no parts"),
        ("multipart/form-data; boundary=a", format!("--a\r\n{part}\r\n\r\nada").as_bytes()),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Disposition: form-data\r\n\r\nada\r\n--a--\r\n"),
        (
            "multipart/form-data; boundary=a",
            &[format!("--a\r\n{part}\r\n\r\n").as_bytes(), b"\xff\r\n--a--\r\n"].concat(),
        ),
    ] {
        for path in [LOGIN, REFRESH, LOGOUT] {
            let reply = client.post(path).body(content_type, body).await;
            reply.oauth_error("invalid_request", "malformed_body");
        }
    }
    let file = format!("--a\r\n{part}; filename=\"a.txt\"\r\n\r\nada\r\n--a--\r\n");
    let reply = client.post(LOGIN).body("multipart/form-data; boundary=a", file).await;
    reply.oauth_error("invalid_request", "invalid_request");
}

#[tokio::test]
async fn forms_have_the_same_size_limit_as_json() {
    let server = Server::start().await;
    let long = "a".repeat(64 * 1024);
    for path in [LOGIN, REFRESH, LOGOUT] {
        for reply in in_both(&server.anonymous(), path, &[("password", &long)]).await {
            reply.is(413).problem_is("body_too_large");
        }
    }
}

#[tokio::test]
async fn responses_to_forms_are_always_in_snake_case() {
    let server = Server::with().env("TOKEN_RESPONSE_CASE", "camel").start().await;
    server.anonymous().register("ada").await;
    for reply in in_both(&server.anonymous(), LOGIN, &ADA).await {
        let tokens = reply.is(200).json();
        for (snake, camel) in [
            ("access_token", "accessToken"),
            ("refresh_token", "refreshToken"),
            ("token_type", "tokenType"),
            ("expires_in", "expiresIn"),
        ] {
            assert!(!tokens[snake].is_null() && tokens[snake] == tokens[camel], "{tokens}");
        }
    }
}

#[tokio::test]
async fn clients_are_public_and_client_credentials_are_ignored() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    for basic in ["YXBwOg==", "YXBwOnNlY3JldA==", "Og==", "nonsense", ""] {
        let request = server.anonymous().post(LOGIN).header("authorization", &format!("Basic {basic}"));
        request.form(&ADA).await.is(200);
    }
    let form = [&ADA[..], &[("client_id", "app"), ("client_secret", "secret"), ("scope", "items:read")]].concat();
    server.anonymous().post(LOGIN).form(&form).await.is(200);
}

#[tokio::test]
async fn a_password_counts_as_a_login_on_either_route_and_a_refresh_does_not() {
    let server = Server::with().env("RATE_LIMIT_ENABLED", "true").env("RATE_LIMIT_LOGIN", "3/h").start().await;
    let ada = server.user("ada").await;
    let form = [("grant_type", "password"), ("username", "ada"), ("password", PASSWORD)];
    let first = server.anonymous().post(REFRESH).form(&form).await.is(200);
    assert_eq!(first.header("ratelimit-limit"), Some("3"));
    assert_eq!(first.header("ratelimit-remaining"), Some("1"));
    server.anonymous().post(LOGIN).form(&form).await.is(200);
    for path in [LOGIN, REFRESH] {
        let reply = server.anonymous().post(path).form(&form).await.is(429);
        reply.problem_is("rate_limited");
        assert_eq!(reply.header("ratelimit-limit"), Some("3"));
    }
    let form = [("grant_type", "refresh_token"), ("refresh_token", token(&ada, "refresh_token"))];
    server.anonymous().post(LOGIN).form(&form).await.is(200);
}

#[tokio::test]
async fn logging_out_revokes_a_token_of_either_kind() {
    let server = Server::start().await;
    server.anonymous().register("ada").await;
    let anonymous = server.anonymous();
    for (kind, hint) in [
        ("access_token", "access_token"),
        ("refresh_token", "refresh_token"),
        ("access_token", "refresh_token"),
        ("refresh_token", "nonsense"),
        ("refresh_token", ""),
    ] {
        for is_multipart in [false, true] {
            let ada = anonymous.clone().named("ada@example.com").log_in().await;
            let fields = [("token", token(&ada, kind)), ("token_type_hint", hint)];
            let send =
                |request: Request| if is_multipart { multipart(request, &fields) } else { request.form(&fields) };
            send(anonymous.post(LOGOUT)).await.is(204);
            ada.get("/api/v1/users/me").await.is(401).problem_is("token_revoked");
            ada.refresh().await.is(401).problem_is("token_revoked");
            send(anonymous.post(LOGOUT)).await.is(204);
        }
    }
    let ada = anonymous.clone().named("ada@example.com").log_in().await;
    for nothing in ["none", "a.b.c"] {
        anonymous.post(LOGOUT).form(&[("token", nothing)]).await.is(204);
    }
    for fields in [&[][..], &[("token", "")], &[("token_type_hint", "access_token")]] {
        for reply in in_both(&anonymous, LOGOUT, fields).await {
            reply.oauth_error("invalid_request", "invalid_request");
        }
    }
    let twice = [("token", "a"), ("token", "b")];
    anonymous.post(LOGOUT).form(&twice).await.oauth_error("invalid_request", "invalid_request");
    ada.get("/api/v1/users/me").await.is(200);
}

#[tokio::test]
async fn logging_out_by_form_ends_only_the_session_of_its_token() {
    let server = Server::start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    // The bearer token is independent of the form.
    bob.post(LOGOUT).form(&[("token", token(&ada, "refresh_token"))]).await.is(204);
    ada.get("/api/v1/users/me").await.is(401).problem_is("token_revoked");
    bob.get("/api/v1/users/me").await.is(200);
}

#[tokio::test]
async fn a_busy_server_responds_to_a_form_with_a_problem() {
    let server =
        Server::with().env("RATE_LIMIT_ENABLED", "true").env("RATE_LIMIT_REFRESH_REQUEST", "1/h").start().await;
    let form = [("refresh_token", "none")];
    server.anonymous().post(REFRESH).form(&form).await.is(400);
    let problem = server.anonymous().post(REFRESH).form(&form).await.is(429).problem_is("rate_limited");
    assert_eq!(problem["error"], Value::Null);
}
