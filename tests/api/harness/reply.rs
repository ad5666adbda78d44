//! A response of the API, and the assertions on it.

use std::fmt;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

#[derive(Clone)]
pub struct Reply {
    /// The method and the path, for messages.
    pub request_line: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }

    /// Asserts that this is an RFC 9457 problem with all required members, and returns its body.
    #[track_caller]
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:#?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("no code: {self:#?}"));
        assert_eq!(problem["type"], format!("/problems/{code}"), "{self:#?}");
        assert_eq!(problem["status"], self.status, "{self:#?}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:#?}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:#?}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{self:#?}");
        // this code concerns a header, not a value
        let has_errors = self.status == 422 && code != "idempotency_key_reused";
        assert_eq!(problem["errors"].is_array(), has_errors, "{self:#?}");
        problem
    }

    /// Asserts an OAuth 2 error (RFC 6749 section 5.2) that also has the members of a problem.
    #[track_caller]
    pub fn oauth_error(&self, error: &str, code: &str) -> Value {
        assert_eq!(self.status, 400, "{self:#?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:#?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:#?}");
        let body = self.json();
        assert_eq!((&body["error"], &body["code"]), (&json!(error), &json!(code)), "{self:#?}");
        assert_eq!((&body["type"], &body["status"]), (&json!(format!("/problems/{code}")), &json!(400)), "{self:#?}");
        assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{self:#?}");
        assert_eq!(body["error_description"], body["detail"], "{self:#?}");
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"), "{self:#?}");
        body
    }

    /// Returns the strong entity tag, which must be present.
    #[track_caller]
    pub fn etag(&self) -> String {
        let tag = self.header("etag").unwrap_or_else(|| panic!("no ETag: {self:#?}"));
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "not strong: {self:#?}");
        tag.to_owned()
    }

    /// Returns the names of the members, in order.
    #[track_caller]
    pub fn members(&self) -> String {
        let body = self.json();
        let members = body.as_object().unwrap_or_else(|| panic!("no object: {self:#?}"));
        members.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Asserts a problem with this code.
    #[track_caller]
    pub fn problem_is(&self, code: &str) -> Value {
        let problem = self.problem();
        assert_eq!(problem["code"], code, "{self:#?}");
        problem
    }

    /// Asserts that validation failed at exactly these locations, and returns the errors.
    #[track_caller]
    pub fn invalid_at(&self, places: &[&[&str]]) -> Vec<Value> {
        assert_eq!(self.status, 422, "{self:#?}");
        let problem = self.problem();
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors: {self:#?}"));
        for error in errors {
            assert!(error["msg"].as_str().is_some_and(|message| !message.is_empty()), "{self:#?}");
            assert!(error["type"].as_str().is_some_and(|kind| !kind.is_empty()), "{self:#?}");
        }
        let mut found: Vec<&Value> = errors.iter().map(|error| &error["loc"]).collect();
        found.sort_by_key(ToString::to_string);
        let mut expected: Vec<Value> = places.iter().map(|place| serde_json::json!(place)).collect();
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{self:#?}");
        errors.clone()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} returned\n{}", self.request_line, self.status)?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {value:?}")?;
        }
        write!(formatter, "\n{}", self.body)
    }
}
