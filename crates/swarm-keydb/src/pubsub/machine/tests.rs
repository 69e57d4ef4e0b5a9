//! The machine, driven by hand and by chance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, Request, RespVersion, encode_frame};

use super::*;
use crate::server::ServerKind;

mod races;

/// What a listener heard, in words.
type Notes = Rc<RefCell<Vec<String>>>;

/// A listener that writes down what it hears.
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

    fn hear(&mut self, message: Message) -> bool {
        self.note(String::from_utf8_lossy(&message.payload));
        true
    }

    fn end(self, failure: Failure) {
        self.note(format!("{:?}", Error::from(failure).kind()));
    }
}

/// A machine, its listeners and a clock.
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

    /// Channels, and patterns, which have a star in them.
    fn join(&mut self, names: &[&str]) -> (u64, Notes) {
        let notes = Notes::default();
        let names = names.iter().map(|name| Name {
            kind: if name.contains('*') {
                Kind::Pattern
            } else {
                Kind::Channel
            },
            text: Bytes::copy_from_slice(name.as_bytes()),
        });
        let id = self.joined;
        self.joined += 1;
        self.machine
            .subscribe(id, names.collect(), Probe(Rc::clone(&notes)));
        (id, notes)
    }

    /// The words of the next request.
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

/// A push of words; numbers are numbers.
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

fn told(notes: &Notes) -> String {
    let told: Vec<_> = notes.borrow_mut().drain(..).collect();
    told.join(" ")
}

#[test]
fn a_name_is_asked_for_once_and_given_up_with_its_last_listener() {
    let mut bench = Bench::ready();
    let (first, heard_first) = bench.join(&["a", "b*"]);
    let (second, heard_second) = bench.join(&["a"]);
    assert_eq!(bench.sent(), ["SUBSCRIBE a", "PSUBSCRIBE b*"]);
    bench.push("subscribe a 1");
    assert_eq!(
        (told(&heard_first), told(&heard_second)),
        (String::new(), "ready".into())
    );
    bench.push("psubscribe b* 2");
    assert_eq!(told(&heard_first), "ready");
    let (third, heard_third) = bench.join(&["b*"]);
    assert_eq!(told(&heard_third), "ready");
    bench.push("message a x");
    bench.push("pmessage b* bb y");
    bench.push("message c z");
    assert_eq!(told(&heard_first), "x y");
    assert_eq!(
        (told(&heard_second), told(&heard_third)),
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
fn a_name_wanted_again_while_it_is_given_up_is_asked_for_again_and_hears_nothing_old() {
    let mut bench = Bench::ready();
    let (first, _) = bench.join(&["a"]);
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    bench.machine.unsubscribe(first);
    assert_eq!(bench.sent(), ["UNSUBSCRIBE a"]);
    let (_, heard) = bench.join(&["a"]);
    bench.push("message a old");
    assert!(bench.sent().is_empty(), "one question at a time");
    bench.push("unsubscribe a 0");
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    assert_eq!(told(&heard), "");
    bench.push("subscribe a 1");
    bench.push("message a new");
    assert_eq!(told(&heard), "ready new");
}

#[test]
fn after_a_cut_every_name_is_asked_for_once_and_the_gap_told_before_the_first_message() {
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
    assert_eq!(told(&heard), "ready");
    // A dial that fails changes nothing.
    bench.machine.disconnected();
    bench.connect();
    let mut sent = bench.sent();
    sent.sort();
    assert_eq!(sent, ["SUBSCRIBE a", "SUBSCRIBE b", "SUBSCRIBE d"]);
    bench.push("subscribe a 1");
    // As long as one is missing, what comes is part of the gap.
    bench.push("message a early");
    bench.push("subscribe b 2");
    bench.push("message a x");
    assert_eq!(told(&heard), "restored x");
    assert_eq!(told(&late), "");
    bench.push("subscribe d 3");
    assert_eq!(told(&late), "ready");
}

#[test]
fn a_refusal_ends_who_wanted_the_name_and_leaves_nothing_behind() {
    let mut bench = Bench::ready();
    let (_, refused) = bench.join(&["a", "secret"]);
    let (_, other) = bench.join(&["a"]);
    bench.sent();
    bench.push("subscribe a 1");
    bench.reply(&Frame::error("NOPERM no access"));
    assert_eq!(
        (told(&refused), told(&other)),
        ("Server".into(), "ready".into())
    );
    assert!(bench.sent().is_empty());
    bench.push("message a x");
    assert_eq!((told(&refused), told(&other)), (String::new(), "x".into()));
}

#[test]
fn a_passing_refusal_of_a_name_that_came_before_is_tried_again_later() {
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
    assert_eq!(told(&heard), "ready restored");
}

#[test]
fn what_the_server_gives_up_by_itself_is_asked_for_again() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a"]);
    bench.sent();
    bench.push("unsubscribe a 0");
    bench.push("subscribe a 1");
    bench.push("unsubscribe a 0");
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    bench.push("message a x");
    assert_eq!(told(&heard), "ready restored x");
}

/// The reply to the heartbeat that the machine sends now, by a function of its nonce.
fn pong(bench: &mut Bench, reply: impl Fn(&str) -> Frame) -> Result<(), Violation> {
    let sent = bench.sent();
    let nonce = sent.first().and_then(|sent| sent.strip_prefix("PING "));
    bench.machine.receive(bench.now, &reply(nonce.unwrap()))
}

#[test]
fn an_idle_server_is_asked_and_a_silent_one_given_up() {
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
fn a_heartbeat_is_due_among_messages_and_must_be_echoed() {
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
        assert_eq!(outcome, Err(Violation::OutOfStep));
    }
}

#[test]
fn a_server_that_sends_everything_but_what_it_owes_is_given_up() {
    let mut bench = Bench::ready();
    let (_, _heard) = bench.join(&["a"]);
    bench.sent();
    let end = bench.now + Duration::from_secs(60);
    while bench.now < end {
        bench.machine.expire(bench.now).unwrap();
        bench.now += Duration::from_secs(5);
        bench.push("message a x");
    }
    assert!(matches!(
        bench.machine.expire(bench.now),
        Err(Violation::Overdue(_))
    ));
    // Whoever did not read cannot blame the server.
    bench.machine.resume(bench.now);
    bench.machine.expire(bench.now).unwrap();
}

#[test]
fn a_reply_that_cannot_be_is_a_violation() {
    let mut bench = Bench::ready();
    let outcome = bench.machine.receive(bench.now, &Frame::simple("OK"));
    assert_eq!(outcome, Err(Violation::UnexpectedReply));
    // An error that no request asked for is the server's reason to end the connection.
    let outcome = bench
        .machine
        .receive(bench.now, &Frame::error("ERR unasked"));
    assert!(matches!(outcome, Err(Violation::Ended(_))), "{outcome:?}");
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
            (told(&waited), told(&joined)),
            ("Argument".into(), "Argument".into())
        );
        bench.push("subscribe c 1");
        assert_eq!(told(&valid), "ready");
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
    assert_eq!(told(&heard), "Argument");
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
        (told(&ended), told(&kept)),
        ("ready".into(), "ready".into())
    );
    bench.machine.disconnected();
    bench.machine.session_mut().settings.server = Some(ServerKind::SwarmKeyDb);
    bench.connect();
    assert_eq!(bench.sent(), ["SUBSCRIBE a"]);
    bench.push("subscribe a 1");
    assert_eq!(
        (told(&ended), told(&kept)),
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
