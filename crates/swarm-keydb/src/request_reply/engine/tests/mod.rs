//! Tests of the engine, by hand and by random schedules.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Frame, Request, RequestRef};
use swarm_transport::{Capabilities, TransportError, TransportErrorKind};

use super::{Call, Caller, Engine, Failure, Marks, Requests, Retry, Settings, Timing, Violation};
use crate::connection::{HandshakeError, Outgoing};
use crate::runtime::Instant;

use crate::server::ServerProfile;

mod aside;
mod batches;
mod drain;
mod expiry;
mod fallback;
mod fences;
mod from_sending;
mod handshake;
mod heartbeats;
mod outcomes;
mod pace;
mod races;
mod text;

const SILENCE: Duration = Duration::from_secs(15);

/// Results of all calls, by number.
type Answers = Rc<RefCell<Vec<(u64, Result<Frame, Failure>)>>>;

/// A caller that records its results.
struct Tester {
    number: u64,
    gone: Rc<RefCell<bool>>,
    answers: Answers,
    told: Rc<RefCell<Vec<ServerProfile>>>,
}

impl Caller for Tester {
    type Permit = ();
    type Wake = ();
    type Ticket = ();

    fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    fn sending(&mut self, server: ServerProfile) {
        self.told.borrow_mut().push(server);
    }

    fn progress(&mut self, result: Result<Frame, Failure>) {
        if !self.is_gone() {
            self.answers.borrow_mut().push((self.number, result));
        }
    }

    fn complete(mut self, result: Result<Frame, Failure>) {
        self.progress(result);
    }
}

/// An engine, the results of its calls, and the current time.
struct Bench {
    engine: Engine<Tester>,
    answers: Answers,
    /// The servers that batches were sent to.
    told: Rc<RefCell<Vec<ServerProfile>>>,
    now: Instant,
    calls: u64,
}

impl Bench {
    fn offline() -> Self {
        let settings = Settings {
            silence: SILENCE,
            drain_timeout: 4 * SILENCE,
            ..Settings::default()
        };
        Self {
            engine: Engine::new(settings),
            answers: Answers::default(),
            told: Rc::default(),
            now: Instant::now(),
            calls: 0,
        }
    }

    fn ready() -> Self {
        let mut bench = Self::offline();
        bench.handshake();
        bench
    }

    fn handshake(&mut self) {
        self.handshake_with("test");
    }

    /// Completes a handshake with a server of this name.
    fn handshake_with(&mut self, server: &str) {
        self.engine.connected(Capabilities::FULL);
        assert_eq!(self.send().as_deref(), Some("HELLO 3"));
        self.reply(&Frame::build(|reply| {
            reply.map(|map| {
                map.bulk(b"server");
                map.bulk(server.as_bytes());
            });
        }));
        assert_eq!(self.send().as_deref(), Some("ECHO"));
        self.reply(&Frame::error("ERR wrong number of arguments"));
        assert!(self.engine.session().is_ready());
    }

    /// Submits a call of one request. Setting the returned flag cancels it.
    fn call(&mut self, request: &str, retry: Retry, alone: bool) -> Rc<RefCell<bool>> {
        self.submit(Requests::One(Request::new(request, ())), retry, alone)
    }

    /// Like [`call`](Self::call), for a request that a fence follows.
    fn fenced(&mut self, request: &str, retry: Retry) -> Rc<RefCell<bool>> {
        let one = Requests::one(Request::new(request, ()), Marks::FENCE);
        self.submit(one, retry, false)
    }

    /// As [`batch`](Self::batch), with fences behind requests.
    fn fenced_batch(&mut self, requests: &[&str], fenced: &[usize]) -> Rc<RefCell<bool>> {
        let requests = requests.iter().map(|request| Request::new(request, ()));
        let marks = fenced.iter().map(|at| (*at, Marks::FENCE)).collect();
        let batch = Requests::batch(requests.collect(), marks);
        self.submit(batch, Retry::Never, false)
    }

    /// Like [`call`](Self::call), for a batch.
    fn batch(&mut self, requests: &[&str], retry: Retry) -> Rc<RefCell<bool>> {
        let requests = requests.iter().map(|request| Request::new(request, ()));
        self.submit(
            Requests::batch(requests.collect(), Vec::new()),
            retry,
            false,
        )
    }

    /// Creates the next caller. Setting the returned flag cancels its call.
    fn caller(&mut self) -> (Tester, Rc<RefCell<bool>>) {
        let gone = Rc::<RefCell<bool>>::default();
        let caller = Tester {
            number: self.calls,
            gone: Rc::clone(&gone),
            answers: Rc::clone(&self.answers),
            told: Rc::clone(&self.told),
        };
        self.calls += 1;
        (caller, gone)
    }

