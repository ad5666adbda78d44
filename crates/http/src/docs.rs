//! The OpenAPI document, and the page that shows it. The document is made by the calls that register the routes.

use std::sync::Arc;

use actix_web::{
    App, HttpResponse, get,
    http::header::ContentType,
    web::{self, Data},
};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder,
    security::{Flow, OAuth2, Password, Scopes, SecurityScheme},
};
use utoipa_actix_web::AppExt;

use crate::{code::Code, problem::Problem, server};

/// The document of all routes under this prefix.
#[must_use]
pub fn openapi(api_prefix: &str, title: &str, version: &str) -> OpenApi {
    let login = Flow::Password(Password::new(format!("{api_prefix}/auth/login"), Scopes::new()));
    let oauth2 = SecurityScheme::OAuth2(OAuth2::new([login]));
    let base = OpenApiBuilder::new()
        .info(InfoBuilder::new().title(title).version(version).build())
        .components(Some(ComponentsBuilder::new().security_scheme("oauth2", oauth2).build()))
        .build();
    let app = App::new().into_utoipa_app().openapi(base).configure(server::routes(api_prefix));
    app.split_for_parts().1
}

/// The document as it is sent.
pub struct Document(pub String);

/// The paths of the document and its page, for those who ask with another method than GET.
pub fn paths(api_prefix: &str) -> Vec<String> {
    vec![
        "/docs".to_owned(),
        "/docs/{file}".to_owned(),
        "/openapi.json".to_owned(),
        format!("{api_prefix}/openapi.json"),
    ]
}

/// The routes of the document and its page.
pub fn routes(api_prefix: &str) -> impl FnOnce(&mut web::ServiceConfig) {
    let document = format!("{api_prefix}/openapi.json");
    move |config| {
        config
            .route(&document, web::get().to(document_json))
            .route("/openapi.json", web::get().to(document_json))
            .service(page)
            .service(asset);
    }
}

async fn document_json(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}

/// Swagger UI, over the document of this server.
#[get("/docs")]
async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(include_str!("docs.html"))
}

#[get("/docs/{file}")]
async fn asset(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, Arc::default()).map_err(Problem::internal)?;
    let found = found.ok_or_else(|| Problem::new(Code::NotFound, "Not found"))?;
    Ok(HttpResponse::Ok().content_type(found.content_type).body(found.bytes.into_owned()))
}
