//! Extractors and middlewares for actix services that verify access tokens.
//!
//! Register one of these as application data (`web::Data`):
//!
//! - a [`Verifier`](crate::token::Verifier),
//! - a [`Keyring`](crate::token::Keyring), in a service that also issues tokens,
//! - a `RemoteVerifier`, with the feature `jwks`.
//!
//! Then use [`Authenticated`] in a handler, or wrap a scope in [`Bearer`] or [`RequirePermission`]. Without a verifier,
//! every request is rejected.
//!
//! A scope or a resource may have its own verifier. The innermost verifier decides, also for the middlewares of its
//! scope. It verifies the token even if an outer middleware has accepted the token with another verifier.
//!
//! Register verifiers of different types as [`TokenVerifier`]: if two types are visible and their order is unknown, the
//! response is 500.
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
