//! The WebSocket transport against a server that each test scripts.

mod batching;
mod closing;
mod dialing;
mod heartbeats;
mod messages;
mod rebuilding;

use std::future::poll_fn;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use swarm_resp::{Frame, Request};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

use crate::ws::WsConnector;
use crate::{BoxTransport, Connect, Endpoint, TransportError, TransportOptions};

type Server = WebSocketStream<TcpStream>;

/// Fails the test if the future hangs.
async fn with_timeout<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("timed out")
}

async fn listen() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("ws://127.0.0.1:{port}/db")).unwrap();
    (listener, endpoint)
}

async fn dial(
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<BoxTransport, TransportError> {
    with_timeout(WsConnector::new(endpoint, options).unwrap().connect()).await
}

/// Opens a transport to a server that runs `script`.
async fn open<F, Fut>(
    options: TransportOptions,
    script: F,
) -> (BoxTransport, JoinHandle<Fut::Output>)
where
    F: FnOnce(Server) -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: Send,
{
    let (listener, endpoint) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let config = WebSocketConfig::default()
            .max_frame_size(None)
            .max_message_size(None);
        let server = accept_async_with_config(stream, Some(config))
            .await
            .unwrap();
        script(server).await
    });
    (dial(&endpoint, &options).await.unwrap(), server)
}

/// Opens a transport to a server that sends `messages` and waits for the client to close.
async fn receiving(messages: Vec<Message>) -> BoxTransport {
    let (transport, _) = open(TransportOptions::new(), |mut server| async move {
        for message in messages {
            server.send(message).await.unwrap();
        }
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    transport
}

async fn send(transport: &mut BoxTransport, request: Request) -> Result<(), TransportError> {
    with_timeout(poll_fn(|cx| transport.poll_ready(cx))).await?;
    transport.start_send(request.view())?;
    with_timeout(poll_fn(|cx| transport.poll_flush(cx))).await
}

async fn receive(transport: &mut BoxTransport) -> Result<Frame, TransportError> {
    with_timeout(poll_fn(|cx| transport.poll_receive(cx))).await
}
