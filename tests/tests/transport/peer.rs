//! Server side of each transport, written with the plain libraries rather than the code under test.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use swarm_resp::{Decoder, Frame, FrameRef, RespVersion, encode_frame};
use swarm_transport::memory::MemoryPeer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::hooks::{Hooks, Manner, args};

fn words(command: &Frame) -> Vec<Vec<u8>> {
    let words = command.items().unwrap();
    words
        .map(|word| word.as_bytes().unwrap().to_vec())
        .collect()
}

/// Serves RESP over a stream.
pub(crate) async fn resp<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, hooks: &Hooks) {
    if hooks.manner == Manner::IsDeaf {
        return std::future::pending().await;
    }
    let (mut input, mut output, mut decoder) = (BytesMut::new(), BytesMut::new(), Decoder::new());
    while let Ok(1..) = stream.read_buf(&mut input).await {
        while let Some(command) = decoder.decode(&mut input).unwrap() {
            if let Some(reply) = hooks.reply(&words(&command)) {
                encode_frame(&mut output, &reply, RespVersion::Resp3);
            }
            if hooks.leaves() {
                break;
            }
        }
        // TLS may buffer written data until it is flushed.
        if stream.write_all(&output).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        output.clear();
        if hooks.leaves() {
            // Closes only this side; the other may still be sending.
            let _ = stream.shutdown().await;
        }
    }
}

/// Serves RESP over WebSocket.
pub(crate) async fn ws<S: AsyncRead + AsyncWrite + Unpin>(stream: S, hooks: &Hooks) {
    let config = WebSocketConfig::default()
        .max_frame_size(None)
        .max_message_size(None);
    let Ok(mut socket) = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await
    else {
        return;
    };
    if hooks.manner == Manner::IsDeaf {
        return std::future::pending().await;
    }
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(message) = message else {
            continue;
        };
        let command = Decoder::new().decode_message(message).unwrap();
        if let Some(reply) = hooks.reply(&words(&command)) {
            let mut bytes = BytesMut::new();
            encode_frame(&mut bytes, &reply, RespVersion::Resp3);
            if socket.send(Message::Binary(bytes.freeze())).await.is_err() {
                return;
            }
        }
        if hooks.leaves() {
            let _ = socket.close(None).await;
        }
    }
}

/// Serves JSON commands over HTTP/1 or HTTP/2.
pub(crate) async fn http<S>(stream: S, hooks: &Hooks)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let leaving = Arc::new(AtomicBool::new(false));
    let (shared, leave) = (hooks.clone(), Arc::clone(&leaving));
    let service = service_fn(move |request| answer(request, shared.clone(), Arc::clone(&leave)));
    let server = auto::Builder::new(TokioExecutor::new());
    let connection = server.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    std::future::poll_fn(|cx| {
        let done = connection.as_mut().poll(cx).map(drop);
        if leaving.swap(false, Ordering::SeqCst) {
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(cx).map(drop);
        }
        done
    })
    .await;
}

async fn answer(
    request: Request<Incoming>,
    hooks: Hooks,
    leave: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/cmd" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    let is_http1 = request.version() < Version::HTTP_2;
    let body: Value =
        serde_json::from_slice(&request.into_body().collect().await?.to_bytes()).unwrap();
    let words = [&body["cmd"]]
        .into_iter()
        .chain(body["args"].as_array().unwrap());
    let words: Vec<_> = words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    if hooks.manner == Manner::IsDeaf && words != ["PING"] {
        return std::future::pending().await;
    }
    let Some(reply) = hooks.reply(&words) else {
        return std::future::pending().await;
    };
    if hooks.manner == Manner::Leaves(hooks.requests()) {
        // Announced, so that no request is sent into a connection that ends.
        leave.store(true, Ordering::SeqCst);
        if is_http1 {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    let body = match reply.as_error() {
        Some(error) => {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            json!({ "error": error.as_str() })
        }
        None => json!({ "result": value(reply.view()) }),
    };
    *response.body_mut() = Full::from(body.to_string());
    Ok(response)
}

fn value(frame: FrameRef<'_>) -> Value {
    match frame.items() {
        Some(items) => items.map(value).collect(),
        None => frame.as_str().map_or(Value::Null, Value::from),
    }
}

/// Serves requests in process.
pub(crate) async fn memory(mut peer: MemoryPeer, hooks: &Hooks) -> Result<(), Infallible> {
    if hooks.manner == Manner::IsDeaf {
        return std::future::pending().await;
    }
    while let Some(request) = peer.next_request().await {
        if let Some(reply) = hooks.reply(&args(&request)) {
            // A closed client accepts no replies, but what it sent before still runs.
            let _ = peer.reply(reply).await;
        }
        if hooks.leaves() {
            break;
        }
    }
    Ok(())
}
