//! Tests of outcomes: a request that was sent once may have run, even while it waits to be resent.

use swarm_transport::RequestRejection;

use super::*;
use crate::options::{FallbackScope, RetryPolicy};

/// A SET that was sent over a lost connection, and waits for the next one.
fn sent_before() -> Bench {
    let mut bench = Bench::ready();
    bench.engine.session.settings.retry = RetryPolicy::Idempotent;
    bench.call("SET", Retry::Idempotent, false);
    assert_eq!(bench.send().as_deref(), Some("SET"));
    bench.cut();
    assert_eq!(bench.answers(), []);
    bench
}

fn refusal() -> RequestRejection {
    RequestRejection::TooLarge { size: 2, limit: 1 }
}

/// Guards against a reason for not resending a request that claims that it was never sent.
#[test]
fn a_request_that_was_sent_before_never_counts_as_not_sent() {
    let error = || Arc::new(TransportError::new(TransportErrorKind::Closed, "cut"));
    let auth = swarm_resp::ServerError::parse(b"WRONGPASS no");
    let reasons = [
        Failure::Closed { sent: false },
        Failure::Auth {
            sent: false,
            address: None,
            error: auth,
        },
        Failure::lost(false, &error()),
        Failure::OnlyFallback {
            address: None,
            error: error(),
        },
        Failure::Timeout(Arc::default()),
        Failure::Refused(refusal()),
    ];
    for reason in reasons {
        let mut bench = sent_before();
        bench.engine.fail_waiting(&reason);
        may_have_run(&bench);
    }
    let mut bench = sent_before();
    bench.engine.abandon();
    may_have_run(&bench);

    let mut bench = sent_before();
    bench.handshake();
    let next = bench.engine.next_request(bench.now, |_| Err(refusal()));
    assert!(next.is_none());
    may_have_run(&bench);

    let mut bench = sent_before();
    bench.engine.session.settings.fallback = FallbackScope::Stateless;
    let mut fallback = bench.engine.fallback();
    let next = fallback.next_request(bench.now, |_| Err(refusal()));
    assert!(next.is_none());
    may_have_run(&bench);
}

fn may_have_run(bench: &Bench) {
    let mut results = bench.answers.borrow_mut();
    let (_, result) = results.pop().unwrap();
    let failure = result.unwrap_err();
    let error = crate::Error::from_failure(failure.clone()).for_command("GET".into());
    assert_eq!(
        error.outcome(),
        Some(crate::Outcome::MayHaveRun),
        "{failure:?} of a request that was sent"
    );
    assert!(results.is_empty());
}

/// Guards against keeping a connection forever because of the pending replies of a vanished server.
#[test]
fn a_silent_server_with_a_pending_write_is_a_violation_after_drain_timeout() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.send();
    for _ in 0..3 {
        assert_eq!(bench.wait(15), Ok(()));
    }
    assert_eq!(bench.wait(15), Err(Violation::Silent(SILENCE)));
}

/// Capacity that counts as taken until it is dropped.
struct Taken(Rc<RefCell<bool>>);

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.borrow_mut() = false;
    }
}

/// A caller that checks on its answer that its capacity was returned.
struct Checking(Rc<RefCell<bool>>);

impl Caller for Checking {
    type Permit = Taken;
    type Wake = ();
    type Ticket = ();

    fn is_gone(&self) -> bool {
        false
    }

    fn sending(&mut self, _: ServerProfile) {}

    fn progress(&mut self, _: Result<Frame, Failure>) {}

    fn complete(self, result: Result<Frame, Failure>) {
        assert!(!*self.0.borrow(), "{result:?} came before the capacity");
        *self.0.borrow_mut() = true;
    }
}

type Answer = fn(&mut Engine<Checking>, &Arc<TransportError>, Instant);

/// A leased connection is reused only if nothing is pending on it, so a caller must not see its own
/// call there.
#[test]
fn a_caller_is_answered_after_its_capacity_is_returned() {
    let error = Arc::new(TransportError::new(TransportErrorKind::Closed, "cut"));
    let now = Instant::now();
    let answers: [Answer; 5] = [
        |engine, _, now| {
            let reply = Frame::simple("OK");
            engine.receive(now, reply).unwrap();
        },
        |engine, error, now| engine.disconnected(error, now),
        |engine, _, _| engine.fail_waiting(&Failure::Closed { sent: false }),
        |engine, _, now| {
            let rejection = engine.next_request(now, |_| Err(refusal()));
            assert!(rejection.is_none());
        },
        |engine, _, now| engine.expire(now + Duration::from_secs(1)).unwrap(),
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        let mut engine = Engine::new(Settings::default());
        engine.connected(Capabilities::FULL.with_session(false));
        let taken = Rc::new(RefCell::new(true));
        let mut call = Box::new(Call::new(
            Requests::One(Request::new("SET", ())),
            Retry::Never,
            false,
        ));
        let timing = Timing {
            timeout: Duration::from_secs(1),
            grows: false,
            blocks: false,
        };
        call.awaited_by(Checking(Rc::clone(&taken)), timing);
        engine.submit(call, Taken(Rc::clone(&taken)), now);
        if at < 2 {
            assert!(engine.next_request(now, |_| Ok(())).is_some());
        }
        answer(&mut engine, &error, now);
        assert!(*taken.borrow(), "the caller of {at} was answered");
    }
}
