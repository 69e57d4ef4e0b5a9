//! Tests of the state machine, by hand and by random schedules.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, Request, RespVersion, encode_frame};

use super::*;
use crate::runtime::Instant;
use crate::server::ServerKind;

mod races;
mod replies;

/// Events of a listener, as text.
type Notes = Rc<RefCell<Vec<String>>>;

/// A listener that records its events.
struct Probe(Notes);

impl Probe {
    fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

impl Listener for Probe {
    fn ready(&mut self) {
        self.note("ready");
    }

    fn restored(&mut self) {
        self.note("restored");
    }

    fn message(&mut self, message: Message) -> bool {
        self.note(String::from_utf8_lossy(&message.payload));
        message.payload != "enough"
    }

    fn end(self, failure: Failure) {
        self.note(format!("{:?}", Error::from_failure(failure).kind()));
    }
}

/// A state machine, and the current time.
struct Bench {
    machine: Machine<Probe>,
    now: Instant,
    joined: u64,
}

impl Bench {
    fn offline() -> Self {
        let settings = Settings {
            silence: Duration::from_secs(15),
            heartbeat: Some(Duration::from_secs(10)),
            ..Settings::default()
        };
        Self {
            machine: Machine::new(settings),
            now: Instant::now(),
            joined: 0,
        }
    }

    fn ready() -> Self {
        let mut bench = Self::offline();
        bench.connect();
        bench
    }

    fn connect(&mut self) {
        self.machine.connected(Capabilities::FULL);
        assert_eq!(self.send().as_deref(), Some("HELLO 3"));
        self.reply(&Frame::build(|reply| reply.map(|_| {})));
        assert_eq!(self.send().as_deref(), Some("ECHO"));
        self.reply(&Frame::error("ERR wrong number of arguments"));
        assert!(self.machine.is_ready());
    }

    /// Subscribes to channels, to patterns, which are the names that contain a `*`, and to sharded
    /// channels, which contain a `{`.
    fn join(&mut self, names: &[&str]) -> (u64, Notes) {
        let notes = Notes::default();
        let names = names.iter().map(|name| Name {
            kind: match name {
                _ if name.contains('*') => Kind::Pattern,
                _ if name.contains('{') => Kind::Shard,
                _ => Kind::Channel,
            },
            text: Bytes::copy_from_slice(name.as_bytes()),
        });
        let id = self.joined;
        self.joined += 1;
        self.machine
            .subscribe(id, names.collect(), Probe(Rc::clone(&notes)));
        (id, notes)
    }

    /// The next request, as text.
    fn send(&mut self) -> Option<String> {
        let request = self.machine.next_request(self.now, |_| Ok(()))?;
        Some(words_of(&request))
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.send()).collect()
    }

    fn reply(&mut self, frame: &Frame) {
        self.machine.receive(self.now, frame).unwrap();
    }

    fn push(&mut self, words: &str) {
        self.reply(&push(words));
    }
}

fn words_of(request: &Request) -> String {
    let words: Vec<_> = request.args().map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// A push frame of these elements. Numbers are encoded as integers.
fn push(words: &str) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| {
            for word in words.split(' ') {
                match word.parse() {
                    Ok(number) => push.integer(number),
                    Err(_) => push.bulk(word.as_bytes()),
                }
            }
        });
    })
}

fn take_events(notes: &Notes) -> String {
    let events: Vec<_> = notes.borrow_mut().drain(..).collect();
    events.join(" ")
}

#[test]
fn a_name_is_subscribed_once_and_unsubscribed_with_its_last_listener() {
    let mut bench = Bench::ready();
    let (first, first_events) = bench.join(&["a", "b*"]);
    let (second, second_events) = bench.join(&["a"]);
    assert_eq!(bench.sent(), ["SUBSCRIBE a", "PSUBSCRIBE b*"]);
    bench.push("subscribe a 1");
    assert_eq!(
        (take_events(&first_events), take_events(&second_events)),
        (String::new(), "ready".into())
    );
    bench.push("psubscribe b* 2");
    assert_eq!(take_events(&first_events), "ready");
    let (third, third_events) = bench.join(&["b*"]);
    assert_eq!(take_events(&third_events), "ready");
    bench.push("message a x");
    bench.push("pmessage b* bb y");
    bench.push("message c z");
    assert_eq!(take_events(&first_events), "x y");
    assert_eq!(
        (take_events(&second_events), take_events(&third_events)),
        ("x".into(), "y".into())
    );

    bench.machine.unsubscribe(first);
    assert!(bench.sent().is_empty());
    bench.machine.unsubscribe(third);
    bench.machine.unsubscribe(third);
    assert_eq!(bench.sent(), ["PUNSUBSCRIBE b*"]);
    bench.machine.unsubscribe(second);
    assert_eq!(bench.sent(), ["UNSUBSCRIBE a"]);
    assert!(!bench.machine.is_idle());
    bench.push("punsubscribe b* 1");
    bench.push("unsubscribe a 0");
    assert!(bench.machine.is_idle());
}

