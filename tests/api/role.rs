//! Access rules: one table of all operations, checked against the OpenAPI document and against the server.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Home, PASSWORD, Reply, Server, together};

/// All permissions.
const PERMISSIONS: [&str; 10] = [
    "users:read",
    "users:create",
    "users:update",
    "users:manage",
    "items:read",
    "items:write",
    "items:manage",
    "email:send",
    "jobs:manage",
    "audit:read",
];

/// The callers that an operation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Any caller.
    Public,
    /// Any logged-in user.
    SignedIn,
    /// Users whose role has one of these permissions.
    May(&'static [&'static str]),
    /// Anonymous callers, for themselves. Logged-in users need one of these permissions.
    SignUpOr(&'static [&'static str]),
}

use Caller::{May, Public, SignUpOr, SignedIn};

/// Returns method and path as documented, the accepted callers, and a query or body for the call.
fn table() -> Vec<(Method, &'static str, Caller, &'static str, Value)> {
    let (get, post, patch, delete) = (|| Method::GET, || Method::POST, || Method::PATCH, || Method::DELETE);
    let change = json!({"current_password": "wrong password", "new_password": "another fine password"});
    let item = json!({"title": "Keystone"});
    let user = json!({"email": "new@example.com", "password": PASSWORD});
    vec![
        (get(), "/health", Public, "", Value::Null),
        (get(), "/health/live", Public, "", Value::Null),
        (get(), "/health/ready", Public, "", Value::Null),
        (get(), "/.well-known/jwks.json", Public, "", Value::Null),
        (post(), "/api/v1/auth/register", Public, "", user.clone()),
        (post(), "/api/v1/auth/login", Public, "", json!({"email": "a@example.com", "password": PASSWORD})),
        (post(), "/api/v1/auth/refresh", Public, "", json!({"refresh_token": "x"})),
        (post(), "/api/v1/auth/logout", Public, "", json!({"refresh_token": "x"})),
        (post(), "/api/v1/auth/logout-all", SignedIn, "", Value::Null),
        (get(), "/api/v1/auth/sessions", SignedIn, "", Value::Null),
        (delete(), "/api/v1/auth/sessions/{id}", SignedIn, "", Value::Null),
        (get(), "/api/v1/users", May(&["users:read"]), "", Value::Null),
        (post(), "/api/v1/users", SignUpOr(&["users:create"]), "", user),
        (get(), "/api/v1/users/me", SignedIn, "", Value::Null),
        (patch(), "/api/v1/users/me", SignedIn, "", json!({"name": "Me"})),
        (delete(), "/api/v1/users/me", SignedIn, "", Value::Null),
        (post(), "/api/v1/users/me/change-password", SignedIn, "", change),
        (get(), "/api/v1/users/me/export", SignedIn, "", Value::Null),
        (get(), "/api/v1/users/{id}", SignedIn, "", Value::Null),
        (patch(), "/api/v1/users/{id}", May(&["users:update"]), "", json!({"name": "Another"})),
        (delete(), "/api/v1/users/{id}", May(&["users:manage"]), "", Value::Null),
        (delete(), "/api/v1/users/{id}/sessions", May(&["users:manage"]), "", Value::Null),
        (get(), "/api/v1/items", May(&["items:read"]), "", Value::Null),
        (post(), "/api/v1/items", May(&["items:write"]), "", item.clone()),
        (get(), "/api/v1/items/my", May(&["items:read"]), "", Value::Null),
        (get(), "/api/v1/items/search", May(&["items:read"]), "?q=x", Value::Null),
        (get(), "/api/v1/items/{id}", May(&["items:read"]), "", Value::Null),
        (patch(), "/api/v1/items/{id}", May(&["items:write", "items:manage"]), "", item),
        (delete(), "/api/v1/items/{id}", May(&["items:write", "items:manage"]), "", Value::Null),
        (get(), "/api/v1/audit", May(&["audit:read"]), "", Value::Null),
        (post(), "/api/v1/auth/verify-email/request", SignedIn, "", Value::Null),
        (post(), "/api/v1/auth/verify-email/confirm", Public, "", json!({"token": "x"})),
        (post(), "/api/v1/auth/password/forgot", Public, "", json!({"email": "a@example.com"})),
        (post(), "/api/v1/auth/password/reset", Public, "", json!({"token": "x", "new_password": PASSWORD})),
        (post(), "/api/v1/auth/undo-email-change/confirm", Public, "", json!({"token": "x"})),
        (post(), "/api/v1/send-email", May(&["email:send"]), "?email=a@example.com", Value::Null),
        (get(), "/api/v1/jobs", May(&["jobs:manage"]), "", Value::Null),
        (post(), "/api/v1/jobs/{id}/retry", May(&["jobs:manage"]), "", Value::Null),
    ]
}

