//! Quirk `nagle`: a client that delays acknowledgements waits for the rest of a reply.
//!
//! The kernel decides how long it delays an acknowledgement, at least 40 ms. The tests therefore
//! check a minimum reply time, and which bytes arrive immediately.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use swarm_gateway::{Dialect, Quirk, blocking};

/// Half of the shortest acknowledgement delay of Linux.
const STALL: Duration = Duration::from_millis(20);

fn gateway(dialect: Dialect) -> blocking::Gateway {
    blocking::start(swarm_gateway::Gateway::builder().dialect(dialect)).unwrap()
}

fn connect(url: &str) -> TcpStream {
    let address = url.split_once("://").unwrap().1.trim_end_matches('/');
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).unwrap();
    stream
}

/// Sends bytes and returns the time until as many bytes as `reply` has arrived.
fn exchange(stream: &mut TcpStream, sent: &[u8], reply: &[u8]) -> Duration {
    let before = Instant::now();
    stream.write_all(sent).unwrap();
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, reply);
    before.elapsed()
}

/// Counts the exchanges that stalled.
fn stalls(rounds: usize, mut exchange: impl FnMut() -> Duration) -> usize {
    (0..rounds).filter(|_| exchange() >= STALL).count()
}

/// Returns a command in a WebSocket message masked with zeros.
fn message(command: &[u8]) -> Vec<u8> {
    let length = u8::try_from(command.len()).unwrap();
    [&[0x82, 0x80 | length, 0, 0, 0, 0], command].concat()
}

fn websocket(url: &str) -> TcpStream {
    let mut stream = connect(url);
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

#[test]
fn get_stalls_over_tcp_but_ping_does_not() {
    let gateway = gateway(Dialect::STANDARD.with(Quirk::Nagle));
    let mut stream = connect(gateway.tcp_url());
    exchange(&mut stream, b"SET k v\r\n", b"+OK\r\n");
    // The kernel acknowledges immediately on a new connection for a while.
    stalls(20, || exchange(&mut stream, GET, b"$1\r\nv\r\n"));
    assert!(stalls(10, || exchange(&mut stream, GET, b"$1\r\nv\r\n")) >= 8);
    // A loaded machine may be slow at times, but not in half of the rounds.
    assert!(stalls(20, || exchange(&mut stream, b"PING\r\n", b"+PONG\r\n")) <= 10);
}

#[test]
fn get_does_not_stall_without_the_quirk() {
    let gateway = gateway(Dialect::STANDARD);
    let mut stream = connect(gateway.tcp_url());
    exchange(&mut stream, b"SET k v\r\n", b"+OK\r\n");
    assert!(stalls(40, || exchange(&mut stream, GET, b"$1\r\nv\r\n")) <= 20);
}

#[test]
fn bursts_stall_over_websocket_but_single_commands_do_not() {
    let gateway = gateway(Dialect::STANDARD.with(Quirk::Nagle));
    let mut stream = websocket(gateway.ws_url());
    let null = b"\x82\x05$-1\r\n";
    let (one, two) = (message(GET), [message(GET), message(GET)].concat());
    stalls(20, || exchange(&mut stream, &one, null));
    assert!(stalls(20, || exchange(&mut stream, &one, null)) <= 10);
    let nulls = [&null[..], null].concat();
    assert!(stalls(10, || exchange(&mut stream, &two, &nulls)) >= 8);
}
