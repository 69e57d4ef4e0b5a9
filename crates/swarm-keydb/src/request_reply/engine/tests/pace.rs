//! Tests of deadlines that are extended by the expected time of writes.

use super::*;
use crate::server::ServerKind;

const SECOND: Duration = Duration::from_secs(1);

/// A call with the default timeout of 10 s.
fn default_call(bench: &mut Bench, requests: &[&str]) -> Rc<RefCell<bool>> {
    grown(bench, requests, true)
}

fn grown(bench: &mut Bench, requests: &[&str], grows: bool) -> Rc<RefCell<bool>> {
    let (caller, gone) = bench.caller();
    let mut words = requests.iter().map(|request| {
        let mut words = request.split(' ');
        let name = words.next().unwrap().to_owned();
        Request::new(&name, words.map(str::to_owned).collect::<Vec<_>>())
    });
    let requests = if requests.len() == 1 {
        Requests::One(words.next().unwrap())
    } else {
        Requests::batch(words.collect(), Vec::new())
    };
    let mut call = Box::new(Call::new(requests, Retry::Never, false));
    let timing = Timing {
        timeout: 10 * SECOND,
        grows,
        blocks: false,
    };
    call.awaited_by(caller, timing);
    bench.engine.submit(call, (), bench.now);
    gone
}

fn bench() -> Bench {
    let mut bench = Bench::ready();
    bench.engine.session.settings.request_timeout = 10 * SECOND;
    bench
}

fn mset(keys: usize) -> String {
    format!("MSET{}", " k v".repeat(keys))
}

/// Seconds until the next deadline.
fn time_left(bench: &Bench) -> f64 {
    let deadline = bench.engine.earliest.unwrap();
    deadline.duration_since(bench.now).as_secs_f64()
}

fn assert_time_left(bench: &Bench, expected: f64, what: &str) {
    let left = time_left(bench);
    assert!(
        (left - expected).abs() < 0.01,
        "{what}: {left}, not {expected}"
    );
}

#[test]
fn the_default_deadline_is_extended_per_key_written() {
    for (request, left) in [
        ("GET k", 10.0),
        ("SET k v", 10.1),
        ("SETEX k 1 v", 10.2),
        ("DEL a b c", 10.3),
        (&*mset(200), 30.0),
        ("EVAL x 0", 15.0),
    ] {
        let mut bench = bench();
        default_call(&mut bench, &[request]);
        assert_time_left(&bench, left, request);
    }
    let mut bench = bench();
    default_call(
        &mut bench,
        &["MULTI", "SET a 1", "SET b 2 EX 9", "GET a", "EXEC"],
    );
    assert_time_left(&bench, 10.3, "a transaction");
    let mut bench = self::bench();
    default_call(&mut bench, &["SET a 1", "SET b 2"]);
    assert_time_left(&bench, 10.2, "a pipeline counts its last request");
}

#[test]
fn explicit_timeouts_and_timeouts_on_redis_are_not_extended() {
    let mut bench = bench();
    grown(&mut bench, &[&mset(200)], false);
    assert_time_left(&bench, 10.0, "an explicit timeout");

    let mut bench = self::bench();
    let learned = bench.engine.session.settings.learned.clone();
    learned.note_profile(ServerKind::Redis.profile());
    default_call(&mut bench, &[&mset(200)]);
    default_call(&mut bench, &["SET a 1", "SET b 2"]);
    assert_time_left(&bench, 10.0, "Redis");
    learned.forget();
    default_call(&mut bench, &["SET a 1"]);
    assert_eq!(
        bench.engine.waiting.back().unwrap().deadline(),
        Some(bench.now + Duration::from_millis(10_100))
    );
}