    fn submit(&mut self, requests: Requests, retry: Retry, alone: bool) -> Rc<RefCell<bool>> {
        let (caller, gone) = self.caller();
        let mut call = Box::new(Call::new(requests, retry, alone));
        let timing = Timing {
            timeout: Duration::from_secs(10),
            grows: false,
            blocks: false,
        };
        call.awaited_by(caller, timing);
        self.engine.submit(call, (), self.now);
        gone
    }

    fn call_until(&mut self, request: &str, timeout: Duration) {
        let now = self.now;
        self.now = now + timeout - Duration::from_secs(10);
        self.call(request, Retry::Never, false);
        self.now = now;
    }

    fn get(&mut self, key: &str) -> Rc<RefCell<bool>> {
        self.call(&format!("GET {key}"), Retry::ReadOnly, false)
    }

    fn incr(&mut self, key: &str) -> Rc<RefCell<bool>> {
        self.call(&format!("INCR {key}"), Retry::Never, false)
    }

    /// The next request that the engine sends, as text.
    fn send(&mut self) -> Option<String> {
        let request = self.engine.next_request(self.now, |_| Ok(()))?;
        Some(words_of(request))
    }

    /// The next request that the engine sends over the fallback, as text.
    fn send_over_fallback(&mut self) -> Option<String> {
        let mut fallback = self.engine.fallback();
        fallback.next_request(self.now, |_| Ok(())).map(words_of)
    }

    /// Sends an `ECHO` or `PING` with a nonce. Returns the nonce that the server must echo.
    fn send_check(&mut self, command: &str) -> Frame {
        let sent = self.send().unwrap();
        let (name, nonce) = sent.split_once(' ').unwrap();
        assert_eq!((name, nonce.len()), (command, 32), "{sent}");
        bulk(nonce)
    }

    /// All requests that the engine sends now, as text.
    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.send()).collect()
    }

    fn reply(&mut self, frame: &Frame) {
        self.receive(frame).unwrap();
    }

    fn receive(&mut self, frame: &Frame) -> Result<(), Violation> {
        let answered = self.engine.receive(self.now, frame.clone());
        answered.map(|_| ())
    }

    fn cut(&mut self) {
        let error = TransportError::new(TransportErrorKind::Closed, "cut");
        self.engine.disconnected(&Arc::new(error), self.now);
    }

    fn advance(&mut self, seconds: u64) {
        self.wait(seconds).unwrap();
    }

    fn wait(&mut self, seconds: u64) -> Result<(), Violation> {
        self.now += Duration::from_secs(seconds);
        self.engine.expire(self.now)
    }

    /// Results since the last call.
    fn answers(&self) -> Vec<(u64, String)> {
        let results = self.answers.borrow_mut().drain(..).collect::<Vec<_>>();
        results
            .into_iter()
            .map(|(number, result)| (number, describe(&result)))
            .collect()
    }
}

fn words_of(request: RequestRef<'_>) -> String {
    let words: Vec<_> = request.args().map(String::from_utf8_lossy).collect();
    words.join(" ")
}

fn describe(result: &Result<Frame, Failure>) -> String {
    match result {
        Ok(frame) => frame.to_string(),
        Err(Failure::Server(error)) => format!("error {error}"),
        Err(Failure::Timeout(late)) => match late.error() {
            Some(error) => format!("timeout sent={} after {error}", late.sent),
            None => format!("timeout sent={}", late.sent),
        },
        Err(Failure::Lost { sent, .. }) => format!("lost sent={sent}"),
        Err(other) => format!("{other:?}"),
    }
}

fn map() -> Frame {
    Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"server");
            map.bulk(b"test");
        });
    })
}

fn words(text: &str) -> Frame {
    Frame::build(|reply| {
        reply.array(|array| text.split(' ').for_each(|word| array.bulk(word.as_bytes())));
    })
}

fn bulk(text: &str) -> Frame {
    Frame::bulk(text.to_owned())
}

fn results(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected
        .iter()
        .map(|(number, text)| (*number, (*text).to_owned()))
        .collect()
}

#[test]
fn replies_go_to_callers_in_order() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.get("b");
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    assert_eq!(bench.send().as_deref(), Some("GET b"));
    bench.reply(&bulk("1"));
    bench.reply(&bulk("2"));
    assert_eq!(bench.answers(), results(&[(0, "\"1\""), (1, "\"2\"")]));
}

#[test]
fn a_late_reply_is_discarded() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.send();
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
    bench.get("b");
    bench.send();
    bench.reply(&bulk("late"));
    assert_eq!(bench.answers(), []);
    bench.reply(&bulk("2"));
    assert_eq!(bench.answers(), results(&[(1, "\"2\"")]));
}

#[test]
fn a_cancelled_call_is_not_sent() {
    let mut bench = Bench::ready();
    let gone = bench.incr("a");
    bench.incr("b");
    *gone.borrow_mut() = true;
    assert_eq!(bench.send().as_deref(), Some("INCR b"));
    assert_eq!(bench.send(), None);
}

