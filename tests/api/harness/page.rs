//! A page in a real browser, controlled by WebDriver: a few of its commands, each of which is a POST of JSON.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use keepstone_test_backends::Browser;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::eventually;

/// The member name that the WebDriver standard defines for an element reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Page {
    http: reqwest::Client,
    session: String,
    _browser: Browser,
    _turn: MutexGuard<'static, ()>,
}

/// A browser needs as much CPU time as all other tests together, so only one runs at a time.
static TURN: Mutex<()> = Mutex::const_new(());

impl Page {
    /// Opens an empty page in a browser of its own.
    pub async fn new() -> Self {
        let turn = TURN.lock().await;
        let browser = tokio::task::spawn_blocking(Browser::start).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let options = json!({
            "goog:chromeOptions": {"debuggerAddress": browser.debugger_address()},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let sessions = format!("{}/session", browser.driver_url());
        let body = json!({"capabilities": {"alwaysMatch": options}});
        let answer: Value = http.post(&sessions).json(&body).send().await.unwrap().json().await.unwrap();
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        Self { session: format!("{sessions}/{id}"), http, _browser: browser, _turn: turn }
    }

    pub async fn open(&self, url: &str) {
        self.command("url", &json!({"url": url})).await.unwrap();
    }

    /// Opens a tab, selects it and returns its name. Tabs of one origin share their storage.
    pub async fn open_tab(&self) -> String {
        let tab = self.command("window/new", &json!({"type": "tab"})).await.unwrap();
        let name = tab["handle"].as_str().unwrap().to_owned();
        self.select_tab(&name).await;
        name
    }

    pub async fn select_tab(&self, name: &str) {
        self.command("window", &json!({"handle": name})).await.unwrap();
    }

    /// Imitates a phone with this window and a `light` or `dark` colour preference, from the next page on.
    pub async fn imitate_phone(&self, width: u32, height: u32, colours: &str) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": true});
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": colours}]});
        for (command, parameters) in
            [("Emulation.setDeviceMetricsOverride", screen), ("Emulation.setEmulatedMedia", features)]
        {
            let body = json!({"cmd": command, "params": parameters});
            self.command("goog/cdp/execute", &body).await.unwrap();
        }
    }

    /// Waits until this CSS selector matches an element, and clicks on it.
    pub async fn click(&self, selector: &str) {
        eventually(&format!("a click on {selector}"), async || {
            let element = self.find(selector).await?;
            self.command(&format!("element/{element}/click"), &json!({})).await.ok()
        })
        .await;
    }

    pub async fn write(&self, selector: &str, text: &str) {
        eventually(&format!("{text:?} in {selector}"), async || {
            let element = self.find(selector).await?;
            self.command(&format!("element/{element}/value"), &json!({"text": text})).await.ok()
        })
        .await;
    }

    /// Waits until the page shows this text in an element that the selector matches.
    pub async fn shows(&self, selector: &str, text: &str) {
        // Hidden elements contain their text too.
        let script = "return [...document.querySelectorAll(arguments[0])]
            .some(one => one.checkVisibility() && one.innerText.includes(arguments[1]))";
        eventually(&format!("{text:?} in {selector}"), async || {
            (self.script(script, json!([selector, text])).await == true).then_some(())
        })
        .await;
    }

    /// Runs a script and returns its result.
    pub async fn script(&self, script: &str, arguments: Value) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": arguments})).await.unwrap()
    }

    /// Runs an asynchronous script and returns the value it passes to its last argument, a callback.
    pub async fn script_that_waits(&self, script: &str, arguments: Value) -> Value {
        self.command("execute/async", &json!({"script": script, "args": arguments})).await.unwrap()
    }

    /// Returns the console warnings and errors since the last call.
    pub async fn console_warnings(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"})).await.unwrap();
        let entries = log.as_array().unwrap().iter();
        let bad = entries.filter(|entry| ["WARNING", "SEVERE"].contains(&entry["level"].as_str().unwrap()));
        bad.map(|entry| entry["message"].to_string()).collect()
    }

    /// Saves a screenshot under `target/tmp/browser`.
    pub async fn screenshot(&self, name: &str) {
        let answer: Value =
            self.http.get(format!("{}/screenshot", self.session)).send().await.unwrap().json().await.unwrap();
        let picture = BASE64_STANDARD.decode(answer["value"].as_str().unwrap()).unwrap();
        let folder = Self::folder();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// Returns the folder for files that pages load (installed by `tests/run`) and for screenshots.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser")
    }

    async fn find(&self, selector: &str) -> Option<String> {
        let found = self.command("element", &json!({"using": "css selector", "value": selector})).await.ok()?;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    async fn command(&self, name: &str, body: &Value) -> Result<Value, Value> {
        let answer = self.http.post(format!("{}/{name}", self.session)).json(body).send().await.unwrap();
        let is_good = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if is_good { Ok(value) } else { Err(value) }
    }
}
