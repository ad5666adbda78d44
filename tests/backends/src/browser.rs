//! A private headless Chromium, and its driver (W3C WebDriver). The driver does not start the browser, so each can be
//! ended on its own: killing the browser also ends its children.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::programs;
use crate::server::{Recipe, Server};

const CHROMIUM: Recipe = Recipe {
    programs: &["chromium"],
    prepare: ":",
    serve: "chromium --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run \
            --disable-background-networking --disable-component-update --disable-sync --window-size=1280,1400 \
            --user-data-dir=$HOME/profile --remote-debugging-port=$PORT about:blank",
    signal: "KILL",
    probe: |port| answers(port, "/json/version"),
};

const DRIVER: Recipe = Recipe {
    programs: &["chromedriver"],
    prepare: ":",
    serve: "chromedriver --port=$PORT",
    signal: "KILL",
    probe: |port| answers(port, "/status"),
};

/// A running browser. It ends when it is dropped, and when this process ends.
pub struct Browser {
    driver: Server,
    chromium: Server,
}

impl Browser {
    /// Starts a browser with a new profile.
    #[must_use]
    pub fn start() -> Self {
        let chromium = Server::start(&CHROMIUM);
        Self { driver: Server::start(&DRIVER), chromium }
    }

    /// Returns why this machine cannot run a browser, or `None`.
    #[must_use]
    pub fn missing() -> Option<String> {
        programs::missing(&["chromium", "chromedriver"])
    }

    /// Returns the URL of the WebDriver interface.
    #[must_use]
    pub fn driver_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.driver.port)
    }

    /// Returns the address of the browser for the driver (`goog:chromeOptions.debuggerAddress`).
    #[must_use]
    pub fn debugger_address(&self) -> String {
        format!("127.0.0.1:{}", self.chromium.port)
    }

    /// Returns the process of the browser.
    #[must_use]
    pub fn chromium(&self) -> &Server {
        &self.chromium
    }
}

fn answers(port: u16, path: &str) -> bool {
    let get = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    get().unwrap_or(false)
}