#[test]
fn a_call_cancelled_after_it_was_sent_keeps_its_slot() {
    let mut bench = Bench::ready();
    let gone = bench.get("a");
    bench.get("b");
    bench.send();
    bench.send();
    *gone.borrow_mut() = true;
    bench.reply(&bulk("1"));
    bench.reply(&bulk("2"));
    assert_eq!(bench.answers(), results(&[(1, "\"2\"")]));
}

#[test]
fn a_push_takes_no_slot() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.send();
    bench.reply(&Frame::build(|reply| {
        reply.push_message(|push| {
            push.bulk(b"invalidate");
            push.null();
        });
    }));
    bench.reply(&words("message is a list here"));
    let list = r#"["message", "is", "a", "list", "here"]"#;
    assert_eq!(bench.answers(), results(&[(0, list)]));
}

#[test]
fn an_unexpected_reply_ends_the_connection() {
    let mut bench = Bench::ready();
    assert_eq!(
        bench.engine.receive(bench.now, bulk("?")),
        Err(Violation::UnexpectedReply)
    );
}

#[test]
fn a_lost_connection_fails_writes_in_flight_and_resends_reads() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.incr("b");
    bench.get("c");
    bench.incr("d");
    bench.send();
    bench.send();
    bench.send();
    bench.cut();
    assert_eq!(bench.answers(), results(&[(1, "lost sent=true")]));
    bench.handshake();
    assert_eq!(bench.sent(), ["GET a", "GET c", "INCR d"]);
}

#[test]
fn the_retry_policy_decides_what_is_resent() {
    use crate::options::RetryPolicy;
    let expected: [(RetryPolicy, &[&str]); 3] = [
        (RetryPolicy::Never, &["ALWAYS"]),
        (RetryPolicy::ReadOnly, &["ALWAYS", "READ"]),
        (RetryPolicy::Idempotent, &["ALWAYS", "READ", "SET"]),
    ];
    for (policy, expected) in expected {
        let mut bench = Bench::ready();
        bench.engine.session.settings.retry = policy;
        bench.call("ALWAYS", Retry::Always, false);
        bench.call("READ", Retry::ReadOnly, false);
        bench.call("SET", Retry::Idempotent, false);
        bench.call("INCR", Retry::Never, false);
        while bench.send().is_some() {}
        bench.cut();
        bench.handshake();
        assert_eq!(bench.sent(), expected, "{policy:?}");
    }
}

#[test]
fn a_read_is_resent_a_limited_number_of_times() {
    let mut bench = Bench::ready();
    bench.get("a");
    for _ in 0..3 {
        assert_eq!(bench.answers(), []);
        assert_eq!(bench.send().as_deref(), Some("GET a"));
        bench.cut();
        bench.handshake();
    }
    assert_eq!(bench.answers(), results(&[(0, "lost sent=true")]));
    assert_eq!(bench.send(), None);
}

#[test]
fn calls_wait_for_a_connection_until_their_deadline() {
    let mut bench = Bench::offline();
    bench.incr("a");
    assert_eq!(bench.send(), None);
    bench.advance(9);
    assert_eq!(bench.answers(), []);
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=false")]));
    bench.handshake();
    assert_eq!(bench.send(), None);
}

#[test]
fn a_request_that_must_be_alone_is_alone_in_flight() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.call("HELLO", Retry::ReadOnly, true);
    bench.get("b");
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    assert_eq!(bench.send(), None);
    bench.reply(&bulk("1"));
    assert_eq!(bench.send().as_deref(), Some("HELLO"));
    assert_eq!(bench.send(), None);
    bench.reply(&map());
    assert_eq!(bench.send().as_deref(), Some("GET b"));
}

#[test]
fn a_silent_server_with_a_pending_reply_is_a_violation() {
    let mut bench = Bench::ready();
    bench.advance(100);
    bench.get("a");
    bench.send();
    assert_eq!(bench.wait(14), Ok(()));
    assert_eq!(
        bench.engine.next_deadline(),
        Some(bench.now + Duration::from_secs(1))
    );
    assert_eq!(bench.wait(1), Err(Violation::Silent(SILENCE)));
}

#[test]
fn any_data_restarts_the_limit_on_silence() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.send();
    bench.advance(14);
    bench.reply(&Frame::build(|reply| {
        reply.push_message(|push| push.bulk(b"x"));
    }));
    assert_eq!(bench.wait(14), Ok(()));
}

#[test]
fn silence_within_the_deadline_of_a_call_is_allowed() {
    let mut bench = Bench::ready();
    bench.call_until("KEYS", Duration::from_secs(60));
    bench.send();
    assert_eq!(bench.wait(59), Ok(()));
    assert_eq!(bench.wait(1), Err(Violation::Silent(SILENCE)));
}

#[test]
fn silence_of_an_idle_server_is_allowed() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.send();
    bench.reply(&bulk("1"));
    assert_eq!(bench.wait(3600), Ok(()));
    assert_eq!(bench.engine.next_deadline(), None);
}
