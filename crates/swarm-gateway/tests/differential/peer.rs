//! Connections to one server that return the raw bytes of each reply.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use swarm_resp::{Decoder, Request};

/// Number of connections per sequence.
pub(crate) const CONNECTIONS: usize = 2;

pub(crate) struct Peers {
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    decoder: Decoder,
}

impl Peers {
    pub(crate) fn connect(address: &str) -> Self {
        let connection = |_| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            Connection {
                stream,
                buffer: BytesMut::new(),
                decoder: Decoder::new(),
            }
        };
        Self {
            connections: (0..CONNECTIONS).map(connection).collect(),
        }
    }

    pub(crate) fn send(&mut self, connection: usize, args: &[impl AsRef<[u8]>]) {
        let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
        let request = Request::new("", args);
        let stream = &mut self.connections[connection].stream;
        stream.write_all(request.encoded()).unwrap();
    }

    /// Returns the bytes of the next reply or push.
    pub(crate) fn receive(&mut self, connection: usize) -> Vec<u8> {
        let Connection {
            stream,
            buffer,
            decoder,
        } = &mut self.connections[connection];
        loop {
            let before = buffer.clone();
            if decoder.decode(buffer).unwrap().is_some() {
                return before[..before.len() - buffer.len()].to_vec();
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk) {
                Ok(0) => return b"(closed)".to_vec(),
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
                Err(_) => return b"(no reply within ten seconds)".to_vec(),
            }
        }
    }

    pub(crate) fn run(&mut self, connection: usize, args: &[impl AsRef<[u8]>]) -> Vec<u8> {
        self.send(connection, args);
        self.receive(connection)
    }
}
