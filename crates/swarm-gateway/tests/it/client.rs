//! Minimal WebSocket client, which leaves the exchanged bytes to the test.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use swarm_gateway::Gateway;
use swarm_resp::{Decoder, Frame, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn connect(gateway: &Gateway) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(gateway.ws_url())
            .await
            .unwrap();
        Self { socket }
    }

    /// Sends a command given as words separated by spaces.
    pub(crate) async fn send(&mut self, line: &str) {
        let args: Vec<&str> = line.split(' ').collect();
        self.send_bytes(Request::new("", args).encoded()).await;
    }

    pub(crate) async fn send_bytes(&mut self, message: &[u8]) {
        let message = Message::Binary(message.to_vec().into());
        self.socket.send(message).await.unwrap();
    }

    /// Sends raw bytes, bypassing the WebSocket library's framing.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let MaybeTlsStream::Plain(stream) = self.socket.get_mut() else {
            panic!("the test connects without TLS");
        };
        stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next message, which must be text.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("expected a Text message, got {other:?}"),
        }
    }

    /// Returns the bytes of the next message.
    pub(crate) async fn wire(&mut self) -> Vec<u8> {
        match self.next().await {
            Some(Ok(Message::Binary(bytes))) => bytes.into(),
            other => panic!("expected a Binary message, got {other:?}"),
        }
    }

    pub(crate) async fn reply(&mut self) -> Frame {
        let wire = self.wire().await;
        Decoder::new().decode_message(wire.into()).unwrap()
    }

    /// Sends a command and formats the reply: an error with its dash, anything else as [`Frame`]
    /// displays it.
    pub(crate) async fn call(&mut self, line: &str) -> String {
        self.send(line).await;
        show(&self.reply().await)
    }

    /// Returns whether nothing arrives for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let wait = Duration::from_millis(100);
        timeout(wait, self.socket.next()).await.is_err()
    }

    /// Returns the close frame of the gateway, if it sends one before it disconnects.
    pub(crate) async fn ending(&mut self) -> Option<CloseFrame> {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Returns whether the gateway answers a WebSocket ping.
    pub(crate) async fn answers_ping(&mut self) -> bool {
        let ping = Message::Ping(Bytes::from_static(b"there?"));
        self.socket.send(ping).await.unwrap();
        matches!(self.next().await, Some(Ok(Message::Pong(_))))
    }

    /// Returns whether the next message is an empty pong, however long it takes.
    pub(crate) async fn next_is_empty_pong(&mut self) -> bool {
        let next = self.socket.next().await;
        matches!(next, Some(Ok(Message::Pong(payload))) if payload.is_empty())
    }

    /// Performs the close handshake.
    pub(crate) async fn close(&mut self) {
        self.socket.close(None).await.unwrap();
        self.ending().await;
    }

    async fn next(&mut self) -> Option<Result<Message, tokio_tungstenite::tungstenite::Error>> {
        (timeout(Duration::from_secs(10), self.socket.next()).await)
            .expect("a message within ten seconds")
    }
}

/// Formats a reply: an error with its dash, anything else as [`Frame`] displays it.
pub(crate) fn show(frame: &Frame) -> String {
    match frame.as_error() {
        Some(error) => format!("-{error}"),
        None => frame.to_string(),
    }
}
