//! Doing a request once, however often it is sent: the HTTP side of idempotency keys.

use actix_web::HttpRequest;
use keepstone_domain::{Answer, UserId};
use keepstone_service::{Error, Idempotency, KeyedRequest, Receipt, Turn};

use crate::{
    extract::Making,
    field::Input,
    problem::ApiResult,
    respond::{Created, Once},
};

impl<T: Input> Making<T> {
    /// Makes what the body asks for, unless the same request did so before: then its answer is given again.
    ///
    /// # Errors
    /// Those of `make`; another request under the same key.
    pub async fn once<M>(
        self,
        request: &HttpRequest,
        caller: Option<UserId>,
        requests: &Idempotency,
        answer: impl Fn(&M) -> Answer + Clone + Send + Sync + 'static,
        make: impl AsyncFnOnce(T::Output, Receipt<M>) -> Result<M, Error>,
    ) -> ApiResult<Once> {
        let Some((key, bytes)) = &self.key else {
            let thing = make(self.body, Receipt::none()).await?;
            return Ok(Once::Now(Created(answer(&thing))));
        };
        let (method, path) = (request.method().as_str(), request.path());
        match requests.take_turn(&KeyedRequest { caller, method, path, key, body: bytes }).await? {
            Turn::Past(answer) => Ok(Once::Before(answer)),
            Turn::Now(claim) => {
                let thing = make(self.body, Receipt::of(claim, answer.clone())).await?;
                Ok(Once::Now(Created(answer(&thing))))
            }
        }
    }
}
