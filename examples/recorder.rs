//! Records every request and reply of a client, which reaches the server through a pipe.
//!
//! Run it: `cargo run --example recorder`

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::Result;
use swarm_keydb::{Client, ClientOptions, Frame};
use swarm_resp::RequestRef;
use swarm_transport::{Intercept, RespTransport, Transport, TransportError, Wrapper};
use tokio::io::{copy_bidirectional, duplex};
use tokio::net::TcpStream;

/// Records the names of commands and the kinds of replies, but neither keys nor values.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn record(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }
}

/// Overrides two methods of the transport; all others are forwarded.
impl Intercept for Recorder {
    fn start_send(
        &mut self,
        inner: &mut dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), TransportError> {
        self.record(format!("→ {}", request.name().escape_ascii()));
        inner.start_send(request)
    }

    fn poll_receive(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        inner.poll_receive(cx).map_ok(|frame| {
            self.record(format!("← {}", frame.kind()));
            frame
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let gateway = swarm_gateway::test().await?;
    let address = gateway.tcp_url().trim_start_matches("redis://").to_owned();

    // The client calls the connector again for each reconnect.
    let recorder = Recorder::default();
    let lines = recorder.clone();
    let connect = move || {
        let (recorder, address) = (recorder.clone(), address.clone());
        async move {
            // Any `AsyncRead + AsyncWrite` will do: an SSH channel, a serial line, a pipe.
            let (pipe, mut other_end) = duplex(4096);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await?;
                copy_bidirectional(&mut other_end, &mut server).await
            });
            Ok(Wrapper::new(RespTransport::new(pipe), recorder).boxed())
        }
    };
    let client = Client::connect_with(connect, ClientOptions::default()).await?;
    client.set("name", "Ann").await?;
    client.get("name").await?;
    client.incr("name").await.unwrap_err();
    client.close().await;

    let lines = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}
