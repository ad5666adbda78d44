//! The middleware around all routes, and its order.

use actix_web::{
    App, Error,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{NormalizePath, from_fn},
};

use crate::{
    cors::{Origins, cors},
    edge::edge,
    gate::gate,
};

/// Wraps an application in all middleware. The last one wrapped is the outermost.
pub fn layered<T>(
    app: App<T>,
    origins: &Origins,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
    + use<T>,
>
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
        + 'static,
{
    app.wrap(from_fn(gate)).wrap(NormalizePath::trim()).wrap(cors(origins)).wrap(from_fn(edge))
}

#[cfg(test)]
mod tests {
    //! Over a real socket, because the protocol layer builds the response to an error.

    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use actix_web::{HttpServer, rt::System, web};

    use super::*;

    async fn panics() -> &'static str {
        assert_eq!(1, 2, "a secret of the handler");
        ""
    }

    /// Serves a handler that panics and one that does not, on one worker; returns the address.
    fn serve() -> String {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            System::new().block_on(async {
                let server = HttpServer::new(|| {
                    let app =
                        App::new().route("/panics", web::get().to(panics)).route("/", web::get().to(|| async { "ok" }));
                    layered(app, &Origins::Listed(vec!["https://app.example.com".to_owned()]))
                });
                let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                sender.send(server.addrs()[0].to_string()).unwrap();
                server.run().await.unwrap();
            });
        });
        receiver.recv().unwrap()
    }

    fn ask(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "Origin: https://app.example.com\r\nX-Request-Id: mine\r\nConnection: close\r\n";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{head}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_panic_of_a_handler_is_a_complete_500_and_the_worker_continues() {
        let address = serve();
        for _ in 0..100 {
            let answer = ask(&address, "/panics").to_lowercase();
            assert!(answer.starts_with("http/1.1 500 "), "{answer}");
            for part in [
                "access-control-allow-origin: https://app.example.com\r\n",
                "access-control-allow-credentials: true\r\n",
                "cache-control: no-store\r\n",
                "content-security-policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'\r\n",
                "content-type: application/problem+json\r\n",
                "vary: origin, authorization, accept-encoding\r\n",
                "x-content-type-options: nosniff\r\n",
                "x-request-id: mine\r\n",
                "\"code\":\"internal\"",
                "\"request_id\":\"mine\"",
            ] {
                assert!(answer.contains(part), "{part:?} is not in {answer}");
            }
            assert!(!answer.contains("secret"), "{answer}");
        }
        assert!(ask(&address, "/").ends_with("ok"));
    }
}
