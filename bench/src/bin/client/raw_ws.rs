//! Lower bound over WebSocket: sends as many messages as the window permits with one flush, then
//! reads and counts the available messages.

use std::sync::Arc;

use futures_util::{FutureExt, SinkExt, StreamExt};
use swarm_resp::Request;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::contestant::Contestant;
use crate::row::Row;

pub struct RawWs(Arc<Mutex<WebSocketStream<TcpStream>>>);

impl RawWs {
    pub async fn connect(url: &str) -> Self {
        let request = url.into_client_request().unwrap();
        let address = request.uri().authority().unwrap().as_str();
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (socket, _) = client_async(request, stream).await.unwrap();
        Self(Arc::new(Mutex::new(socket)))
    }
}

impl Contestant for RawWs {
    async fn work(&self, row: &Row) {
        let both = row.requests();
        let (total, window) = (row.total(), row.window());
        let socket = Arc::clone(&self.0);
        let work = async move { run(&mut *socket.lock().await, both, total, window).await };
        tokio::spawn(work).await.unwrap();
    }
}

async fn run(
    socket: &mut WebSocketStream<TcpStream>,
    requests: [Request; 2],
    total: usize,
    window: usize,
) {
    let (mut sent, mut received) = (0, 0);
    while received < total {
        while sent < total && sent - received < window {
            let message = Message::Binary(requests[sent % 2].encoded().clone());
            socket.feed(message).await.unwrap();
            sent += 1;
        }
        socket.flush().await.unwrap();
        let mut message = socket.next().await;
        while let Some(reply) = message {
            assert!(reply.unwrap().is_binary());
            received += 1;
            // Takes messages that are available without waiting.
            message = socket.next().now_or_never().flatten();
        }
    }
}
