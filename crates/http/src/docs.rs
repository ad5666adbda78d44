//! The OpenAPI document, and the pages that show it. The calls that register the routes also create the document.

use std::{borrow::Cow, sync::Arc};

use actix_web::{
    App, HttpResponse, get,
    http::header::{ContentType, LOCATION},
    web::{self, Bytes, Data},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ContactBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Server,
        security::{Flow, OAuth2, Password, Scopes, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_actix_web::AppExt;

use crate::{
    closed_list::{CodeSchema, JobStateSchema},
    code::Code,
    document::{self, DocumentOptions},
    html::{self, escape},
    problem::{FieldError, Problem, ProblemView},
    respond::{CamelTokensView, TokenCase, TokensView},
    server::{self, Options},
};

/// The files of Swagger UI that its page loads. Others are not served, among them a page that can show another API.
const SWAGGER_FILES: [&str; 3] = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

/// The groups of operations.
const TAGS: [(&str, &str); 7] = [
    ("auth", "Sign-up, login, sessions, and the flows that start with an e-mail."),
    ("users", "User accounts."),
    ("items", "Items: a resource with owners, search and optimistic concurrency."),
    ("email", "Outgoing e-mail."),
    ("jobs", "Background jobs."),
    ("audit", "The log of security-relevant events."),
    ("health", "Probes."),
];

const DESCRIPTION: &str = "\
Errors are `application/problem+json` (RFC 9457): branch on `code`, which `/problems` explains.

Lists return pages, newest first; pass `next_cursor` as `cursor` to get the next page.

Single resources carry an `ETag`: `If-None-Match` avoids a transfer, `If-Match` prevents lost updates.

With `Idempotency-Key` a request that creates or sends something can be retried safely.";

/// Returns the OpenAPI document of all routes.
#[must_use]
pub fn openapi(options: &DocumentOptions) -> OpenApi {
    let api_prefix = &options.api_prefix;
    let tokens = match options.token_case {
        TokenCase::Snake => TokensView::schema(),
        TokenCase::Camel => CamelTokensView::schema(),
    };
    let app = App::new().into_utoipa_app().openapi(base(options)).configure(server::routes(api_prefix));
    let mut document = app.split_for_parts().1;
    if let Some(components) = &mut document.components {
        components.schemas.insert(TokensView::name().into_owned(), tokens);
    }
    if !options.conceals_registration {
        for path in ["auth/register", "users"] {
            let item = document.paths.paths.get_mut(&format!("{api_prefix}/{path}"));
            if let Some(operation) = item.and_then(|item| item.post.as_mut()) {
                operation.responses.responses.remove("202");
            }
        }
    }
    document::complete(document, options)
}

/// Returns the document without its operations.
fn base(options: &DocumentOptions) -> OpenApi {
    let DocumentOptions { title, version, api_prefix, public_url, .. } = options;
    // Relative URLs refer to the server that sends the document.
    let url = public_url.as_deref().unwrap_or_default();
    let auth = format!("{url}{api_prefix}/auth");
    let flow = Password::with_refresh_url(format!("{auth}/login"), Scopes::new(), format!("{auth}/refresh"));
    let components = ComponentsBuilder::new()
        .security_scheme("oauth2", SecurityScheme::OAuth2(OAuth2::new([Flow::Password(flow)])))
        .schema_from::<ProblemView<'_>>()
        .schema_from::<FieldError>()
        .schema_from::<CodeSchema>()
        .schema_from::<JobStateSchema>();
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    let contact = ContactBuilder::new().name(Some(title)).url(public_url.as_deref());
    let info = InfoBuilder::new()
        .title(title)
        .version(version)
        .description(Some(DESCRIPTION))
        .license(Some(license))
        .contact(Some(contact.build()));
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new(if url.is_empty() { "/" } else { url })]))
        .tags(Some(tags))
        .components(Some(components.build()))
        .build()
}

/// The serialized document.
pub struct Document(pub Bytes);

