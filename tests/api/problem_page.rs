//! `/problems`: the pages that the `type` of an error links to.

use serde_json::Value;

use crate::harness::{Client, Server};

async fn codes(client: &Client) -> Vec<Value> {
    let list = client.get("/problems").header("accept", "application/json").await.is(200);
    assert_eq!(list.header("content-type"), Some("application/json"));
    let list = list.json();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_code_has_an_html_page_and_a_json_description() {
    let server = Server::start().await;
    let client = server.anonymous();
    let list = client.get("/problems").await.is(200);
    assert!(list.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{list:#?}");
    let codes = codes(&client).await;
    assert!(codes.len() > 20, "{codes:?}");
    for entry in codes {
        let [kind, code, title] = ["type", "code", "title"].map(|name| entry[name].as_str().unwrap());
        assert_eq!(kind, format!("/problems/{code}"));
        assert!(list.body.contains(&format!("href=\"{kind}\"")), "{code} is not in the list");
        let page = client.get(kind).await.is(200).body;
        for part in [code, title, &entry["status"].to_string()] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert_eq!(client.get(kind).header("accept", "application/json").await.is(200).json(), entry);
        for name in ["explanation", "remedy"] {
            assert!(entry[name].as_str().is_some_and(|text| text.ends_with('.')), "{entry}");
        }
    }
}

#[tokio::test]
async fn the_type_of_an_error_links_to_its_description() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for reply in [
        server.anonymous().get("/nothing").await,
        server.anonymous().get("/api/v1/users/me").await,
        ada.get("/api/v1/audit").await,
        server.anonymous().post("/health").await,
    ] {
        let problem = reply.problem();
        let page = server.anonymous().get(problem["type"].as_str().unwrap()).header("accept", "application/json").await;
        let entry = page.is(200).json();
        assert_eq!((&entry["code"], &entry["status"]), (&problem["code"], &problem["status"]));
        assert_eq!(entry["title"], problem["title"]);
    }
}

#[tokio::test]
async fn the_format_depends_on_the_accept_header() {
    let server = Server::start().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    for path in ["/problems", "/problems/not_found"] {
        for (accept, kind) in [
            (browser, "text/html; charset=utf-8"),
            ("*/*", "text/html; charset=utf-8"),
            ("application/json", "application/json"),
            ("application/json, text/html;q=0.9", "application/json"),
            ("application/json;q=0.5, text/html", "text/html; charset=utf-8"),
            ("application/*", "application/json"),
        ] {
            let reply = server.anonymous().get(path).header("accept", accept).await.is(200);
            assert_eq!(reply.header("content-type"), Some(kind), "{accept}");
            assert!(reply.header("vary").unwrap().starts_with("Accept, "), "{reply:#?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_code_is_not_found() {
    let server = Server::start().await;
    for name in ["nothing", "Not_Found", "%3Cscript%3E", "not_found%2f"] {
        let reply = server.anonymous().get(&format!("/problems/{name}")).await.is(404);
        reply.problem_is("not_found");
        assert!(!reply.body.contains("script"), "{reply:#?}");
    }
}
