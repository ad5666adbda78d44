//! `/problems`: the pages that explain the codes, to which the `type` of a problem points. Their content is the table
//! of [`Code`].

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::VARY,
    web::{self, Data, ServiceConfig},
};
use serde::Serialize;

use crate::{
    accept,
    code::Code,
    headers::VARIES_BY_ACCEPT,
    html::{self, escape},
    problem::{ApiResult, Problem},
    server::Options,
};

/// The paths, for 405 responses.
pub const PATHS: [&str; 3] = ["/problems", "/problems/style.css", "/problems/{code}"];

/// Registers the routes. They need no credentials, and their responses can be cached publicly.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/problems", web::get().to(list))
        .route("/problems/style.css", web::get().to(style))
        .route("/problems/{code}", web::get().to(find));
}

/// A code, for programs.
#[derive(Serialize)]
struct CodeView {
    #[serde(rename = "type")]
    kind: String,
    code: &'static str,
    status: u16,
    title: &'static str,
    explanation: &'static str,
    remedy: &'static str,
}

#[derive(Serialize)]
struct CodesView {
    items: Vec<CodeView>,
}

impl From<Code> for CodeView {
    fn from(code: Code) -> Self {
        Self {
            kind: path(code),
            code: code.name(),
            status: code.status().as_u16(),
            title: code.title(),
            explanation: code.explanation(),
            remedy: code.remedy(),
        }
    }
}

async fn list(request: HttpRequest, options: Data<Options>) -> HttpResponse {
    let page = || document("Problems", &all_codes(&options.base_path), &options.base_path);
    let items = Code::ALL.iter().copied().map(CodeView::from).collect();
    as_wanted(&request, page, &CodesView { items })
}

async fn find(request: HttpRequest, name: web::Path<String>, options: Data<Options>) -> ApiResult<HttpResponse> {
    let code = Code::ALL.iter().copied().find(|code| code.name() == *name);
    let code = code.ok_or_else(|| Problem::new(Code::NotFound, "There is no such code"))?;
    let page = || document(code.title(), &one_code(code, &options.base_path), &options.base_path);
    Ok(as_wanted(&request, page, &CodeView::from(code)))
}

async fn style() -> HttpResponse {
    html::file("text/css; charset=utf-8").body(include_str!("pages/problem.css"))
}

/// Responds with the page, or with JSON if the client prefers it.
fn as_wanted(request: &HttpRequest, page: impl FnOnce() -> String, view: &impl Serialize) -> HttpResponse {
    let wanted = |media_type| accept::quality(request.headers(), media_type);
    let varies = (VARY, VARIES_BY_ACCEPT);
    if wanted("application/json") > wanted("text/html") {
        return HttpResponse::Ok().insert_header(html::for_an_hour()).insert_header(varies).json(view);
    }
    html::page("style-src 'self'; img-src data:").insert_header(varies).body(page())
}

fn path(code: Code) -> String {
    format!("/problems/{}", code.name())
}

fn all_codes(base: &str) -> String {
    let row = |code: &Code| {
        let (path, status) = (path(*code), code.status().as_u16());
        // Lets a narrow screen break the name between its words.
        let name = code.name().replace('_', "_<wbr>");
        let title = escape(code.title());
        format!("<tr><td>{status}<td><a href=\"{base}{path}\"><code>{name}</code></a><td>{title}</tr>\n")
    };
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    let rows: String = codes.iter().map(row).collect();
    format!(
        "<h1>Problems</h1>\n\
         <p>Errors of this API have a body of type <code>application/problem+json</code> (RFC 9457). \
         Its <code>code</code> is one of those below and stable: programs should branch on it.</p>\n\
         <table>\n<thead><tr><th scope=\"col\">Status<th scope=\"col\">Code<th scope=\"col\">Title</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    )
}

fn one_code(code: Code, base: &str) -> String {
    let example = format!(
        "{{\n  \"type\": \"{}\",\n  \"title\": \"{}\",\n  \"status\": {},\n  \"detail\": \"…\",\n  \"code\": \"{}\",\n  \
         \"request_id\": \"…\"\n}}",
        path(code),
        code.title(),
        code.status().as_u16(),
        code.name(),
    );
    format!(
        "<p><a href=\"{base}/problems\">All problems</a></p>\n\
         <h1>{}</h1>\n<p class=\"quiet\"><code>{}</code> with status {}</p>\n\
         <h2>What it means</h2>\n<p>{}</p>\n<h2>What to do</h2>\n<p>{}</p>\n\
         <h2>What it looks like</h2>\n<pre tabindex=\"0\">{}</pre>\n",
        escape(code.title()),
        code.name(),
        code.status(),
        prose(code.explanation()),
        prose(code.remedy()),
        escape(&example),
    )
}

/// Converts text to HTML, with code where the text has backticks.
fn prose(text: &str) -> String {
    let escaped = escape(text);
    let parts = escaped.split('`').enumerate();
    parts.map(|(place, part)| if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn document(title: &str, body: &str, base: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"{base}/problems/style.css\">\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_explanation_and_a_remedy_in_whole_sentences() {
        for code in Code::ALL {
            for text in [code.explanation(), code.remedy()] {
                assert!(text.len() > 10 && text.ends_with('.'), "{}: {text:?}", code.name());
                assert_eq!(text.matches('`').count() % 2, 0, "{}: {text:?}", code.name());
            }
            assert!(!code.title().contains(['"', '\\']), "{}: its example would not be JSON", code.name());
        }
    }

    #[test]
    fn code_in_prose_is_marked_and_markup_is_escaped() {
        assert_eq!(prose("a `b<c>` d & `e`"), "a <code>b&lt;c&gt;</code> d &amp; <code>e</code>");
    }

    #[test]
    fn a_page_shows_everything_about_its_code() {
        let page = document(Code::BodyTooLarge.title(), &one_code(Code::BodyTooLarge, "/svc"), "/svc");
        for part in [
            "<title>Body too large</title>",
            "<a href=\"/svc/problems\">All problems</a>",
            "href=\"/svc/problems/style.css\"",
            "<code>body_too_large</code> with status 413 Payload Too Large",
            "<p>The body is larger than this route takes.</p>",
            "<p>Send less: 64 KiB under <code>/auth</code>, 1 MiB elsewhere.</p>",
            "&quot;type&quot;: &quot;/problems/body_too_large&quot;",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }
}
