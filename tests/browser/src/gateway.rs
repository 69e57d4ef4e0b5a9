//! Gateways that a page can stop, start and disturb.

use js_sys::Reflect;
use swarm_keydb::{Client, ClientOptions};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

/// A gateway with an empty store.
#[derive(Clone)]
pub(crate) struct Gateway {
    number: u32,
    pub(crate) ws: String,
    pub(crate) http: String,
}

impl Gateway {
    /// The gateway without quirks.
    pub(crate) async fn standard() -> Self {
        Self::fresh(0).await
    }

    /// The gateway with the quirks of the deployed server.
    pub(crate) async fn upstream() -> Self {
        Self::fresh(1).await
    }

    /// A gateway in front of the one without quirks.
    pub(crate) async fn front() -> Self {
        Self::fresh(2).await
    }

    async fn fresh(number: u32) -> Self {
        let (_, list) = fetch("GET", "/gateways", None).await;
        let list = js_sys::JSON::parse(&list).expect("JSON");
        let entry = Reflect::get_u32(&list, number).expect("a list");
        let text = |key: &str| {
            let value = Reflect::get(&entry, &key.into()).expect("an object");
            value.as_string().expect("a string")
        };
        let gateway = Self {
            number,
            ws: text("ws"),
            http: text("http"),
        };
        gateway.request("DELETE", "faults", None).await;
        // Fails if it runs already.
        let _ = gateway.door("POST", "start", None).await;
        // The one in front has the store of the other.
        if number != 2 {
            gateway.request("POST", "flush", None).await;
        }
        gateway
    }

    /// Returns options of a client that uses the WebSocket listener.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions::new(self.ws.as_str())
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.options()).await.expect("a connection")
    }

    /// Stops the gateway as a crash would.
    pub(crate) async fn stop(&self) {
        self.request("POST", "stop", None).await;
    }

    pub(crate) async fn start(&self) {
        self.request("POST", "start", None).await;
    }

    pub(crate) async fn restart(&self) {
        self.request("POST", "restart", None).await;
    }

    /// Cuts all connections.
    pub(crate) async fn cut(&self) {
        let all = r#"{"which":"all"}"#;
        self.request("POST", "connections/cut", Some(all)).await;
    }

    /// Returns the number of open WebSocket connections.
    pub(crate) async fn connections(&self) -> usize {
        let answer = self.request("GET", "connections", None).await;
        answer.matches(r#""listener":"ws""#).count()
    }

    /// Creates a fault from its JSON.
    pub(crate) async fn fault(&self, json: &str) {
        self.request("POST", "faults", Some(json)).await;
    }

    /// Returns how often a command has run.
    pub(crate) async fn executions(&self, command: &str) -> u64 {
        let path = format!("executions/{command}");
        let answer = self.request("GET", &path, None).await;
        let answer = js_sys::JSON::parse(&answer).expect("JSON");
        let count = Reflect::get(&answer, &"executions".into()).expect("an object");
        count.as_f64().expect("a number") as u64
    }

    /// Waits until a command has run a number of times.
    pub(crate) async fn executed(&self, command: &str, count: u64) {
        let path = format!("executions/{command}/wait");
        let body = format!(r#"{{"count":{count},"timeout_ms":30000}}"#);
        self.request("POST", &path, Some(&body)).await;
    }

    /// Sends a request to the control door, which must accept it.
    async fn request(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let (status, answer) = self.door(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
        answer
    }

    async fn door(&self, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
        let url = format!("/control/{}/{path}?{method}", self.number);
        fetch("POST", &url, body).await
    }
}

/// Sends a request, and returns the status and the text of the response.
pub(crate) async fn fetch(method: &str, url: &str, body: Option<&str>) -> (u16, String) {
    let options = RequestInit::new();
    options.set_method(method);
    if let Some(body) = body {
        options.set_body(&body.into());
    }
    let window = web_sys::window().expect("a page");
    let response = JsFuture::from(window.fetch_with_str_and_init(url, &options)).await;
    let response: Response = response.expect("a response").unchecked_into();
    let text = JsFuture::from(response.text().expect("a body")).await;
    let text = text.expect("a body").as_string().unwrap_or_default();
    (response.status(), text)
}
