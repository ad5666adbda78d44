//! The server: a replacement of `HttpServer` that supervises its connections.

use std::{
    fmt,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use actix_http::{ConnectionType, HttpService, Protocol, Request, Response};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, apply_fn_factory, map_config};
use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{AppConfig, Extensions, Server, ServiceResponse},
    http::StatusCode,
    web::Bytes,
};
use tokio::net::TcpStream;

use super::{alarm::Alarm, limits::ConnectionLimits, places::Places, refusal::turn_away, state, stream::Stream};
use crate::client_address::Network;

/// actix's own limit for the number of workers.
const MOST_WORKERS: usize = 512;
/// How long actix keeps reading after the response to a request whose body was not read.
const LINGER: Duration = Duration::from_secs(1);

/// The connection limits and the shutdown timeout of a listener.
pub struct Door {
    pub limits: ConnectionLimits,
    pub trusted_proxies: Vec<Network>,
    /// In seconds.
    pub shutdown_timeout: u64,
}

/// Serves on a listener; `app` is called once for each worker.
pub fn serve<F, A, S>(listener: TcpListener, door: Door, app: F) -> io::Result<Server>
where
    F: Fn() -> A + Send + Clone + 'static,
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::InitError: fmt::Debug,
{
    let workers = thread::available_parallelism().map_or(2, NonZeroUsize::get).min(MOST_WORKERS);
    let builder = ServerBuilder::new()
        .workers(workers)
        .max_concurrent_connections(door.limits.per_worker(workers))
        .shutdown_timeout(door.shutdown_timeout)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let places = Places::new(door.limits, door.trusted_proxies);
    let builder = builder.listen("http", listener, move || watched(places.clone(), http(stopping.clone(), app())))?;
    Ok(builder.run())
}

/// The HTTP service of actix over [`Stream`].
fn http<A, S>(
    stopping: GracefulShutdownSignal,
    app: A,
) -> impl ServiceFactory<Incoming, Config = (), Response = (), Error = actix_http::error::DispatchError, InitError = ()>
where
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::InitError: fmt::Debug,
{
    let app = map_config(app, |()| AppConfig::default());
    HttpService::build()
        .client_request_timeout(Duration::ZERO) // `state` has a timeout for every request
        .client_disconnect_timeout(LINGER)
        .on_connect_ext(|stream: &Stream, data: &mut Extensions| {
            data.insert(stream.connection());
        })
        // Not documented by actix-http, but called by actix-web: idle connections end at once on shutdown.
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .finish(apply_fn_factory(app, |request: Request, app: &S::Service| {
            let under_way = request.conn_data::<Rc<state::Connection>>().map(state::Connection::request);
            answer(under_way, app.call(request))
        }))
}

/// Awaits a response, and updates the state of the connection accordingly.
async fn answer(
    under_way: Option<state::Request>,
    answered: impl Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
) -> Result<Response<Answer>, Error> {
    let mut response: Response<BoxBody> = match answered.await {
        Ok(response) => response.into(),
        Err(error) => error.error_response().into(),
    };
    match (response.status(), &under_way) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(request)) => request.upgrade(),
        (StatusCode::REQUEST_TIMEOUT, Some(request)) => {
            response.head_mut().set_connection_type(ConnectionType::Close);
            request.leave();
        }
        _ => {}
    }
    Ok(response.map_body(|_, body| Answer { body, _under_way: under_way }))
}

/// The connection type of actix's HTTP service.
type Incoming = (Stream, Protocol, Option<SocketAddr>);

/// Acquires a permit for each connection, and closes the connection when it is overdue.
fn watched<H>(
    places: Places,
    http: H,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = H::Error, InitError = H::InitError>
where
    H: ServiceFactory<Incoming, Config = (), Response = ()>,
{
    apply_fn_factory(http, move |socket: TcpStream, http: &H::Service| {
        let peer = socket.peer_addr().ok();
        let accepted = match places.take(peer) {
            Ok(place) => {
                let connection = Rc::new(state::Connection::new(peer));
                let stream = Stream::new(socket, Rc::clone(&connection));
                Some((place, connection, http.call((stream, Protocol::Http1, peer))))
            }
            Err(why) => {
                turn_away(socket, peer, why);
                None
            }
        };
        async move {
            let Some((_place, connection, served)) = accepted else { return Ok(()) };
            let (mut served, mut alarm) = (pin!(served), Alarm::default());
            poll_fn(|context| match served.as_mut().poll(context) {
                Poll::Ready(served) => Poll::Ready(served),
                Poll::Pending => connection.poll_overdue(context, &mut alarm).map(Ok),
            })
            .await
        }
    })
}

/// The body of a response. The request is in progress until this is dropped.
struct Answer {
    body: BoxBody,
    _under_way: Option<state::Request>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
