//! Raw HTTP client of a control door.

use serde_json::Value;
use swarm_gateway::{Clock, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts a gateway with a control door and a manual clock.
pub(crate) async fn gateway() -> Gateway {
    let builder = Gateway::builder().control("127.0.0.1:0");
    builder.clock(Clock::manual()).start().await.unwrap()
}

/// A control door.
#[derive(Clone)]
pub(crate) struct Door(String);

impl Door {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let url = gateway.control_url();
        Self(url.trim_start_matches("http://").to_owned())
    }

    /// Sends a request, such as `POST /faults`, and returns the status and the body.
    pub(crate) async fn send(&self, request: &str, body: &str) -> (u16, Value) {
        self.send_with(request, "", body).await
    }

    /// Sends a request with additional lines in its head.
    pub(crate) async fn send_with(&self, request: &str, head: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let host = match head.to_ascii_lowercase().contains("host:") {
            true => String::new(),
            false => format!("host: {}\r\n", self.0),
        };
        let text = format!(
            "{request} HTTP/1.1\r\n{host}connection: close\r\ncontent-length: {length}\r\n\
             {head}\r\n{body}"
        );
        self.raw(text.as_bytes()).await
    }

    /// Sends bytes on a new connection and returns the status and the body of the response.
    pub(crate) async fn raw(&self, request: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.0).await.unwrap();
        // The door may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        let response = String::from_utf8(response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").expect("a response");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = match body {
            "" => Value::Null,
            body => serde_json::from_str(body).unwrap(),
        };
        (status, body)
    }

    /// Sends a request that succeeds, and returns the body.
    pub(crate) async fn ok(&self, request: &str, body: &str) -> Value {
        let (status, answer) = self.send(request, body).await;
        assert!((200..300).contains(&status), "{request}: {status} {answer}");
        answer
    }

    /// Sends a request that fails, and returns the status and the code.
    pub(crate) async fn error(&self, request: &str, body: &str) -> (u16, String, String) {
        let (status, answer) = self.send(request, body).await;
        refused(status, &answer)
    }

    /// Creates a fault and returns its path.
    pub(crate) async fn fault(&self, fault: &str) -> String {
        let created = self.ok("POST /faults", fault).await;
        format!("/faults/{}", created["id"])
    }
}

/// Returns the status, the code and the text of a failure.
pub(crate) fn refused(status: u16, answer: &Value) -> (u16, String, String) {
    assert!(status >= 400, "{status} {answer}");
    let text = |name: &str| answer["error"][name].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}
