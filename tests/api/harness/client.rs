//! A client of the API. Requests are built fluently: `client.post("/items").json(body).await`.

use std::pin::Pin;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Document, PATIENCE, Reply};

/// The default password of all users.
pub const PASSWORD: &str = "correct horse battery";

/// An API client of one user. A clone is another client of the same user.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    pub email: String,
    /// Empty until known.
    pub id: String,
    /// The last login response, with the tokens.
    pub tokens: Value,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(Duration::from_secs(30)).build().unwrap();
        Self { http, url: url.to_owned(), email: String::new(), id: String::new(), tokens: Value::Null }
    }

    /// Sets the address that this client logs in with.
    pub fn named(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    /// Registers `<name>@example.com`.
    pub async fn register(self, name: &str) -> Self {
        let mut client = self.named(&format!("{name}@example.com"));
        let body = json!({"email": client.email, "password": PASSWORD, "username": name});
        let user = client.post("/api/v1/auth/register").json(&body).await.is(201).json();
        user["id"].as_str().unwrap().clone_into(&mut client.id);
        client
    }

    /// Sends a login with this client's address and the given password.
    pub fn try_log_in(&self, password: &str) -> Request {
        self.post("/api/v1/auth/login").json(&json!({"email": self.email, "password": password}))
    }

    /// Logs in. Later requests carry the access token.
    pub async fn log_in(mut self) -> Self {
        let begun = Instant::now();
        let mut reply = self.try_log_in(PASSWORD).await;
        // A busy server returns 503, and clients retry.
        while reply.status == 503 && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            reply = self.try_log_in(PASSWORD).await;
        }
        self.tokens = reply.is(200).json();
        if self.id.is_empty() {
            let me = self.get("/api/v1/users/me").await.is(200).json();
            me["id"].as_str().unwrap().clone_into(&mut self.id);
        }
        self
    }

    /// Returns the same client with another server and the same tokens.
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// Returns whether the user's address is verified.
    pub async fn is_verified(&self) -> bool {
        self.get("/api/v1/users/me").await.is(200).json()["email_verified"] == true
    }

    /// Returns the newest event of this kind, as an administrator sees it.
    pub async fn event(&self, kind: &str) -> Value {
        let events = self.get("/api/v1/audit?page_size=100").await.is(200).json();
        let event = events["items"].as_array().unwrap().iter().find(|event| event["kind"] == kind);
        event.unwrap_or_else(|| panic!("no {kind} in {events:#}")).clone()
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    pub fn head(&self, path: &str) -> Request {
        self.request(Method::HEAD, path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Sends this client's refresh token.
    pub fn refresh(&self) -> Request {
        self.anonymous().post("/api/v1/auth/refresh").json(&json!({"refresh_token": self.tokens["refresh_token"]}))
    }

    /// Returns the same client with other tokens.
    pub fn with(mut self, tokens: Value) -> Self {
        self.tokens = tokens;
        self
    }

    /// Returns a client of the same server without a user.
    pub fn anonymous(&self) -> Self {
        self.clone().with(Value::Null)
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        let request = self.http.request(method, format!("{}{path}", self.url));
        Request(match self.tokens["access_token"].as_str() {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }
}

/// A request. Awaiting it sends it.
pub struct Request(RequestBuilder);

impl Request {
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        Self(self.0.form(fields))
    }

    /// Sets a raw body. An empty `content_type` sends no such header.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = if content_type.is_empty() { self } else { self.header("content-type", content_type) };
        Self(request.0.body(body.into()))
    }

    /// Sends the request. Returns `None` if no complete response arrived.
    pub async fn try_send(self) -> Option<Reply> {
        let (client, request) = self.0.build_split();
        let request = request.unwrap();
        let request_line = format!("{} {}", request.method(), request.url());
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let answer = client.execute(request).await.ok()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.text().await.ok()?;
        let reply = Reply { request_line, status, headers, body };
        Document::get().witness(&method, &path, &reply);
        Some(reply)
    }
}

impl IntoFuture for Request {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.try_send().await.expect("the server must respond") })
    }
}