#[test]
fn pending_writes_on_the_same_connection_count_and_completed_ones_do_not() {
    let mut bench = bench();
    for _ in 0..50 {
        default_call(&mut bench, &["SET k v"]);
    }
    bench.sent();
    for _ in 0..50 {
        grown(&mut bench, &["SET k v"], false);
    }
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 20.0, "half owed, half queued");

    // Completed, cancelled, timed out before being sent, lost.
    for _ in 0..50 {
        bench.reply(&bulk("OK"));
    }
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 15.0, "half of it is answered");
    bench.engine.earliest = Some(bench.now);
    bench.advance(11);
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 10.0, "the others were never sent");
    let gone = default_call(&mut bench, &["SET k v"]);
    *gone.borrow_mut() = true;
    bench.sent();
    default_call(&mut bench, &["SET k v"]);
    bench.sent();
    bench.cut();
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 10.0, "cancelled and lost");
}

#[test]
fn the_timeout_of_each_pipelined_command_starts_at_the_previous_reply() {
    let mut bench = bench();
    let requests = vec!["GET k"; 100];
    default_call(&mut bench, &requests);
    bench.sent();
    for _ in 0..99 {
        bench.advance(9);
        bench.reply(&bulk("v"));
    }
    assert_eq!(bench.answers().len(), 99);
    bench.advance(9);
    assert_eq!(bench.answers(), []);
    bench.advance(1);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
}

#[test]
fn the_cost_of_writes_is_measured_and_extends_the_deadlines_of_waiting_calls() {
    let mut bench = bench();
    for _ in 0..100 {
        default_call(&mut bench, &["SET k v"]);
    }
    default_call(&mut bench, &["GET k"]);
    bench.sent();
    // Five times slower than estimated.
    for _ in 0..100 {
        bench.now += Duration::from_millis(500);
        bench.engine.expire(bench.now).unwrap();
        bench.reply(&bulk("OK"));
    }
    bench.reply(&bulk("v"));
    let answers = bench.answers();
    assert_eq!(answers.len(), 101);
    assert!(
        answers
            .iter()
            .all(|(_, answer)| !answer.starts_with("timeout"))
    );
    let cost = bench.engine.session.settings.learned.write_cost();
    assert!((450..=500).contains(&cost.as_millis()), "{cost:?}");
    bench.engine.earliest = None;
    default_call(&mut bench, &[&mset(10)]);
    assert_time_left(
        &bench,
        10.0 + 10.0 * cost.as_secs_f64(),
        "the measured cost",
    );
    // The call waits for a script. That time is not the cost of a key.
    bench.sent();
    bench.reply(&Frame::error("ERR x"));
    assert_eq!(
        bench.engine.session.settings.learned.write_cost(),
        cost,
        "an error writes nothing"
    );
}

#[test]
fn calls_that_are_set_aside_do_not_extend_other_deadlines() {
    let mut bench = bench();
    default_call(&mut bench, &[&mset(200)]);
    bench.sent();
    default_call(&mut bench, &["SET a 1"]);
    let aside = bench.engine.set_aside();
    bench.handshake();
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 10.1, "one key waits");
    drop(aside);
    bench.engine.earliest = None;
    default_call(&mut bench, &["GET k"]);
    assert_time_left(&bench, 10.1, "and still does");
}

#[test]
fn deadlines_are_not_extended_while_the_server_is_unreachable() {
    let mut bench = bench();
    default_call(&mut bench, &["PING"]);
    for _ in 0..100 {
        default_call(&mut bench, &["SET k v"]);
    }
    assert_eq!(bench.send().as_deref(), Some("PING"));
    bench.cut();
    default_call(&mut bench, &[&mset(200)]);
    bench.advance(9);
    assert_eq!(bench.answers().len(), 1, "PING");
    // The client reconnects just before the deadline.
    bench.handshake();
    assert_eq!(bench.send().as_deref(), Some("SET k v"));
    bench.cut();
    bench.answers();
    bench.advance(1);
    assert_eq!(bench.answers().len(), 100);
}

