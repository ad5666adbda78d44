//! A service that verifies the tokens of a Keepstone server. It has no secret, no database and no signing key.
//!
//! `cargo run -p keepstone-auth --features actix,jwks --example verify_only --
//! http://localhost:8000/.well-known/jwks.json https://id.example.com orders`

use std::error::Error;

use actix_web::web::{Data, ServiceConfig, get, scope};
use actix_web::{App, HttpServer};
use keepstone_auth::actix::{Authenticated, RequirePermission};
use keepstone_auth::jwks::RemoteVerifier;
use keepstone_auth::permission::Permission;

const ITEMS_READ: Permission = Permission::new("items:read");

async fn me(caller: Authenticated) -> String {
    format!("{} as {} may: {}\n", caller.subject, caller.role, caller.scope)
}

fn routes(routes: &mut ServiceConfig) {
    let shelf = scope("/shelf").wrap(RequirePermission::new(ITEMS_READ));
    routes.route("/me", get().to(me)).service(shelf.route("", get().to(|| async { "an empty shelf\n" })));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [url, issuer, audience] = args.as_slice() else {
        return Err("usage: verify_only <URL of the JWK set> <issuer> <audience>".into());
    };
    let verifier = Data::new(RemoteVerifier::new(url, issuer, audience)?);
    let app = move || App::new().app_data(Data::clone(&verifier)).configure(routes);
    HttpServer::new(app).workers(1).bind(("127.0.0.1", 8081))?.run().await?;
    Ok(())
}
