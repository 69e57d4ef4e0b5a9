//! Order between connections: what arrives first runs first, and a connection that has ended is
//! gone before what arrives later runs.
//!
//! The clients have a thread of their own and blocking sockets, so a write has reached the
//! gateway's socket when it returns, with one exception: while a thread of the gateway is inside of
//! a system call on that socket, such as the write of a reply that the client has already received,
//! the kernel sets data aside, and reports it after data that arrives on other sockets meanwhile.
//! The tests avoid that, but a thread may also move between processors, whose queues the kernel
//! empties independently. They therefore tolerate one inversion in a hundred. Redis, which asks the
//! kernel for sockets that *are* readable instead of those that have *become* readable, has more.
//! Threads that compete for processors make inversions more frequent, so these tests are a program
//! of their own and run one after another.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_gateway::{Gateway, blocking};

const ROUNDS: usize = 2000;
const SUBSCRIBERS: usize = 500;

/// One inversion in so many rounds is tolerated.
const TOLERANCE: usize = 100;

static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no other test runs.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Tcp,
    Ws,
}

struct Client {
    stream: TcpStream,
    door: Door,
}

impl Client {
    fn connect(gateway: &Gateway, door: Door) -> Self {
        let url = match door {
            Door::Tcp => gateway.tcp_url(),
            Door::Ws => gateway.ws_url(),
        };
        let address = url.split_once("://").unwrap().1.trim_end_matches('/');
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut client = Self { stream, door };
        if door == Door::Ws {
            client.upgrade();
        }
        client
    }

    fn upgrade(&mut self) {
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        self.stream.write_all(request).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
    }

    /// Sends a command given as words.
    fn send(&mut self, words: &[&str]) {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        let length = u8::try_from(command.len()).unwrap();
        assert!(length < 126, "the header of a message has one length byte");
        let bytes = match self.door {
            Door::Tcp => command.into_bytes(),
            // Masked with zeros.
            Door::Ws => [&[0x82, 0x80 | length, 0, 0, 0, 0], command.as_bytes()].concat(),
        };
        self.stream.write_all(&bytes).unwrap();
    }

    /// Checks that these replies arrive next.
    fn expect(&mut self, replies: &[&str]) -> Result<(), String> {
        let mut expected = Vec::new();
        for reply in replies {
            if self.door == Door::Ws {
                expected.extend([0x82, u8::try_from(reply.len()).unwrap()]);
            }
            expected.extend_from_slice(reply.as_bytes());
        }
        let mut got = vec![0; expected.len()];
        self.stream.read_exact(&mut got).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match got == expected {
            true => Ok(()),
            false => Err(format!("{:?}, not {:?}", text(&got), text(&expected))),
        }
    }
}

fn gateway() -> blocking::Gateway {
    blocking::test().unwrap()
}

/// Returns how often a GET misses a SET that another connection has sent before, without waiting
/// for its reply.
fn stale(gateway: &Gateway, writing: Door, reading: Door) -> usize {
    let mut writer = Client::connect(gateway, writing);
    let mut reader = Client::connect(gateway, reading);
    reader.send(&["SET", "key", "-----"]);
    reader.expect(&["+OK\r\n"]).unwrap();
    let round = |round: usize| {
        let value = format!("{round:05}");
        writer.send(&["SET", "key", &value]);
        reader.send(&["GET", "key"]);
        writer.expect(&["+OK\r\n"]).unwrap();
        reader.expect(&[&format!("$5\r\n{value}\r\n")]).is_err()
    };
    (0..ROUNDS).map(round).filter(|stale| *stale).count()
}

#[test]
fn a_command_that_is_sent_later_runs_later() {
    let _alone = alone();
    let gateway = gateway();
    for (writing, reading) in [
        (Door::Tcp, Door::Tcp),
        (Door::Ws, Door::Ws),
        (Door::Tcp, Door::Ws),
        (Door::Ws, Door::Tcp),
    ] {
        let stale = stale(&gateway, writing, reading);
        println!("{writing:?}, {reading:?}: {stale} of {ROUNDS} replies are stale");
        assert!(stale <= ROUNDS / TOLERANCE);
    }
}

/// Returns how often PUBLISH counts a subscriber that has closed its socket.
fn counted(gateway: &Gateway, door: Door) -> usize {
    let mut publisher = Client::connect(gateway, door);
    let mut round = || {
        let mut subscriber = Client::connect(gateway, door);
        subscriber.send(&["SUBSCRIBE", "news"]);
        let acknowledged = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
        subscriber.expect(&[acknowledged]).unwrap();
        // The gateway has returned from the system call that sent the acknowledgment.
        publisher.send(&["PING"]);
        publisher.expect(&["+PONG\r\n"]).unwrap();
        drop(subscriber);
        publisher.send(&["PUBLISH", "news", "hello"]);
        publisher.expect(&[":0\r\n"]).is_err()
    };
    (0..SUBSCRIBERS).filter(|_| round()).count()
}

#[test]
fn a_subscriber_that_has_closed_is_not_counted() {
    let _alone = alone();
    let gateway = gateway();
    for door in [Door::Tcp, Door::Ws] {
        let counted = counted(&gateway, door);
        println!("{door:?}: {counted} of {SUBSCRIBERS} closed subscribers are counted");
        assert!(counted <= SUBSCRIBERS / TOLERANCE);
    }
}

/// What was sent before the end of a connection runs, and only then its end takes effect.
#[test]
fn a_client_that_closes_behind_its_commands_leaves_their_effects() {
    let _alone = alone();
    let gateway = gateway();
    let mut other = Client::connect(&gateway, Door::Tcp);
    for round in 0..200 {
        let mut client = Client::connect(&gateway, Door::Tcp);
        let value = format!("{round:05}");
        client.send(&["SET", "key", &value]);
        client.send(&["SUBSCRIBE", "news"]);
        client.stream.shutdown(Shutdown::Write).unwrap();
        let acknowledged = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
        client.expect(&["+OK\r\n", acknowledged]).unwrap();
        // The end of the stream follows the last reply.
        assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
        other.send(&["GET", "key"]);
        other.expect(&[&format!("$5\r\n{value}\r\n")]).unwrap();
        other.send(&["PUBLISH", "news", "hello"]);
        other.expect(&[":0\r\n"]).unwrap();
    }
}

/// A thousand pipelined commands of one connection do not delay another one until all have run.
#[test]
fn a_long_pipeline_leaves_turns_to_others() {
    let _alone = alone();
    let gateway = gateway();
    let mut flood = Client::connect(&gateway, Door::Tcp);
    let mut other = Client::connect(&gateway, Door::Tcp);
    let commands = "*2\r\n$4\r\nINCR\r\n$5\r\ncount\r\n".repeat(200_000);
    let mut writer = flood.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(commands.as_bytes()).unwrap());
    let reading = std::thread::spawn(move || {
        let mut replies = 0;
        let mut bytes = [0; 64 << 10];
        while replies < 200_000 {
            let count = flood.stream.read(&mut bytes).unwrap();
            assert_ne!(count, 0);
            replies += bytes[..count].iter().filter(|byte| **byte == b':').count();
        }
    });
    let mut turns = 0;
    while !reading.is_finished() {
        other.send(&["PING"]);
        other.expect(&["+PONG\r\n"]).unwrap();
        turns += 1;
    }
    writing.join().unwrap();
    reading.join().unwrap();
    assert!(turns >= 10, "only {turns} turns during 200,000 commands");
}
