//! Checks of a request against the OpenAPI document, before any handler is called: 405 if the path exists for other
//! methods (actix would respond with 404), 406 if `Accept` excludes all media types of the path.

use std::collections::{BTreeSet, HashMap};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResourceDef,
    http::{
        Method,
        header::{ACCEPT, ALLOW},
    },
    web::Data,
};
use utoipa::openapi::{OpenApi, PathItem, RefOr, path::Operation};

use crate::{
    accept,
    code::Code,
    problem::{ApiResult, Problem},
};

/// The methods of the server as a whole, for `OPTIONS *` and for CONNECT, which name no path.
const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// The methods of read-only paths. GET implies HEAD, and every path has OPTIONS.
const READING: &str = "GET, HEAD, OPTIONS";

/// All paths, from the OpenAPI document of the routes.
pub struct KnownPaths {
    all: Vec<KnownPath>,
    /// The indexes of the paths without placeholders.
    named: HashMap<String, usize>,
}

struct KnownPath {
    pattern: ResourceDef,
    methods: String,
    /// The media types of successful responses; empty if `Accept` does not matter.
    media_types: Vec<String>,
}

impl KnownPaths {
    /// Creates the table from the paths of the document and from `others`: read-only paths for which `Accept` does not
    /// matter.
    #[must_use]
    pub fn of(document: &OpenApi, others: &[String]) -> Self {
        let others = others.iter().map(|path| KnownPath {
            pattern: ResourceDef::new(path.as_str()),
            methods: READING.to_owned(),
            media_types: Vec::new(),
        });
        let documented = document.paths.paths.iter().map(|(path, item)| {
            let operations = operations(item);
            let methods = operations.iter().map(|(method, _)| *method).chain(["OPTIONS"]).collect::<Vec<_>>();
            KnownPath {
                pattern: ResourceDef::new(path.as_str()),
                methods: methods.join(", "),
                media_types: media_types(operations.iter().map(|(_, operation)| *operation)),
            }
        });
        let all: Vec<KnownPath> = documented.chain(others).collect();
        let pattern = |path: &KnownPath| path.pattern.pattern().unwrap_or_default().to_owned();
        let named = all.iter().map(pattern).enumerate().filter(|(_, name)| !name.contains('{'));
        let named = named.map(|(index, name)| (name, index)).collect();
        Self { all, named }
    }

    /// Rejects a method that a path without placeholders does not have (405): the router would interpret its last part
    /// as an id.
    pub fn has_method(&self, request: &HttpRequest) -> ApiResult<()> {
        let known = self.named.get(request.match_info().get_ref().path());
        match known.and_then(|index| self.all.get(*index)) {
            Some(path) if !path.methods.split(", ").any(|method| method == request.method().as_str()) => {
                Err(Problem::method_not_allowed(path.methods.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Rejects a request whose `Accept` excludes the response (406). Errors are always `application/problem+json`.
    pub fn acceptable(&self, request: &HttpRequest) -> ApiResult<()> {
        // The usual cases, which need no lookup.
        if request.headers().get(ACCEPT).is_none_or(|accept| accept == "*/*" || accept == "application/json") {
            return Ok(());
        }
        let types = self.find(request).map_or(&[][..], |path| &path.media_types);
        if types.is_empty() || types.iter().any(|name| accept::quality(request.headers(), name) > 0) {
            return Ok(());
        }
        Err(Problem::new(Code::NotAcceptable, format!("The response would be {}", types.join(" or "))))
    }

    /// Finds a path as the router does: by the path decoded once.
    fn find(&self, request: &HttpRequest) -> Option<&KnownPath> {
        let path = request.match_info().get_ref().path();
        self.all.iter().find(|known| known.pattern.is_match(path))
    }
}

fn operations(item: &PathItem) -> Vec<(&'static str, &Operation)> {
    let all = [
        ("GET, HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?))).collect()
}

fn media_types<'a>(operations: impl Iterator<Item = &'a Operation>) -> Vec<String> {
    let answers = operations.flat_map(|operation| &operation.responses.responses);
    let good = answers.filter(|(status, _)| status.starts_with('2')).filter_map(|(_, answer)| match answer {
        RefOr::T(answer) => Some(answer.content.keys().cloned()),
        RefOr::Ref(_) => None,
    });
    good.flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Handles requests that no route matches.
pub async fn fallback(request: HttpRequest, known: Data<KnownPaths>) -> ApiResult<HttpResponse> {
    let names_no_path = request.method() == Method::CONNECT || request.path() == "*";
    let methods =
        if names_no_path { Some(ALL_METHODS) } else { known.find(&request).map(|path| path.methods.as_str()) };
    let Some(methods) = methods else { return Err(Problem::new(Code::NotFound, "Not found")) };
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((ALLOW, methods)).finish());
    }
    Err(Problem::method_not_allowed(methods.to_owned()))
}
