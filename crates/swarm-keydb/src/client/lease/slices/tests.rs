//! Requests of a blocking read, against a scripted server on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_transport::{BoxTransport, memory};

use crate::commands::{GroupRead, ReadAfter, XReadGroupOptions, XReadOptions};
use crate::{Client, ClientOptions, ErrorKind, Frame, StreamId};

/// What the server does with a command: it waits, then replies or, without a reply, closes the
/// connection.
type Step = (Duration, Option<Frame>);

const FULL: Duration = super::SLICE;

/// Server that replies to reads as scripted, and records the requests.
#[derive(Clone)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    async fn client(&self) -> Client {
        let script = self.clone();
        let connect = move || {
            let script = script.clone();
            async move {
                let (transport, mut peer) = memory::pair();
                tokio::spawn(async move {
                    while let Some(request) = peer.next_request().await {
                        let reply = if request.name().starts_with(b"X") {
                            let words = request.args().map(String::from_utf8_lossy);
                            let line = words.collect::<Vec<_>>().join(" ");
                            script.seen.lock().unwrap().push(line);
                            let step = script.steps.lock().unwrap().pop_front();
                            let (wait, reply) = step.expect("more reads than scripted");
                            tokio::time::sleep(wait).await;
                            reply
                        } else {
                            Some(Frame::error("ERR unknown command"))
                        };
                        let Some(reply) = reply else { return };
                        if peer.reply(reply).await.is_err() {
                            return;
                        }
                    }
                });
                Ok(Box::new(transport) as BoxTransport)
            }
        };
        Client::connect_with(connect, ClientOptions::default())
            .await
            .unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn nothing(after: Duration) -> Step {
    (after, Some(Frame::null_array()))
}

fn entry(id: &str) -> Frame {
    let fields = Frame::array(&[Frame::bulk("f"), Frame::bulk("v")]);
    Frame::array(&[Frame::bulk(id.to_owned()), fields])
}

/// A reply to a read: one entry of the stream `k`.
fn read(id: &str) -> Step {
    let stream = Frame::array(&[Frame::bulk("k"), Frame::array(&[entry(id)])]);
    (Duration::ZERO, Some(Frame::array(&[stream])))
}

