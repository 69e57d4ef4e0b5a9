//! Random schedules: whatever the order of sends, replies, timeouts, cancellations and cuts, every call gets its own
//! reply or an honest failure, and none that must not is sent twice.

use std::collections::{HashMap, VecDeque};

use super::*;

/// Schedules played per run. A failure names its seed.
const SCHEDULES: u64 = 20_000;

#[derive(Default)]
struct Peer {
    /// Requests that it got over this connection and has not answered.
    owed: VecDeque<String>,
    /// How often each request reached it, over all connections.
    got: HashMap<String, u32>,
}

#[test]
fn no_schedule_shifts_a_reply_or_doubles_a_write() {
    for seed in 0..SCHEDULES {
        play(seed);
    }
}

fn play(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bench = Bench::ready();
    let mut peer = Peer::default();
    let mut names = Vec::new();
    let mut cancelled = Vec::new();
    let mut answers = HashMap::new();
    let steps = rng.usize(1..60);
    for _ in 0..steps {
        match rng.u8(0..12) {
            0..=2 => {
                let write = rng.bool();
                let name = format!("{}{}", if write { "w" } else { "r" }, names.len());
                let retry = if write { Retry::Never } else { Retry::ReadOnly };
                cancelled.push(bench.call(&name, retry, rng.u8(0..10) == 0));
                names.push(name);
            }
            3..=5 => send(&mut bench, &mut peer),
            6..=7 => answer(&mut bench, &mut peer),
            8 if !cancelled.is_empty() => {
                *cancelled[rng.usize(0..cancelled.len())].borrow_mut() = true;
            }
            9 => {
                if bench.wait(rng.u64(0..6)).is_err() {
                    reconnect(&mut bench, &mut peer);
                }
            }
            10 => bench.reply(&Frame::build(|reply| {
                reply.push_message(|push| push.bulk(b"x"));
            })),
            11 if rng.u8(0..3) == 0 => {
                reconnect(&mut bench, &mut peer);
            }
            _ => {}
        }
        note(&mut bench, &mut answers, seed);
    }
    // Let everything come to its end.
    loop {
        send(&mut bench, &mut peer);
        if peer.owed.is_empty() {
            break;
        }
        answer(&mut bench, &mut peer);
    }
    note(&mut bench, &mut answers, seed);
    assert!(
        !bench.engine.has_living_calls(),
        "seed {seed}: a call was forgotten"
    );
    assert!(
        bench.engine.in_flight.is_empty(),
        "seed {seed}: a slot leaked"
    );
    for (number, name) in names.iter().enumerate() {
        let times = peer.got.get(name).copied().unwrap_or(0);
        assert!(
            times <= 1 || name.starts_with('r'),
            "seed {seed}: {name} was sent {times} times"
        );
        let gone = *cancelled[number].borrow();
        match answers.get(&(number as u64)) {
            None => assert!(gone, "seed {seed}: {name} got no answer"),
            Some(text) if text.starts_with('"') => {
                assert_eq!(
                    *text,
                    format!("{name:?}"),
                    "seed {seed}: a reply of another"
                );
            }
            Some(text) if text.ends_with("sent=false") => {
                assert_eq!(times, 0, "seed {seed}: {name} was sent, though it says not");
            }
            Some(text) => assert!(text.ends_with("sent=true"), "seed {seed}: {text}"),
        }
    }
}

fn reconnect(bench: &mut Bench, peer: &mut Peer) {
    bench.cut();
    peer.owed.clear();
    bench.handshake();
}

fn send(bench: &mut Bench, peer: &mut Peer) {
    if let Some(name) = bench.send() {
        *peer.got.entry(name.clone()).or_default() += 1;
        peer.owed.push_back(name);
    }
}

fn answer(bench: &mut Bench, peer: &mut Peer) {
    if let Some(name) = peer.owed.pop_front() {
        bench.reply(&bulk(&name));
    }
}

fn note(bench: &mut Bench, answers: &mut HashMap<u64, String>, seed: u64) {
    for (number, text) in bench.answers() {
        let earlier = answers.insert(number, text);
        assert!(
            earlier.is_none(),
            "seed {seed}: call {number} was answered twice"
        );
    }
}
