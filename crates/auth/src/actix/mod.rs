//! For actix services that trust somebody's access tokens. The rule: a request is judged once, by the verifier among
//! the application's data, and without a verifier nobody gets in.
//!
//! Put a [`Verifier`](crate::token::Verifier) among the application's data, as `web::Data`; or a
//! [`Keyring`](crate::token::Keyring) where tokens are issued too; or, with the feature `jwks`, a `RemoteVerifier`.
//! Then ask for [`Authenticated`] in a handler, or wrap a scope in [`Bearer`] or [`RequirePermission`].
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

pub use authenticated::Authenticated;
pub use bearer::{Bearer, RequirePermission};
pub use challenge::Challenge;