/// A script from another server, and its expected hash.
#[derive(Debug, Clone)]
pub struct Script {
    /// The URL.
    pub url: String,
    /// The hash, in the format of Subresource Integrity; a browser rejects any other script.
    pub integrity: Option<String>,
}

/// Alternative paths of the pages, as other frameworks have them.
fn redirects(api_prefix: &str) -> [(String, &'static str); 4] {
    [
        (format!("{api_prefix}/docs"), "/docs"),
        (format!("{api_prefix}/redoc"), "/redoc"),
        ("/api/docs/swagger".to_owned(), "/docs"),
        ("/api/docs/redoc".to_owned(), "/redoc"),
    ]
}

/// Returns the paths of the document and its pages, for 405 responses.
pub fn paths(api_prefix: &str) -> Vec<String> {
    let own = ["/docs", "/docs/{file}", "/redoc", "/redoc/style.css", "/openapi.json"].map(str::to_owned);
    let redirects = redirects(api_prefix).map(|(from, _)| from);
    own.into_iter().chain(redirects).chain([format!("{api_prefix}/openapi.json")]).collect()
}

/// Registers the routes of the document and its pages.
pub fn routes(options: &Options) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let document = format!("{}/openapi.json", options.api_prefix);
    let redirects = redirects(&options.api_prefix).map(|(from, to)| (from, options.public_path(to)));
    move |config| {
        config
            .route(&document, web::get().to(document_json))
            .route("/openapi.json", web::get().to(document_json))
            .service(swagger)
            .service(swagger_start)
            .service(swagger_file)
            .service(redoc)
            .service(redoc_style);
        for (from, to) in redirects {
            let answer = move || {
                let answer = HttpResponse::PermanentRedirect().insert_header((LOCATION, to.as_str())).finish();
                async move { answer }
            };
            config.route(&from, web::get().to(answer));
        }
    }
}

async fn document_json(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}

/// Serves Swagger UI for the document of this server. It sets styles by script, which the policy need not allow, and
/// its icons are in its stylesheet.
#[get("/docs")]
async fn swagger(options: Data<Options>) -> HttpResponse {
    html::page("script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'")
        .body(with_base(include_str!("pages/swagger.html"), &options))
}

#[get("/docs/start.js")]
async fn swagger_start(options: Data<Options>) -> HttpResponse {
    html::file("text/javascript; charset=utf-8").body(with_base(include_str!("pages/swagger.js"), &options))
}

/// Inserts the base path of the public URL into a file.
fn with_base(file: &str, options: &Options) -> String {
    file.replace("{base}", &options.base_path)
}

#[get("/docs/{file}")]
async fn swagger_file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound, "Not found");
    let name = SWAGGER_FILES.into_iter().find(|file| *file == name.as_str()).ok_or_else(not_found)?;
    let found = utoipa_swagger_ui::serve(name, Arc::default()).map_err(Problem::internal)?.ok_or_else(not_found)?;
    let bytes = match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Ok(html::file(&found.content_type).body(bytes))
}

/// Serves Redoc, whose script is on another server by default. It writes its styles into the page, and its search runs
/// in a worker created from a blob.
#[get("/redoc")]
async fn redoc(options: Data<Options>) -> HttpResponse {
    let Script { url, integrity } = &options.redoc_script;
    let source = if url.starts_with('/') { "'self'" } else { url };
    let policy = format!(
        "script-src {source}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src blob:"
    );
    let integrity = integrity.as_ref().map(|hash| format!(" integrity=\"{}\"", escape(hash))).unwrap_or_default();
    let page = with_base(include_str!("pages/redoc.html"), &options)
        .replace("{url}", &escape(url))
        .replace("{integrity}", &integrity);
    html::page(&policy).body(page)
}

#[get("/redoc/style.css")]
async fn redoc_style() -> HttpResponse {
    html::file("text/css; charset=utf-8").body(include_str!("pages/redoc.css"))
}