#[test]
fn a_name_resubscribed_while_unsubscribing_receives_only_new_messages() {
    let mut bench = Bench::ready();
    let (first, _) = bench.join(&["a"]);
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    bench.machine.unsubscribe(first);
    assert_eq!(bench.sent(), ["UNSUBSCRIBE a"]);
    let (_, heard) = bench.join(&["a"]);
    bench.push("message a old");
    assert!(bench.sent().is_empty(), "one request per name");
    bench.push("unsubscribe a 0");
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    assert_eq!(take_events(&heard), "");
    bench.push("subscribe a 1");
    bench.push("message a new");
    assert_eq!(take_events(&heard), "ready new");
}

#[test]
fn a_reconnect_subscribes_each_name_once_and_precedes_the_first_message() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a", "b"]);
    let (gone, _) = bench.join(&["c"]);
    let (_, late) = bench.join(&["a", "d"]);
    bench.sent();
    for name in ["a", "b", "c"] {
        bench.push(&format!("subscribe {name} 1"));
    }
    bench.machine.unsubscribe(gone);
    bench.machine.disconnected();
    assert_eq!(take_events(&heard), "ready");
    // A failed attempt to connect changes nothing.
    bench.machine.disconnected();
    bench.connect();
    let mut sent = bench.sent();
    sent.sort();
    assert_eq!(sent, ["SUBSCRIBE a", "SUBSCRIBE b", "SUBSCRIBE d"]);
    bench.push("subscribe a 1");
    // While a name is unacknowledged, its messages belong to the gap.
    bench.push("message a early");
    bench.push("subscribe b 2");
    bench.push("message a x");
    assert_eq!(take_events(&heard), "restored x");
    assert_eq!(take_events(&late), "");
    bench.push("subscribe d 3");
    assert_eq!(take_events(&late), "ready");
}

#[test]
fn a_refused_name_ends_its_subscriptions_only() {
    let mut bench = Bench::ready();
    let (_, refused) = bench.join(&["a", "secret"]);
    let (_, other) = bench.join(&["a"]);
    bench.sent();
    bench.push("subscribe a 1");
    bench.reply(&Frame::error("NOPERM no access"));
    assert_eq!(
        (take_events(&refused), take_events(&other)),
        ("Server".into(), "ready".into())
    );
    assert!(bench.sent().is_empty());
    bench.push("message a x");
    assert_eq!(
        (take_events(&refused), take_events(&other)),
        (String::new(), "x".into())
    );
}

#[test]
fn a_transient_refusal_after_a_reconnect_is_retried() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a"]);
    bench.sent();
    bench.push("subscribe a 1");
    bench.machine.disconnected();
    bench.connect();
    bench.sent();
    let loading = Frame::error("LOADING the data");
    assert!(bench.machine.receive(bench.now, &loading).is_err());
    bench.machine.disconnected();
    bench.connect();
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    assert_eq!(take_events(&heard), "ready restored");
}

#[test]
fn a_name_that_the_server_drops_is_subscribed_again() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a"]);
    bench.sent();
    bench.push("unsubscribe a 0");
    bench.push("subscribe a 1");
    bench.push("unsubscribe a 0");
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    bench.push("message a x");
    assert_eq!(take_events(&heard), "ready restored x");
}

/// Sends the heartbeat that is due, and receives a reply made from its nonce.
fn pong(bench: &mut Bench, reply: impl Fn(&str) -> Frame) -> Result<(), Violation> {
    let sent = bench.sent();
    let nonce = sent.first().and_then(|sent| sent.strip_prefix("PING "));
    bench.machine.receive(bench.now, &reply(nonce.unwrap()))
}

#[test]
fn an_idle_server_gets_a_heartbeat_and_a_silent_one_is_a_violation() {
    let replies: [fn(&str) -> Frame; 3] = [
        |nonce| Frame::simple(nonce.to_owned()),
        |nonce| Frame::bulk(nonce.to_owned()),
        |nonce| push(&format!("pong {nonce}")),
    ];
    for reply in replies {
        let mut bench = Bench::ready();
        bench.now += Duration::from_secs(10);
        bench.machine.expire(bench.now).unwrap();
        assert_eq!(pong(&mut bench, reply), Ok(()));
        bench.now += Duration::from_secs(10);
        assert_eq!(bench.machine.next_deadline(), Some(bench.now));
        bench.machine.expire(bench.now).unwrap();
        assert_eq!(bench.sent().len(), 1);
        bench.now += Duration::from_secs(15);
        let silent = Violation::Silent(Duration::from_secs(15));
        assert_eq!(bench.machine.expire(bench.now), Err(silent));
    }
}