#[tokio::test(start_paused = true)]
async fn a_read_that_blocks_forever_is_repeated_after_a_lost_wake_up() {
    let script = Script::new([nothing(FULL), nothing(FULL), read("7-0")]);
    let client = script.client().await;
    let options = XReadOptions::new().count(3).block_forever();
    let found = client.xread_with([("k", "5-0")], options).await.unwrap();
    assert_eq!(found[0].entries[0].id, StreamId::new(7, 0));
    assert_eq!(script.seen(), ["XREAD COUNT 3 BLOCK 2000 STREAMS k 5-0"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_group_read_and_one_on_an_exclusive_connection_are_split_too() {
    let line = "XREADGROUP GROUP BLOCK c BLOCK 2000 NOACK STREAMS k >";
    let options = XReadGroupOptions::new().block_forever().noack();
    let script = Script::new([nothing(FULL), read("7-0")]);
    let client = script.client().await;
    let new = [("k", GroupRead::New)];
    let found = client.xreadgroup_with("BLOCK", "c", new, options).await;
    assert_eq!(found.unwrap().len(), 1);
    assert_eq!(script.seen(), [line; 2]);

    let script = Script::new([nothing(FULL), read("7-0")]);
    let conn = script.client().await.exclusive().await.unwrap();
    let found = conn.xreadgroup_with("BLOCK", "c", new, options).await;
    assert_eq!(found.unwrap().len(), 1);
    assert_eq!(script.seen(), [line; 2]);
}

#[tokio::test(start_paused = true)]
async fn the_last_id_is_resolved_before_the_first_of_several_reads() {
    let last = (Duration::ZERO, Some(Frame::array(&[entry("5-1")])));
    let none = (Duration::ZERO, Some(Frame::array(&[])));
    let script = Script::new([last, none, nothing(FULL), read("7-0")]);
    let client = script.client().await;
    let streams = [("k", ReadAfter::Last), ("l", ReadAfter::Last)];
    let options = XReadOptions::new().block_forever();
    let found = client.xread_with(streams, options).await.unwrap();
    assert_eq!(found.len(), 1);
    let end = "18446744073709551615-18446744073709551615 0-0 COUNT 1";
    let read = "XREAD BLOCK 2000 STREAMS k l 5-1 0-0";
    assert_eq!(
        script.seen(),
        [
            &format!("XREVRANGE k {end}"),
            &format!("XREVRANGE l {end}"),
            read,
            read
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn all_slices_together_block_for_the_given_time() {
    let second = Duration::from_secs(1);
    let script = Script::new([nothing(FULL), nothing(FULL), nothing(second)]);
    let client = script.client().await;
    let options = XReadOptions::new().block(5 * second);
    let started = tokio::time::Instant::now();
    let found = client.xread_with([("k", "5-0")], options).await.unwrap();
    assert_eq!((found, started.elapsed()), (vec![], 5 * second));
    let read = |block| format!("XREAD BLOCK {block} STREAMS k 5-0");
    assert_eq!(script.seen(), [read(2000), read(2000), read(1000)]);
}

#[tokio::test(start_paused = true)]
async fn an_explicit_timeout_limits_all_slices_together() {
    let script = Script::new([nothing(FULL), nothing(FULL)]);
    let client = script.client().await;
    let options = XReadOptions::new().block_forever();
    let limit = Duration::from_secs(3);
    let started = tokio::time::Instant::now();
    let found = client.xread_with([("k", "5-0")], options).timeout(limit);
    assert_eq!(found.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(started.elapsed(), limit);
}

#[tokio::test(start_paused = true)]
async fn client_unblock_ends_a_split_read() {
    let script = Script::new([nothing(Duration::from_millis(10))]);
    let client = script.client().await;
    let options = XReadOptions::new().block_forever();
    let found = client.xread_with([("k", "5-0")], options).await.unwrap();
    assert_eq!(found, []);
}

#[tokio::test(start_paused = true)]
async fn a_split_read_continues_on_another_connection() {
    let lost = || (FULL, None);
    // Three losses in a row would be an error; losses with a reply in between do not add up.
    let steps = [
        lost(),
        nothing(FULL),
        lost(),
        lost(),
        nothing(FULL),
        read("7-0"),
    ];
    let script = Script::new(steps);
    let client = script.client().await;
    let options = XReadOptions::new().block_forever();
    let found = client.xread_with([("k", "5-0")], options).await.unwrap();
    assert_eq!(found[0].entries[0].id, StreamId::new(7, 0));
}

#[tokio::test(start_paused = true)]
async fn other_reads_are_not_split() {
    let script = Script::new([nothing(FULL), nothing(FULL), nothing(FULL)]);
    let client = script.client().await;
    let short = XReadOptions::new().block(FULL);
    let streams = [("k", ReadAfter::Last)];
    assert_eq!(client.xread_with(streams, short).await.unwrap(), []);
    // A group's history is answered at once, whatever BLOCK says.
    let history = [("k", GroupRead::Pending(StreamId::MIN))];
    let options = XReadGroupOptions::new().block_forever();
    let found = client.xreadgroup_with("g", "c", history, options).await;
    assert_eq!(found.unwrap(), []);
    let args = ["BLOCK", "0", "STREAMS", "k", "$"];
    let found = client.raw_blocking("XREAD", args, None).await.unwrap();
    assert!(found.is_null());
    assert_eq!(
        script.seen(),
        [
            "XREAD BLOCK 2000 STREAMS k $",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS k 0-0",
            "XREAD BLOCK 0 STREAMS k $"
        ]
    );
}
