//! Calls whose timeout starts when they are sent.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A call with a timeout of 10 s from when it is sent. Setting the returned flag cancels it.
fn call(bench: &mut Bench, words: &[&str], retry: Retry, grows: bool) -> Rc<RefCell<bool>> {
    let (call, gone) = created(bench, words, retry, grows);
    bench.engine.submit(call, (), bench.now);
    gone
}

fn created(
    bench: &mut Bench,
    words: &[&str],
    retry: Retry,
    grows: bool,
) -> (Box<Call<Tester>>, Rc<RefCell<bool>>) {
    let (caller, gone) = bench.caller();
    let (name, args) = words.split_first().unwrap();
    let requests = Requests::One(Request::new(name, args));
    let mut call = Box::new(Call::new(requests, retry, false));
    let timing = Timing {
        timeout: 10 * SECOND,
        grows,
        blocks: false,
    };
    call.awaited_by(caller, timing);
    call.start_timeout_when_sent();
    (call, gone)
}

fn ready() -> Bench {
    let mut bench = Bench::ready();
    bench.engine.session.settings.request_timeout = 10 * SECOND;
    bench
}

#[test]
fn the_timeout_starts_when_the_call_is_sent() {
    let mut bench = ready();
    call(&mut bench, &["INCR"], Retry::Never, false);
    for _ in 0..6 {
        bench.now += 10 * SECOND;
        bench.engine.expire(bench.now).unwrap();
    }
    assert_eq!(bench.answers(), results(&[]));
    assert_eq!(bench.sent(), ["INCR"]);
    bench.advance(9);
    assert_eq!(bench.answers(), results(&[]));
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + SECOND));
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
}

#[test]
fn the_timeout_continues_while_the_call_waits_to_be_resent() {
    let mut bench = ready();
    call(&mut bench, &["GET"], Retry::Always, false);
    assert_eq!(bench.sent(), ["GET"]);
    bench.advance(6);
    bench.cut();
    bench.advance(3);
    assert_eq!(bench.answers(), results(&[]));
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
}

#[test]
fn a_waiting_call_leaves_soon_after_its_caller() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.request_timeout = 10 * SECOND;
    let gone = call(&mut bench, &["INCR"], Retry::Never, false);
    call(&mut bench, &["INCR"], Retry::Never, false);
    bench.advance(10);
    assert_eq!(bench.engine.pending().queued(), 2);
    *gone.borrow_mut() = true;
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + 10 * SECOND));
    bench.advance(10);
    assert_eq!(bench.engine.pending().queued(), 1);
    assert_eq!(bench.answers(), results(&[]));
}

#[test]
fn the_default_timeout_covers_the_writes_ahead_from_when_the_call_is_sent() {
    let mut bench = ready();
    let mut request = vec!["MSET"];
    request.extend(["k"; 20]);
    call(&mut bench, &request, Retry::Never, true);
    call(&mut bench, &["INCR", "k"], Retry::Never, true);
    // A reconnect takes nothing away from calls whose timeout has not started.
    bench.cut();
    bench.handshake();
    bench.advance(30);
    assert_eq!(bench.sent().len(), 2);
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + 10 * SECOND));
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[]));
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
}

#[test]
fn the_timeout_starts_when_the_call_is_sent_over_the_fallback() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.request_timeout = 60 * SECOND;
    call(&mut bench, &["GET", "k"], Retry::Never, false);
    bench.advance(30);
    assert_eq!(bench.send_over_fallback().as_deref(), Some("GET k"));
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + 10 * SECOND));
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
}

#[test]
fn writes_that_a_pool_sends_over_other_connections_do_not_count() {
    let mut bench = ready();
    let mut elsewhere = vec!["MSET"];
    elsewhere.extend(["k"; 200]);
    let (mut mset, _) = created(&mut bench, &elsewhere, Retry::Never, true);
    let (mut incr, _) = created(&mut bench, &["INCR", "k"], Retry::Never, true);
    for call in [&mut mset, &mut incr] {
        bench.engine.pooled().admit(call, (), bench.now);
    }
    bench.engine.pooled().restart(&mut incr, bench.now);
    bench.advance(60);
    bench.engine.pooled().enqueue(incr, bench.now);
    assert_eq!(bench.sent(), ["INCR k"]);
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[]));
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(1, "timeout sent=true")]));
}
