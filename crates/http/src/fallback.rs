//! What the document of all routes tells about a path before any handler is asked: 405 if it exists for other methods
//! (actix would answer 404), 406 if the client excludes everything that it gives.

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
/// Those of what can only be looked at. HEAD comes with GET, OPTIONS with everything.
const READING: &str = "GET, HEAD, OPTIONS";

/// Every path, from the document that the routes themselves have made.
pub struct KnownPaths {
    all: Vec<KnownPath>,
    /// Those without placeholders, by their names.
    named: HashMap<String, usize>,
}

struct KnownPath {
    pattern: ResourceDef,
    methods: String,
    /// What it answers with when all is well; empty if nobody need choose.
    media_types: Vec<String>,
}

impl KnownPaths {
    /// The paths of the document, and others that can only be looked at and are not chosen by `Accept`.
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

    /// Refuses a method that a path without placeholders does not have (405): the router would take its last part for
    /// an id.
    pub fn has_method(&self, request: &HttpRequest) -> ApiResult<()> {
        let known = self.named.get(request.match_info().get_ref().path());
        match known.and_then(|index| self.all.get(*index)) {
            Some(path) if !path.methods.split(", ").any(|method| method == request.method().as_str()) => {
                Err(Problem::method_not_allowed(path.methods.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses who would not read the answer (406). Errors are `application/problem+json` whatever is asked for.
    pub fn acceptable(&self, request: &HttpRequest) -> ApiResult<()> {
        // Who says nothing or takes anything is most, and need not be looked up.
        if request.headers().get(ACCEPT).is_none_or(|accept| accept == "*/*" || accept == "application/json") {
            return Ok(());
        }
        let types = self.find(request).map_or(&[][..], |path| &path.media_types);
        if types.is_empty() || types.iter().any(|name| accept::quality(request.headers(), name) > 0) {
            return Ok(());
        }
        Err(Problem::new(Code::NotAcceptable, format!("The answer would be {}", types.join(" or "))))
    }

    /// As the router finds it: by the path decoded once.
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

/// The service of last resort.
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