#[test]
fn a_deadline_that_has_passed_moves_when_writes_turned_out_to_be_slow() {
    for sent in [false, true] {
        let mut bench = bench();
        default_call(&mut bench, &[&mset(100)]);
        assert_time_left(&bench, 20.0, "with the estimate");
        if sent {
            assert_eq!(bench.sent().len(), 1);
        }
        let learned = bench.engine.session.settings.learned.clone();
        for _ in 0..100 {
            learned.note_write(Duration::from_millis(500));
        }
        bench.now += 20 * SECOND;
        bench.engine.expire(bench.now).unwrap();
        assert_eq!(bench.answers(), [], "sent: {sent}");
        let expected = 100.0 * learned.write_cost().as_secs_f64() - 10.0;
        assert_time_left(&bench, expected, "with the measured cost");
        bench.now += 40 * SECOND;
        bench.engine.expire(bench.now).unwrap();
        assert_eq!(bench.answers().len(), 1, "sent: {sent}");
    }
}

#[test]
fn a_reply_within_a_pipeline_restarts_the_deadline() {
    let mut bench = bench();
    default_call(&mut bench, &[&mset(200), "GET k"]);
    assert_time_left(&bench, 30.0, "before the first reply");
    bench.engine.session.settings.request_timeout = 12 * SECOND;
    assert_eq!(bench.sent().len(), 2);
    bench.advance(1);
    bench.reply(&bulk("OK"));
    assert_time_left(&bench, 12.0, "the keys are written");
    bench.advance(12);
    let timed_out = bench.answers();
    assert_eq!(timed_out.last().unwrap().1, "timeout sent=true");
}

#[test]
fn the_measured_cost_is_per_key() {
    let mut bench = bench();
    for _ in 0..100 {
        default_call(&mut bench, &[&mset(10)]);
        bench.sent();
        bench.now += 3 * SECOND;
        bench.reply(&bulk("OK"));
    }
    let cost = bench.engine.session.settings.learned.write_cost();
    assert!((250..=300).contains(&cost.as_millis()), "{cost:?}");
}

#[test]
fn an_explicit_timeout_covers_the_whole_pipeline() {
    let mut bench = bench();
    grown(&mut bench, &["SET a 1", "SET b 2", "SET c 3"], false);
    bench.sent();
    bench.advance(9);
    bench.reply(&bulk("OK"));
    bench.advance(1);
    let timeout = (0, "timeout sent=true");
    assert_eq!(bench.answers(), results(&[(0, "\"OK\""), timeout, timeout]));
}

/// Guards against a silent server that is awaited because of replies to callers that have given up.
#[test]
fn a_reply_to_a_pipeline_that_timed_out_does_not_restart_its_deadline() {
    let mut bench = bench();
    default_call(&mut bench, &["GET a", "GET b", "GET c"]);
    bench.sent();
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true"); 3]));
    bench.engine.session.settings.request_timeout = 60 * SECOND;
    bench.reply(&bulk("v"));
    assert_eq!(bench.wait(14), Ok(()));
    assert_eq!(bench.wait(1), Err(Violation::Silent(SILENCE)));
}

#[test]
fn deadlines_are_extended_while_commands_use_the_fallback() {
    let mut bench = Bench::offline();
    default_call(&mut bench, &["SET a 1"]);
    assert_time_left(&bench, 10.0, "unreachable");
    assert_eq!(bench.send_over_fallback().as_deref(), Some("SET a 1"));
    bench.engine.earliest = None;
    default_call(&mut bench, &["SET b 2"]);
    assert_time_left(&bench, 10.2, "its own key, and the one in flight");
}

#[test]
fn the_time_of_a_script_in_a_transaction_is_not_the_cost_of_its_keys() {
    let mut bench = bench();
    let cost = bench.engine.session.settings.learned.write_cost();
    default_call(&mut bench, &["MULTI", "SET a 1", "EVAL x 0", "EXEC"]);
    bench.sent();
    for reply in ["OK", "QUEUED", "QUEUED"] {
        bench.reply(&bulk(reply));
    }
    bench.now += 4 * SECOND;
    bench.reply(&bulk("done"));
    assert_eq!(bench.answers().len(), 4);
    assert_eq!(bench.engine.session.settings.learned.write_cost(), cost);
}
