//! A RESP server in 60 lines on the codec alone; any Redis client can use it.
//!
//! Run it: `cargo run --example codec_only`

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use swarm_keydb::Client;
use swarm_resp::{CommandLimits, Frame, ProtocolError, RespVersion, ServerCodec};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

type Store = Arc<Mutex<HashMap<Bytes, Bytes>>>;

/// Serves one connection: reads commands, which may be pipelined, and writes replies in order.
async fn serve(socket: TcpStream, store: Store) -> Result<()> {
    // Limits close the connection before larger input takes memory.
    let limits = CommandLimits::new().with_max_arg(1 << 20);
    let mut stream = Framed::new(socket, ServerCodec::with_limits(limits));
    while let Some(command) = stream.next().await {
        let reply = match command {
            Ok(command) if is_hello(&command) => {
                stream.codec_mut().set_protocol(RespVersion::Resp3);
                hello()
            }
            Ok(command) => answer(&command, &store),
            Err(error) => match ProtocolError::in_io_error(&error) {
                Some(malformed) => malformed.reply(),
                None => return Err(error.into()),
            },
        };
        stream.send(reply).await?;
    }
    Ok(())
}

fn is_hello(command: &[Bytes]) -> bool {
    matches!(command, [name, version] if name.eq_ignore_ascii_case(b"HELLO") && *version == "3")
}

/// Frames are built in place. Types that RESP2 lacks are encoded as their RESP2 equivalent.
fn hello() -> Frame {
    Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"server");
            map.bulk(b"sixty-lines");
            map.bulk(b"proto");
            map.integer(3);
        });
    })
}

fn answer(command: &[Bytes], store: &Store) -> Frame {
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((name, args)) = command.split_first() else {
        return Frame::error("ERR empty command");
    };
    match (name.to_ascii_uppercase().as_slice(), args) {
        (b"PING", []) => Frame::simple("PONG"),
        (b"GET", [key]) => store.get(key).cloned().map_or(Frame::null(), Frame::bulk),
        (b"SET", [key, value]) => {
            store.insert(key.clone(), value.clone());
            Frame::simple("OK")
        }
        (b"PING" | b"GET" | b"SET", _) => Frame::error("ERR wrong number of arguments"),
        _ => Frame::error("ERR unknown command"),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("redis://{}", listener.local_addr()?);
    let store = Store::default();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, store.clone()));
        }
    });

    println!("listening on {url}");
    let client = Client::connect(&*url).await?;
    client.ping().await?;
    client.set("greeting", "hello").await?;
    println!("greeting = {:?}", client.get("greeting").await?);
    println!("missing  = {:?}", client.get("missing").await?);
    println!("error    = {}", client.incr("greeting").await.unwrap_err());
    client.close().await;
    Ok(())
}