#[test]
fn heartbeats_are_sent_among_messages_and_must_be_echoed() {
    for reply in ["PONG", ""] {
        let mut bench = Bench::ready();
        let (_, _heard) = bench.join(&["a"]);
        bench.sent();
        bench.push("subscribe a 1");
        for _ in 0..10 {
            assert_eq!(bench.sent(), [""; 0]);
            bench.now += Duration::from_secs(1);
            bench.push("message a x");
            bench.machine.expire(bench.now).unwrap();
        }
        let outcome = pong(&mut bench, |_| Frame::bulk(reply));
        assert_eq!(outcome, Err(Violation::Desynchronized));
    }
}

#[test]
fn a_server_that_withholds_a_reply_among_messages_is_a_violation() {
    let mut bench = Bench::ready();
    let (_, _heard) = bench.join(&["a"]);
    bench.sent();
    let end = bench.now + Duration::from_secs(60);
    while bench.now < end {
        bench.machine.expire(bench.now).unwrap();
        bench.now += Duration::from_secs(5);
        bench.push("message a x");
    }
    let overdue = Violation::Overdue(Duration::from_secs(60));
    assert_eq!(bench.machine.expire(bench.now), Err(overdue));
    // After backpressure, the limits start over.
    bench.now += Duration::from_secs(15);
    bench.machine.resume(bench.now);
    bench.machine.expire(bench.now).unwrap();
}

#[test]
fn an_unexpected_reply_is_a_violation() {
    let mut bench = Bench::ready();
    let outcome = bench.machine.receive(bench.now, &Frame::simple("OK"));
    assert_eq!(outcome, Err(Violation::UnexpectedReply));
    // An error that answers no request is the server's reason to close the connection.
    let outcome = bench
        .machine
        .receive(bench.now, &Frame::error("ERR unasked"));
    assert!(
        matches!(outcome, Err(Violation::ClosedByServer(_))),
        "{outcome:?}"
    );
}

fn swarmkeydb() -> Settings {
    Settings {
        server: Some(ServerKind::SwarmKeyDb),
        ..Settings::default()
    }
}

#[test]
fn nothing_is_sent_for_a_subscription_with_one_unsupported_name() {
    for name in ["", "a\r\nb", "[z-a]*"] {
        // One that waited for the connection, and one that finds it ready.
        let mut bench = Bench::offline();
        bench.machine = Machine::new(swarmkeydb());
        let (_, waited) = bench.join(&["a", name, "c"]);
        let (_, valid) = bench.join(&["c"]);
        bench.connect();
        assert_eq!(bench.sent(), ["SUBSCRIBE c"], "{name:?}");
        let (_, joined) = bench.join(&["b", "c", name]);
        assert_eq!(bench.sent(), [""; 0], "{name:?}");
        assert_eq!(
            (take_events(&waited), take_events(&joined)),
            ("Argument".into(), "Argument".into())
        );
        bench.push("subscribe c 1");
        assert_eq!(take_events(&valid), "ready");
        assert_eq!(bench.machine.subscribers.len(), 1);
    }
}

#[test]
fn a_subscription_that_the_transport_cannot_carry_whole_is_not_sent() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a", "long"]);
    let too_large = |request: RequestRef<'_>| {
        // Only the request that unsubscribes is too large.
        if request.args().map(<[u8]>::len).sum::<usize>() <= "SUBSCRIBElong".len() {
            return Ok(());
        }
        Err(RequestRejection::Unsupported {
            command: "UNSUBSCRIBE".to_owned(),
            needs: "less",
            transport: "this transport",
        })
    };
    assert!(bench.machine.next_request(bench.now, too_large).is_none());
    assert_eq!(take_events(&heard), "Argument");
    assert!(bench.machine.is_idle());
}

#[test]
fn names_are_checked_again_on_a_connection_to_a_server_of_another_kind() {
    let mut bench = Bench::offline();
    let (_, ended) = bench.join(&["a", "b\r\nc"]);
    let (_, kept) = bench.join(&["a"]);
    bench.connect();
    assert_eq!(bench.sent().len(), 2);
    bench.push("subscribe a 1");
    bench.reply(&push_of(&[b"subscribe", b"b\r\nc"], 2));
    assert_eq!(
        (take_events(&ended), take_events(&kept)),
        ("ready".into(), "ready".into())
    );
    bench.machine.disconnected();
    bench.machine.session_mut().settings.server = Some(ServerKind::SwarmKeyDb);
    bench.connect();
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    assert_eq!(
        (take_events(&ended), take_events(&kept)),
        ("Argument".into(), "restored".into())
    );
}

fn push_of(words: &[&[u8]], count: i64) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| {
            words.iter().for_each(|word| push.bulk(word));
            push.integer(count);
        });
    })
}
