//! Proxy that forwards bytes and injects faults.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the server's bytes once the fault is set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The connection closes after this many more bytes.
    CutAfter(usize),
    /// The connection is reset after this many more bytes.
    ResetAfter(usize),
    /// The connection stalls silently after this many more bytes.
    StallAfter(usize),
    /// The byte at this position is corrupted.
    FlipAt(usize),
    /// The first sequence is replaced with the second, which has the same length.
    Replace(&'static [u8], &'static [u8]),
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    fault: Arc<Mutex<Fault>>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(Fault::None));
        let shared = Arc::clone(&fault);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&shared)));
            }
        });
        Self { port, fault }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

async fn pass(client: TcpStream, server: TcpStream, fault: Arc<Mutex<Fault>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        let spoiled = spoil(&mut fault.lock().unwrap(), &mut buffer[..read]);
        let (passed, then) = spoiled;
        if to_client.write_all(&buffer[..passed]).await.is_err() {
            return;
        }
        match then {
            Fault::CutAfter(_) => return,
            Fault::ResetAfter(_) => {
                let client = to_client.as_ref();
                socket2::SockRef::from(client)
                    .set_linger(Some(std::time::Duration::ZERO))
                    .unwrap();
                return;
            }
            Fault::StallAfter(_) => return std::future::pending().await,
            _ => {}
        }
    }
}

/// Corrupts bytes. Returns how many of them are forwarded, and the fault that applies afterwards.
fn spoil(fault: &mut Fault, bytes: &mut [u8]) -> (usize, Fault) {
    let len = bytes.len();
    match fault {
        Fault::CutAfter(left) | Fault::ResetAfter(left) | Fault::StallAfter(left) => {
            if len < *left {
                *left -= len;
                return (len, Fault::None);
            }
            (*left, std::mem::replace(fault, Fault::None))
        }
        Fault::FlipAt(place) => {
            match bytes.get_mut(*place) {
                Some(byte) => {
                    *byte ^= 1;
                    *fault = Fault::None;
                }
                None => *place -= len,
            }
            (len, Fault::None)
        }
        Fault::Replace(from, to) => {
            if let Some(at) = bytes.windows(from.len()).position(|part| part == *from) {
                bytes[at..at + to.len()].copy_from_slice(to);
                *fault = Fault::None;
            }
            (len, Fault::None)
        }
        Fault::None => (len, Fault::None),
    }
}
