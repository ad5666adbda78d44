//! Middlewares that require a valid token, and optionally a permission. The wrapped service never runs otherwise.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::ResponseError;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};

use super::authenticated::authenticate;
use crate::permission::Permission;

/// A middleware that rejects requests without a valid access token.
///
/// Handlers inside can extract [`Authenticated`](super::Authenticated) without verifying the token again.
///
/// Preflight requests of browsers have no token. Wrap the CORS middleware around this one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bearer;

/// A middleware that rejects requests without a valid access token whose scope contains a permission.
#[derive(Debug, Clone)]
pub struct RequirePermission(Permission);

impl RequirePermission {
    /// Creates a middleware for one permission. To require two permissions, wrap the service twice.
    #[must_use]
    pub const fn new(permission: Permission) -> Self {
        Self(permission)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Bearer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Guarded { service: Rc::new(service), needed: None }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequirePermission
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Guarded { service: Rc::new(service), needed: Some(self.0.clone()) }))
    }
}

/// The wrapped service and the permission it requires.
#[derive(Debug)]
pub struct Guarded<S> {
    service: Rc<S>,
    needed: Option<Permission>,
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, needed) = (Rc::clone(&self.service), self.needed.clone());
        Box::pin(async move {
            let judged = authenticate(request.request()).await;
            let judged = judged.and_then(|caller| needed.map_or(Ok(()), |needed| caller.require(&needed)));
            match judged {
                Ok(()) => service.call(request).await.map(ServiceResponse::map_into_left_body),
                // A response and not an error: outer middlewares, above all CORS, must still add their headers.
                Err(challenge) => Ok(request.into_response(challenge.error_response()).map_into_right_body()),
            }
        })
    }
}
