//! The API document in `specs/`: it reflects the built-in defaults, whatever is configured.

use std::path::Path;

use serde_json::Value;

use crate::harness::Home;

fn checked_in() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/openapi.json").canonicalize().unwrap().display().to_string()
}

#[test]
fn the_checked_in_document_matches_the_api() {
    let run = Home::new().cli(["openapi", "--check", &checked_in()]);
    assert_eq!(run.code, Some(0), "if the API is right: make specs\n{}", run.stderr);
}

#[test]
fn the_configuration_changes_only_the_served_document() {
    let home = Home::new().env("APP_NAME", "Other").env("APP_VERSION", "7.7.7").env("API_V1_PREFIX", "/v7");
    let configured = home.cli(["openapi"]).exits(0).json();
    assert_eq!((&configured["info"]["title"], &configured["info"]["version"]), (&"Other".into(), &"7.7.7".into()));
    assert!(configured["paths"]["/v7/users/me"].is_object(), "{configured}");

    let defaults = home.cli(["openapi", "--defaults"]).exits(0).json();
    assert_eq!(defaults, Home::new().cli(["openapi"]).exits(0).json());
    assert_eq!(defaults["info"]["title"], "Keepstone");
    home.cli(["openapi", "--check", &checked_in()]).exits(0);
    home.env("PORT", "eighty").cli(["openapi", "--check", &checked_in()]).exits(0);
}

#[test]
fn differences_are_reported_with_their_location() {
    let home = Home::new();
    let mut document = home.cli(["openapi"]).exits(0).json();
    document["info"]["title"] = "Other".into();
    document["paths"]["/old"] = Value::Object(serde_json::Map::default());
    document["paths"].as_object_mut().unwrap().remove("/health").unwrap();
    let home = home.file("openapi.json", &document.to_string());
    let run = home.cli(["openapi", "--check", "openapi.json"]).exits(1);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].starts_with("openapi.json "), "{run:#?}");
    assert_eq!(
        lines[1..],
        ["changed /info/title: \"Other\" is now \"Keepstone\"", "added /paths/~1health", "removed /paths/~1old"]
    );
    assert_eq!(run.stdout, "");

    for path in document["paths"].as_object_mut().unwrap().values_mut() {
        path["description"] = "Other".into();
    }
    let run = home.file("openapi.json", &document.to_string()).cli(["openapi", "--check", "openapi.json"]).exits(1);
    assert_eq!(run.stderr.lines().count(), 20, "{run:#?}");
}

#[test]
fn a_file_without_a_document_is_a_usage_error() {
    let home = Home::new().file("text.json", "no JSON");
    for file in ["nowhere.json", "text.json", "."] {
        let run = home.cli(["openapi", "--check", file]).exits(2);
        assert!(run.stderr.starts_with(file), "{run:#?}");
    }
}