async fn call(client: &Client, method: &Method, path: &str, query: &str, body: &Value) -> Reply {
    let path = path.replace("{id}", "0192d3c4-0000-7000-8000-000000000000");
    let request = client.request(method.clone(), &format!("{path}{query}"));
    if body.is_null() { request.await } else { request.json(body).await }
}

#[track_caller]
fn assert_permitted(reply: &Reply, role: &str) {
    // Only authorization is checked: the resource may be missing, or the request invalid.
    assert!(![401, 403, 405].contains(&reply.status) && reply.status < 500, "{role}: {reply:#?}");
}

#[test]
fn the_table_has_every_operation_of_the_document_and_no_other() {
    let document = Home::new().cli(["openapi"]).exits(0).json();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        documented.extend(
            methods
                .filter(|name| ["get", "put", "post", "delete", "patch", "head", "options"].contains(&name.as_str()))
                .map(|name| format!("{} {path}", name.to_uppercase())),
        );
    }
    let rows: Vec<_> = table().iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let known: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(known.len(), rows.len(), "each operation has exactly one row");
    assert_eq!(
        documented.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "add the callers of these operations"
    );
    assert_eq!(
        known.difference(&documented).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "these operations do not exist"
    );
}

#[test]
fn the_document_says_which_operations_need_a_token() {
    let document = Home::new().cli(["openapi"]).exits(0).json();
    for (method, path, caller, ..) in table() {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        let schemes = operation["security"].as_array().cloned().unwrap_or_default();
        let is_optional = schemes.is_empty() || schemes.iter().any(|scheme| *scheme == json!({}));
        assert_eq!(is_optional, matches!(caller, Public | SignUpOr(_)), "{method} {path}: {schemes:?}");
    }
}

#[tokio::test]
async fn only_callers_with_the_permission_are_permitted() {
    // Roles with a single permission, and for each set of sufficient permissions a role with all other permissions.
    let mut home = Server::with().with_mail().env("DEFAULT_ROLE", "only_0");
    for (number, permission) in PERMISSIONS.iter().enumerate() {
        home = home.env(&format!("KEEPSTONE__ROLES__ONLY_{number}"), permission);
    }
    let sets: Vec<&[&str]> = table()
        .iter()
        .filter_map(|(_, _, caller, ..)| match caller {
            May(set) | SignUpOr(set) => Some(*set),
            Public | SignedIn => None,
        })
        .collect();
    let lacking = |set: &[&str]| format!("lacks_{}", sets.iter().position(|other| *other == set).unwrap());
    for set in &sets {
        let rest: Vec<_> = PERMISSIONS.into_iter().filter(|permission| !set.contains(permission)).collect();
        home = home.env(&format!("KEEPSTONE__ROLES__{}", lacking(set).to_uppercase()), &rest.join(","));
    }
    let server = home.start().await;
    server.home.cli_reading(PASSWORD, ["seed", "--items", "0", "--password-stdin"]).exits(0);
    let of_role = |role: &str| server.anonymous().named(&format!("{role}@example.com")).log_in();
    let only = together((0..PERMISSIONS.len()).map(|number| of_role(&format!("only_{number}")))).await;

    for (number, (method, path, caller, query, body)) in table().into_iter().enumerate() {
        let anonymous = call(&server.anonymous(), &method, path, query, &body).await;
        match caller {
            Public => {
                let refused = anonymous.status == 401 && anonymous.problem()["code"] == "not_authenticated";
                assert!(!refused && anonymous.status != 403, "{anonymous:#?}");
            }
            SignUpOr(_) => assert_permitted(&anonymous, "anonymous"),
            SignedIn | May(_) => {
                assert_eq!(anonymous.is(401).header("www-authenticate"), Some("Bearer"));
                // The check comes before any validation of the body.
                let reply = call(&server.anonymous(), &method, path, "", &Value::Null).await.is(401);
                reply.problem_is("not_authenticated");
            }
        }
        let set = match caller {
            Public => continue,
            SignedIn => {
                // Each operation gets a new user, because some operations end the account.
                let someone = server.user(&format!("someone-{number}")).await;
                assert_permitted(&call(&someone, &method, path, query, &body).await, "any role");
                continue;
            }
            May(set) | SignUpOr(set) => set,
        };
        let role = lacking(set);
        let reply = call(&of_role(&role).await, &method, path, query, &body).await;
        assert_eq!(reply.status, 403, "{role}: {reply:#?}");
        assert_eq!(reply.problem_is("insufficient_permissions")["detail"], "Insufficient permissions");
        for (permission, someone) in PERMISSIONS.iter().zip(&only) {
            let reply = call(someone, &method, path, query, &body).await;
            if set.contains(permission) {
                assert_permitted(&reply, permission);
            } else {
                assert_eq!(reply.status, 403, "{permission}: {reply:#?}");
            }
        }
    }
}
