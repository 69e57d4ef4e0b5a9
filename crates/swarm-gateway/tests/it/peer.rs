//! RESP client over WebSocket or TCP.

use std::time::Duration;

use bytes::BytesMut;
use swarm_gateway::Gateway;
use swarm_resp::{Decoder, Frame, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, show};

/// Listeners whose connections have a session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listener {
    Ws,
    Tcp,
}

pub(crate) enum Peer {
    Ws(Client),
    Tcp(TcpStream, BytesMut, Decoder),
}

impl Peer {
    pub(crate) async fn connect(gateway: &Gateway, listener: Listener) -> Self {
        match listener {
            Listener::Ws => Self::Ws(Client::connect(gateway).await),
            Listener::Tcp => {
                let address = gateway.tcp_url().trim_start_matches("redis://");
                let stream = TcpStream::connect(address).await.unwrap();
                Self::Tcp(stream, BytesMut::new(), Decoder::new())
            }
        }
    }

    /// Sends a command given as words separated by spaces.
    pub(crate) async fn send(&mut self, line: &str) {
        let args: Vec<&str> = line.split(' ').collect();
        self.request(&Request::new("", args)).await;
    }

    pub(crate) async fn request(&mut self, request: &Request) {
        match self {
            Self::Ws(client) => client.send_bytes(request.encoded()).await,
            Self::Tcp(stream, ..) => stream.write_all(request.encoded()).await.unwrap(),
        }
    }

    /// Closes the sending half of a TCP connection.
    pub(crate) async fn shut_sending(&mut self) {
        if let Self::Tcp(stream, ..) = self {
            stream.shutdown().await.unwrap();
        }
    }

    pub(crate) async fn reply(&mut self) -> Frame {
        let (stream, buffer, decoder) = match self {
            Self::Ws(client) => return client.reply().await,
            Self::Tcp(stream, buffer, decoder) => (stream, buffer, decoder),
        };
        loop {
            if let Some(frame) = decoder.decode(buffer).unwrap() {
                return frame;
            }
            let read = timeout(Duration::from_secs(10), stream.read_buf(buffer)).await;
            assert_ne!(read.unwrap().unwrap(), 0, "the gateway closed");
        }
    }

    /// Sends a command and formats the reply: an error with its dash, anything else as [`Frame`]
    /// displays it.
    pub(crate) async fn call(&mut self, line: &str) -> String {
        self.send(line).await;
        show(&self.reply().await)
    }

    /// Waits for the gateway to close the connection, ignoring any data before that.
    pub(crate) async fn closed(self) {
        match self {
            Self::Ws(mut client) => drop(client.ending().await),
            Self::Tcp(mut stream, ..) => {
                let mut rest = Vec::new();
                let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
                // A reset counts as an end.
                let _ = read.expect("the connection ends within ten seconds");
            }
        }
    }
}
