//! What no route answers: 404, or 405 if the path exists for other methods. actix would answer both with 404.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResourceDef,
    http::{Method, header::ALLOW},
    web::Data,
};
use utoipa::openapi::OpenApi;

use crate::{
    code::Code,
    problem::{ApiResult, Problem},
};

/// Every path, with the methods it has, from the document that the routes themselves have made.
pub struct KnownPaths(Vec<(ResourceDef, String)>);

impl KnownPaths {
    /// The paths of the document, and others that can only be looked at. HEAD comes with GET, OPTIONS with everything.
    #[must_use]
    pub fn of(document: &OpenApi, others: &[String]) -> Self {
        let others = others.iter().map(|path| (ResourceDef::new(path.as_str()), "GET, HEAD, OPTIONS".to_owned()));
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let mut methods = Vec::new();
            for (method, operation) in [
                ("GET, HEAD", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ] {
                methods.extend(operation.as_ref().map(|_| method));
            }
            methods.push("OPTIONS");
            (ResourceDef::new(path.as_str()), methods.join(", "))
        });
        Self(paths.chain(others).collect())
    }
}

/// The service of last resort.
pub async fn fallback(request: HttpRequest, known: Data<KnownPaths>) -> ApiResult<HttpResponse> {
    let Some((_, methods)) = known.0.iter().find(|(path, _)| path.is_match(request.path())) else {
        return Err(Problem::new(Code::NotFound, "Not found"));
    };
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((ALLOW, methods.as_str())).finish());
    }
    Err(Problem::method_not_allowed(methods.clone()))
}
