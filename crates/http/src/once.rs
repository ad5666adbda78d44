//! The HTTP side of idempotency keys: a request takes effect once, however often it is sent.

use actix_web::{HttpRequest, web::Bytes};
use keepstone_domain::{Answer, UserId};
use keepstone_service::{Error, Idempotency, KeyedRequest, Receipt, Turn};

use crate::{
    extract::Making,
    field::Input,
    problem::ApiResult,
    respond::{Created, Once},
};

/// The idempotency key of a request, if it has one, and the bytes that identify the request under this key.
pub type Keyed = Option<(String, Bytes)>;

/// Executes a request, or returns the stored response if the same request was executed before.
///
/// # Errors
/// The errors of `work`, or a different request with the same key.
pub async fn once<M>(
    keyed: &Keyed,
    request: &HttpRequest,
    caller: Option<UserId>,
    requests: &Idempotency,
    answer: impl Fn(&M) -> Answer + Clone + Send + Sync + 'static,
    work: impl AsyncFnOnce(Receipt<M>) -> Result<M, Error>,
) -> ApiResult<Once> {
    let Some((key, body)) = keyed else {
        return Ok(Once::Now(Created(answer(&work(Receipt::none()).await?))));
    };
    let (method, path) = (request.method().as_str(), request.path());
    match requests.take_turn(&KeyedRequest { caller, method, path, key, body }).await? {
        Turn::Past(answer) => Ok(Once::Before(answer)),
        Turn::Now(claim) => Ok(Once::Now(Created(answer(&work(Receipt::of(claim, answer.clone())).await?)))),
    }
}

impl<T: Input> Making<T> {
    /// Executes the request of this body, as [`once`].
    ///
    /// # Errors
    /// The errors of `make`, or a different request with the same key.
    pub async fn once<M>(
        self,
        request: &HttpRequest,
        caller: Option<UserId>,
        requests: &Idempotency,
        answer: impl Fn(&M) -> Answer + Clone + Send + Sync + 'static,
        make: impl AsyncFnOnce(T::Output, Receipt<M>) -> Result<M, Error>,
    ) -> ApiResult<Once> {
        let Self { body, key } = self;
        once(&key, request, caller, requests, answer, async |receipt| make(body, receipt).await).await
    }
}
