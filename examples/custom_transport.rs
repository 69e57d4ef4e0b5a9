//! A custom transport for the full client: length-prefixed commands and replies over a Unix socket.
//!
//! Run it: `cargo run --example custom_transport`

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, StreamExt};
use swarm_keydb::{Client, ClientOptions, Frame};
use swarm_resp::{Decoder, RequestRef, RespVersion, encode_frame};
use swarm_transport::{BoxTransport, Capabilities, Transport, TransportError, TransportErrorKind};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// The transport.
struct LengthPrefixed {
    stream: Framed<UnixStream, LengthDelimitedCodec>,
    decoder: Decoder,
}

impl LengthPrefixed {
    fn sink(&mut self) -> Pin<&mut impl Sink<Bytes, Error = io::Error>> {
        Pin::new(&mut self.stream)
    }
}

impl Transport for LengthPrefixed {
    fn capabilities(&self) -> Capabilities {
        Capabilities::FULL.with_max_request(8 << 20)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.sink().poll_ready(cx).map_err(broken)
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        let command = request.to_bytes();
        self.sink().start_send(command).map_err(broken)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.sink().poll_flush(cx).map_err(broken)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        Poll::Ready(match ready!(self.stream.poll_next_unpin(cx)) {
            Some(Ok(reply)) => (self.decoder.decode_message(reply.freeze())).map_err(|error| {
                error_of(TransportErrorKind::Protocol, "not RESP").with_source(error)
            }),
            Some(Err(error)) => Err(broken(error)),
            None => Err(error_of(
                TransportErrorKind::Closed,
                "the server closed the connection",
            )),
        })
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.sink().poll_close(cx).map_err(broken)
    }
}

fn error_of(kind: TransportErrorKind, what: &str) -> TransportError {
    TransportError::new(kind, what)
}

fn broken(error: io::Error) -> TransportError {
    error_of(TransportErrorKind::Io, "the socket failed").with_source(error)
}

/// A server for this transport, with just enough of a store for the example.
async fn serve(socket: UnixStream) -> Result<()> {
    let mut stream = Framed::new(socket, LengthDelimitedCodec::new());
    let mut store: HashMap<Bytes, Bytes> = HashMap::new();
    while let Some(command) = stream.next().await {
        let command = Decoder::new().decode_message(command?.freeze())?;
        let words: Vec<Bytes> = command.convert()?;
        let reply = match words.iter().map(Bytes::as_ref).collect::<Vec<_>>()[..] {
            [b"SET", ..] if words.len() == 3 => {
                store.insert(words[1].clone(), words[2].clone());
                Frame::simple("OK")
            }
            [b"GET", key] => store
                .get(key)
                .map_or(Frame::null(), |value| Frame::bulk(value.clone())),
            _ => Frame::error("ERR unknown command"),
        };
        let mut bytes = BytesMut::new();
        encode_frame(&mut bytes, &reply, RespVersion::Resp3);
        stream.send(bytes.freeze()).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("custom-transport-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });

    // A closure that returns a transport is a connector. The client calls it again for each
    // reconnect.
    let socket = path.clone();
    let connect = move || {
        let socket = socket.clone();
        async move {
            let stream = UnixStream::connect(socket).await.map_err(broken)?;
            let transport = LengthPrefixed {
                stream: Framed::new(stream, LengthDelimitedCodec::new()),
                decoder: Decoder::new(),
            };
            Ok(Box::new(transport) as BoxTransport)
        }
    };
    let client = Client::connect_with(connect, ClientOptions::default()).await?;

    client
        .set("greeting", "hello over a custom transport")
        .await?;
    let greeting = client.get("greeting").await?.unwrap_or_default();
    println!("greeting = {}", String::from_utf8_lossy(&greeting));
    println!("missing  = {:?}", client.get("missing").await?);
    client.close().await;
    std::fs::remove_file(&path)?;
    Ok(())
}
