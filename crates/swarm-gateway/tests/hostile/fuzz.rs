//! Fuzzing of each listener with random bytes and with randomly corrupted commands.

use std::future::Future;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestError, TestRunner};
use swarm_gateway::Gateway;
use tokio::runtime::Runtime;

use crate::raw::{message, serves, throw, throw_until, upgraded};

/// Sends random bytes to a listener.
fn fuzz<F: Future>(
    seeds: &'static [&'static [u8]],
    throw: impl Fn(&'static Gateway, Vec<u8>) -> F,
) {
    let runtime = Runtime::new().unwrap();
    // Leaked, so that its futures can borrow it for the life of the test process.
    let gateway: &Gateway = Box::leak(Box::new(runtime.block_on(swarm_gateway::test()).unwrap()));
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&bytes(seeds), |bytes| {
        runtime.block_on(throw(gateway, bytes));
        Ok(())
    });
    if let Err(TestError::Fail(reason, bytes)) = outcome {
        panic!("{reason}: {}", bytes.escape_ascii());
    }
    runtime.block_on(serves(gateway));
}

/// Arbitrary bytes, or valid input with some bytes changed and possibly truncated.
fn bytes(seeds: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let seed = (0..seeds.len()).prop_map(|at| seeds[at].to_vec());
    let changes = vec((any::<usize>(), any::<u8>()), 0..4);
    let faulty = (seed, changes, any::<usize>()).prop_map(|(mut bytes, changes, end)| {
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        // Mostly complete.
        bytes.truncate((end % (4 * bytes.len())).max(1));
        bytes
    });
    prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => faulty]
}

const COMMANDS: &[&[u8]] = &[
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nf\r\n$1\r\nv\r\n",
    b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n*1\r\n$5\r\nRESET\r\n",
    b"HELLO 3\r\nMULTI\r\nSET k v\r\nEXEC\r\n",
];

const MESSAGES: &[&[u8]] = &[
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n",
    b"{\"cmd\":\"SET\",\"args\":[\"k\",\"\\u00e9\"]}",
    b"[\"XADD\",\"s\",\"*\",\"f\",\"v\"]",
    b"HELLO 3",
];

const REQUESTS: &[&[u8]] = &[
    b"POST /cmd HTTP/1.1\r\nHost: x\r\nContent-Length: 27\r\n\r\n\
      {\"cmd\":\"GET\",\"args\":[\"k%\"]}",
    b"POST /set/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"value\":\"v\"}\r\n0\r\n\
      \r\n",
    b"GET /get/%c3%a9+x HTTP/1.1\r\nAccept: application/json; resp=3\r\n\r\n",
    b"DELETE /del/k HTTP/1.1\r\nAuthorization: Bearer x\r\nOrigin: http://x\r\n\r\n",
];

#[test]
fn tcp() {
    fuzz(COMMANDS, |gateway, bytes| async move {
        throw(gateway.tcp_url(), &bytes).await
    });
}

#[test]
fn http() {
    fuzz(REQUESTS, |gateway, bytes| async move {
        throw(gateway.http_url(), &bytes).await
    });
}

#[test]
fn ws_messages() {
    fuzz(MESSAGES, |gateway, bytes| async move {
        let frames = [message(&bytes), message(b"PING goes-on")].concat();
        let answer = throw_until(gateway.ws_url(), &upgraded(&[&frames]), "goes-on").await;
        assert!(answer.contains("goes-on"), "{answer}");
    });
}

#[test]
fn ws_frames() {
    fuzz(FRAMES, |gateway, bytes| async move {
        throw(gateway.ws_url(), &upgraded(&[&bytes])).await
    });
}

/// Masked with zeros: a message in two fragments, a ping, a close.
const FRAMES: &[&[u8]] = &[
    b"\x02\x82\0\0\0\0PI\x80\x82\0\0\0\0NG",
    b"\x89\x82\0\0\0\0hi\x81\x84\0\0\0\0PING",
    b"\x88\x82\0\0\0\0\x03\xe8\x82\x84\0\0\0\0PING",
];
