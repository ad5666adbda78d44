//! Accessibility of our pages on phones, with the keyboard and with screen readers. Each page fits a narrow screen, and
//! axe (from npm, `tests/web`) reports no violation with light and with dark colours.

use keepstone_test_backends::{Browser, Database, is_skipped};
use serde_json::json;

use crate::harness::{Page, Server, web_folder};

/// The violations that axe reports, each with the elements it concerns. Swagger UI and Redoc are third-party code and
/// excluded.
const AXE: &str = "
    const done = arguments[0];
    const context = { exclude: [['#swagger-ui > *'], ['redoc']] };
    axe.run(context, { resultTypes: ['violations'] }).then(
        ({ violations }) => done(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html)}`)),
        reason => done([String(reason)]),
    );
";

const PAGES: [(&str, &str); 6] = [
    ("/problems", "h1"),
    ("/problems/idempotency_in_progress", "h1"),
    ("/api/v1/auth/verify-email#token=abc", "button"),
    ("/api/v1/auth/reset-password#token=abc", "button"),
    ("/api/v1/auth/undo-email-change#token=abc", "button"),
    ("/docs", ".opblock"),
];

#[tokio::test]
async fn every_page_fits_a_phone_and_has_no_axe_violations() {
    let source = web_folder().join("node_modules/axe-core/axe.min.js");
    let no_axe = || (!source.exists()).then(|| format!("no {}", source.display()));
    if Database::chosen() != Database::Sqlite || is_skipped(Browser::missing().or_else(no_axe)) {
        return; // pages do not depend on the database
    }
    let axe = format!("{}\n{AXE}", std::fs::read_to_string(source).unwrap());
    let server = Server::start().await;
    let page = Page::new().await;
    let mut found = Vec::new();
    for colours in ["light", "dark"] {
        page.imitate_phone(390, 844, colours).await;
        for (path, selector) in PAGES {
            page.open("about:blank").await;
            page.open(&format!("{}{path}", server.url)).await;
            page.shows(selector, "").await;
            let size = page.script("return [innerWidth, document.documentElement.scrollWidth]", json!([])).await;
            if size != json!([390, 390]) {
                found.push(format!("{path} {colours}: {size} wide"));
            }
            let is_dark = page.script("return matchMedia('(prefers-color-scheme: dark)').matches", json!([])).await;
            assert_eq!(is_dark, colours == "dark");
            let name = path.split('#').next().and_then(|path| path.rsplit('/').next()).unwrap();
            page.screenshot(&format!("phone-{name}-{colours}")).await;
            let violations = page.script_that_waits(&axe, json!([])).await;
            let violations = violations.as_array().unwrap();
            found.extend(violations.iter().map(|violation| format!("{path} {colours}: {violation}")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
