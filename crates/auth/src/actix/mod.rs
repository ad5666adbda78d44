//! Extractors and middlewares for actix services that verify access tokens. The rule: the nearest verifier among the
//! application's data decides, and without a verifier every request is rejected.
//!
//! Register a [`Verifier`](crate::token::Verifier) as application data, as `web::Data`; or a
//! [`Keyring`](crate::token::Keyring) where tokens are issued too; or, with the feature `jwks`, a `RemoteVerifier`.
//! Then use [`Authenticated`] in a handler, or wrap a scope in [`Bearer`] or [`RequirePermission`].
//!
//! A scope or a resource may have a verifier of its own. It decides for everything inside, including the middlewares
//! of that scope; that an outer middleware has accepted the token for another verifier counts for nothing there.
//! Register verifiers of different types as [`TokenVerifier`]: if two types are visible and their order is unknown, the
//! answer is 500.
//!
//! ```
//! use actix_web::{App, HttpResponse, Responder, get, web};
//! use keepstone_auth::actix::{Authenticated, RequirePermission};
//! use keepstone_auth::permission::Permission;
//!
//! const ORDERS_READ: Permission = Permission::new("orders:read");
//!
//! #[get("/me")]
//! async fn me(caller: Authenticated) -> impl Responder {
//!     HttpResponse::Ok().body(caller.subject.clone())
//! }
//!
//! # fn app(verifier: keepstone_auth::token::Verifier) {
//! let app = App::new().app_data(web::Data::new(verifier)).service(me).service(
//!     web::scope("/orders")
//!         .wrap(RequirePermission::new(ORDERS_READ))
//!         .route("", web::get().to(|| async { "[]" })),
//! );
//! # drop(app);
//! # }
//! ```

mod authenticated;
mod bearer;
mod challenge;
mod source;

pub use authenticated::Authenticated;
pub use bearer::{Bearer, RequirePermission};
pub use challenge::Challenge;
pub use source::TokenVerifier;
