//! A private Chromium without a window, and the driver that it is steered by (W3C WebDriver). The driver does not start
//! the browser, so that both end by themselves: a browser that is killed takes its children with it.

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

/// A running browser. Dropping it ends it, and so does the end of this process.
pub struct Browser {
    driver: Server,
    chromium: Server,
}

impl Browser {
    /// Starts one with a new profile.
    #[must_use]
    pub fn start() -> Self {
        let chromium = Server::start(&CHROMIUM);
        Self { driver: Server::start(&DRIVER), chromium }
    }

    /// Why this machine has none.
    #[must_use]
    pub fn missing() -> Option<String> {
        programs::missing(&["chromium", "chromedriver"])
    }

    /// Where WebDriver is spoken.
    #[must_use]
    pub fn driver_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.driver.port)
    }

    /// What the driver has to be told (`goog:chromeOptions.debuggerAddress`) to find the browser.
    #[must_use]
    pub fn debugger_address(&self) -> String {
        format!("127.0.0.1:{}", self.chromium.port)
    }

    /// The browser's process.
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
