//! Connections to one server that return the raw bytes of each reply.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use swarm_resp::{Decoder, Request};

/// Number of connections per sequence.
pub(crate) const CONNECTIONS: usize = 5;

pub(crate) struct Peers {
    address: String,
    connections: Vec<Connection>,
    /// Other connections, which only observe.
    observer: Option<Box<Self>>,
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    /// What `buffer` contains, and what the decoder has taken from it for the next reply.
    raw: Vec<u8>,
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
                raw: Vec::new(),
                decoder: Decoder::new(),
            }
        };
        Self {
            address: address.to_owned(),
            connections: (0..CONNECTIONS).map(connection).collect(),
            observer: None,
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
            raw,
            decoder,
        } = &mut self.connections[connection];
        loop {
            if decoder.decode(buffer).unwrap().is_some() {
                let rest = raw.split_off(raw.len() - buffer.len());
                return std::mem::replace(raw, rest);
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk) {
                Ok(0) => return b"(closed)".to_vec(),
                Ok(read) => {
                    buffer.extend_from_slice(&chunk[..read]);
                    raw.extend_from_slice(&chunk[..read]);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return b"(closed)".to_vec();
                }
                Err(_) => return b"(no reply within ten seconds)".to_vec(),
            }
        }
    }

    /// Runs a command on a connection that takes no part in the sequence.
    fn observe(&mut self, args: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let Self {
            observer, address, ..
        } = self;
        let observer = observer.get_or_insert_with(|| Box::new(Self::connect(address)));
        observer.run(0, args)
    }

    /// Prepares Redis for a command. SORT takes an `errno` that an earlier command has left, as
    /// XADD does with an ID out of range, for its own; parsing a coordinate resets it.
    pub(crate) fn before(&mut self, args: &[Vec<u8>]) {
        let name = args.first().map(|name| name.to_ascii_uppercase());
        if let Some(b"SORT" | b"SORT_RO" | b"EXEC") = name.as_deref() {
            self.observe(&["GEORADIUS_RO", "nokey", "1", "1", "1", "m"]);
        }
    }

    /// Returns whether Redis has one of these encodings for a key. The database is not known.
    fn is_encoded(&mut self, key: &[u8], encodings: &[&[u8]]) -> bool {
        (0..16).any(|database| {
            self.observe(&["SELECT", &database.to_string()]);
            let reply = self.observe(&[b"OBJECT".as_slice(), b"ENCODING", key]);
            encodings.contains(&reply.as_slice())
        })
    }

    /// Returns whether a key of Redis is encoded as a hash table, whose order is random.
    pub(crate) fn is_table(&mut self, key: &[u8]) -> bool {
        self.is_encoded(key, &[b"$9\r\nhashtable\r\n", b"$8\r\nskiplist\r\n"])
    }

    /// Returns whether a key of Redis is encoded as an integer.
    pub(crate) fn is_integer(&mut self, key: &[u8]) -> bool {
        self.is_encoded(key, &[b"$3\r\nint\r\n"])
    }

    /// Returns whether Redis stores a number of integers in their order.
    pub(crate) fn sorts_integers(&mut self, number: usize) -> bool {
        let reply = self.observe(&["CONFIG", "GET", "set-max-intset-entries"]);
        let text = String::from_utf8(reply).unwrap();
        let limit: usize = text.lines().last().unwrap().parse().unwrap();
        number <= limit
    }

    pub(crate) fn run(&mut self, connection: usize, args: &[impl AsRef<[u8]>]) -> Vec<u8> {
        self.send(connection, args);
        self.receive(connection)
    }
}
