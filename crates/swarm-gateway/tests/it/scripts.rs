//! Scripts of the embedded store: results, line breaks in them, scripts that do not end, and BUSY.

use std::time::Duration;

use swarm_gateway::{Clock, Dialect, Gateway, Quirk};
use swarm_resp::Request;

use crate::client::{Client, show};
use crate::peer::{Listener, Peer};

async fn eval(peer: &mut Peer, script: &str, words: &[&str]) -> String {
    let args = [&["EVAL", script], words].concat();
    peer.request(&Request::new("", args)).await;
    show(&peer.reply().await)
}

async fn upstream() -> Gateway {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let builder = Gateway::builder().dialect(dialect);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn supported_syntax() {
    for gateway in [upstream().await, swarm_gateway::test().await.unwrap()] {
        let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
        for (script, words, expected) in [
            ("", &["0"][..], "nil"),
            ("return 3.7", &["0"], "3"),
            ("return -0.5", &["0"], "0"),
            ("return {1, 2, {3, 'x'}}", &["0"], "[1, 2, [3, \"x\"]]"),
            ("return {1, nil, 3}", &["0"], "[1]"),
            ("return #ARGV", &["0", "a", "b"], "2"),
            ("return ARGV", &["0", "x", "y"], "[\"x\", \"y\"]"),
            (
                "return {KEYS[1], ARGV[1], ARGV[9]}",
                &["1", "k", "v"],
                "[\"k\", \"v\"]",
            ),
            ("return redis.error_reply('MY err')", &["0"], "-MY err"),
            ("return {err='MY err'}", &["0"], "-MY err"),
            (
                "return redis.status_reply(ARGV[1])",
                &["0", "FINE"],
                "\"FINE\"",
            ),
            ("return {true, false}", &["0"], "[1, nil]"),
            (
                "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])",
                &["1", "k", "v"],
                "\"v\"",
            ),
            (
                "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) \
                 else return 0 end",
                &["1", "k", "other"],
                "0",
            ),
            (
                "if redis.call('get', KEYS[1]) == ARGV[1] then\n return redis.call('del', \
                 KEYS[1])\nelse\n return 0\nend",
                &["1", "k", "v"],
                "1",
            ),
            ("local n = for", &["0"], ""),
            (
                "for i = 1, 3 do redis.call('INCRBY', 'n', i) end return redis.call('GET', 'n')",
                &["0"],
                "\"6\"",
            ),
            (
                "return 1",
                &["5"],
                "-ERR Number of keys can't be greater than number of args",
            ),
            (
                "return 1",
                &["abc"],
                "-ERR value is not an integer or out of range",
            ),
        ] {
            let reply = eval(&mut peer, script, words).await;
            if expected.is_empty() {
                assert!(
                    reply.starts_with("-ERR Error compiling script"),
                    "{script}: {reply}"
                );
            } else {
                assert_eq!(reply, expected, "{script}");
            }
        }
        assert!(
            eval(&mut peer, "return redis.call('MULTI')", &["0"])
                .await
                .starts_with("-ERR ")
        );
        let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
        assert!(peer.call("EVALSHA abc 0").await.starts_with("-NOSCRIPT "));
        peer.request(&Request::new("", ["SCRIPT", "LOAD", "return 1"]))
            .await;
        assert_eq!(peer.reply().await.as_str(), Some(sha));
        assert_eq!(peer.call(&format!("EVALSHA {sha} 0")).await, "1");
        assert_eq!(peer.call(&format!("SCRIPT EXISTS {sha} x")).await, "[1, 0]");
        assert_eq!(peer.call("SCRIPT FLUSH").await, "\"OK\"");
        assert_eq!(peer.call(&format!("SCRIPT EXISTS {sha}")).await, "[0]");
    }
}

#[tokio::test]
async fn line_breaks_in_script_results_shift_replies() {
    let dialect = Dialect::UPSTREAM
        .without(Quirk::WriteQueue)
        .with(Quirk::CrLf);
    let builder = Gateway::builder().dialect(dialect);
    let gateway = builder.start().await.unwrap();
    for (script, first) in [
        ("return redis.error_reply(ARGV[1])", "[\"-a\"]"),
        ("return redis.status_reply(ARGV[1])", "\"a\""),
        ("return redis.call(ARGV[1])", "'A\"]"),
        ("return {redis.error_reply(ARGV[1])}", "[[\"-a\"]]"),
        ("return {1, {redis.status_reply(ARGV[1])}}", "[1, [\"a\"]]"),
    ] {
        let mut peer = Peer::connect(&gateway, Listener::Ws).await;
        let reply = eval(&mut peer, script, &["0", "a\r\nb"]).await;
        assert!(
            reply.replace('\\', "").ends_with(first),
            "{script}: {reply}"
        );
        assert!(
            peer.call("ECHO 1").await.to_lowercase().contains('b'),
            "{script}"
        );
        assert_eq!(peer.call("ECHO 2").await, "\"1\"", "{script}");
        // A lone LF is harmless.
        let mut peer = Peer::connect(&gateway, Listener::Ws).await;
        assert_eq!(
            eval(&mut peer, script, &["0", "a\nb"])
                .await
                .to_lowercase()
                .matches('b')
                .count(),
            1
        );
        assert_eq!(peer.call("ECHO 1").await, "\"1\"", "{script}");
    }
}

#[tokio::test]
async fn a_busy_script_keeps_running() {
    let clock = Clock::manual();
    let builder = Gateway::builder()
        .dialect(Dialect::UPSTREAM)
        .script_limit(Duration::from_millis(250));
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Ws).await;
    let mut other = Client::connect(&gateway).await;
    let script = "for i = 1, 8 do redis.call('INCR', KEYS[1]) end return 1";
    peer.request(&Request::new("", ["EVAL", script, "1", "n"]))
        .await;
    let mut seen = String::new();
    for writes in 1..=2 {
        while seen != format!("\"{writes}\"") {
            clock.advance(Duration::from_millis(10));
            seen = other.call("GET n").await;
        }
    }
    clock.advance(Duration::from_millis(250));
    assert_eq!(
        show(&peer.reply().await),
        "[\"-BUSY\", \"Script\", \"exceeded\", \"time\", \"limit\"]"
    );
    assert_ne!(other.call("GET n").await, "\"8\"");
    while other.call("GET n").await != "\"8\"" {
        clock.advance(Duration::from_millis(10));
    }
    assert_eq!(
        other.call("SCRIPT KILL").await.split('"').nth(1),
        Some("-NOTBUSY")
    );
}

/// Other clients can write between its commands, and WATCH does not see its writes.
#[tokio::test]
async fn scripts_are_not_atomic_and_invisible_to_watch() {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Ws).await;
    let mut other = Client::connect(&gateway).await;
    other.call("WATCH n").await;
    let script =
        "redis.call('SET', 'n', 1) redis.call('SET', 'm', 1) return redis.call('GET', 'n')";
    peer.request(&Request::new("", ["EVAL", script, "0"])).await;
    while other.call("GET n").await == "nil" {
        clock.advance(Duration::from_millis(10));
    }
    assert_eq!(other.call("GET m").await, "nil");
    while other.call("GET m").await == "nil" {
        clock.advance(Duration::from_millis(10));
    }
    assert_eq!(show(&peer.reply().await), "\"1\"");
    other.call("MULTI").await;
    other.call("PING").await;
    assert_eq!(other.call("EXEC").await, "[\"PONG\"]");
}

#[tokio::test]
async fn upstream_rejects_scripts_inside_multi() {
    let gateway = upstream().await;
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    peer.call("MULTI").await;
    assert_eq!(peer.call("EVAL x 0").await, "-ERR unknown command `EVAL`");
    assert!(peer.call("EXEC").await.starts_with("-EXECABORT "));
}

/// Runs a script on a connection of its own until other commands are rejected.
async fn run_until_busy(gateway: &Gateway, script: &str) -> (Peer, Peer) {
    let mut other = Peer::connect(gateway, Listener::Tcp).await;
    other.call("CONFIG SET busy-reply-threshold 100").await;
    let mut running = Peer::connect(gateway, Listener::Tcp).await;
    running
        .request(&Request::new("", ["EVAL", script, "0"]))
        .await;
    while !other.call("GET k").await.starts_with("-BUSY ") {}
    (running, other)
}

#[tokio::test]
async fn a_script_that_does_not_end_is_killed() {
    let gateway = swarm_gateway::test().await.unwrap();
    let endless = "redis.call('GET', 'k') while true do pcall(function() end) end";
    let (mut running, mut other) = run_until_busy(&gateway, endless).await;
    assert_eq!(other.call("MULTI").await, "\"OK\"");
    assert_eq!(
        other.call("SET k v").await,
        "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
    );
    assert_eq!(other.call("DISCARD").await, "\"OK\"");
    assert_eq!(other.call("SCRIPT KILL").await, "\"OK\"");
    let ended = show(&running.reply().await);
    assert!(
        ended.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "),
        "{ended}"
    );
    assert_eq!(other.call("SET k v").await, "\"OK\"");
    assert!(other.call("SCRIPT KILL").await.starts_with("-NOTBUSY "));
}

#[tokio::test]
async fn a_long_script_that_has_written_goes_on() {
    let gateway = swarm_gateway::test().await.unwrap();
    let long = "redis.call('SET', 'k', '1') local n = 0 repeat n = n + 1 until n > 3e7 \
                redis.call('SET', 'k', '2') return 'done'";
    let (mut running, mut other) = run_until_busy(&gateway, long).await;
    let killed = other.call("SCRIPT KILL").await;
    assert!(killed.starts_with("-UNKILLABLE "), "{killed}");
    assert_eq!(show(&running.reply().await), "\"done\"");
    assert_eq!(other.call("GET k").await, "\"2\"");
}

/// Runs a script in a transaction, after a push and before another one, until other commands are
/// rejected.
async fn run_in_transaction(gateway: &Gateway, script: &str) -> (Peer, Peer) {
    let mut other = Peer::connect(gateway, Listener::Tcp).await;
    other.call("CONFIG SET busy-reply-threshold 100").await;
    let mut running = Peer::connect(gateway, Listener::Tcp).await;
    running.call("MULTI").await;
    running.call("RPUSH list before").await;
    eval(&mut running, script, &["0"]).await;
    running.call("SELECT 1").await;
    running.call("RPUSH list after").await;
    running.request(&Request::new("", ["EXEC"])).await;
    while !other.call("GET k").await.starts_with("-BUSY ") {}
    (running, other)
}

#[tokio::test]
async fn a_script_of_a_transaction_that_does_not_end_is_killed() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut blocked = Peer::connect(&gateway, Listener::Tcp).await;
    blocked
        .request(&Request::new("", ["BLPOP", "list", "0"]))
        .await;
    let (mut running, mut other) = run_in_transaction(&gateway, "while true do end").await;
    assert_eq!(other.call("SCRIPT KILL").await, "\"OK\"");
    let replies = show(&running.reply().await);
    assert!(
        replies.starts_with("[1, (error) ERR Script killed by user with SCRIPT KILL... script: ")
            && replies.ends_with(", \"OK\", 1]"),
        "{replies}"
    );
    // It is served once the transaction is over.
    assert_eq!(show(&blocked.reply().await), "[\"list\", \"before\"]");
    assert_eq!(running.call("LRANGE list 0 -1").await, "[\"after\"]");
    assert_eq!(other.call("LRANGE list 0 -1").await, "[]");
}

#[tokio::test]
async fn a_transaction_ends_although_its_client_has_left() {
    let gateway = swarm_gateway::test().await.unwrap();
    let long = "local n = 0 repeat n = n + 1 until n > 3e7 return redis.call('SET', 'k', 'v')";
    let (running, mut other) = run_in_transaction(&gateway, long).await;
    drop(running);
    while other.call("GET k").await.starts_with("-BUSY ") {}
    assert_eq!(other.call("GET k").await, "\"v\"");
    other.call("SELECT 1").await;
    assert_eq!(other.call("LRANGE list 0 -1").await, "[\"after\"]");
}

#[tokio::test]
async fn a_script_cannot_use_more_than_its_memory() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    let script = "local s = 'x' while true do s = s .. s end";
    let reply = eval(&mut peer, script, &["0"]).await;
    assert!(reply.starts_with("-ERR not enough memory"), "{reply}");
    let wide = "local t = {} t[1] = t t[2] = t return t";
    let reply = eval(&mut peer, wide, &["0"]).await;
    assert_eq!(reply, "-ERR script output too large");
    let nested = "local t = {} t[1] = t return t";
    peer.request(&Request::new("", ["EVAL", nested, "0"])).await;
    let mut reply = peer.reply().await;
    while let Some(inner) = reply.get(0).map(|inner| inner.to_frame()) {
        reply = inner;
    }
    assert_eq!(
        reply.error_bytes(),
        Some(&b"ERR reached lua stack limit"[..])
    );
}

#[tokio::test]
async fn a_killed_script_that_looks_at_nothing_is_left_alone() {
    let gateway = swarm_gateway::test().await.unwrap();
    let slow = "return string.find(('a'):rep(100000), '.-b')";
    let (mut running, mut other) = run_until_busy(&gateway, slow).await;
    assert_eq!(other.call("SCRIPT KILL").await, "\"OK\"");
    let ended = show(&running.reply().await);
    assert!(ended.starts_with("-ERR Script killed by user"), "{ended}");
    assert_eq!(other.call("SET k v").await, "\"OK\"");
}

#[tokio::test]
async fn the_time_that_commands_take_is_measured() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    for setting in ["yes", "no"] {
        peer.call(&format!("CONFIG SET latency-tracking {setting}"))
            .await;
        peer.call("CONFIG RESETSTAT").await;
        eval(&mut peer, "for i = 1, 100000 do end", &["0"]).await;
        peer.send("INFO commandstats").await;
        let info = peer.reply().await.as_str().unwrap().to_owned();
        let usec = info.split("cmdstat_eval:calls=1,usec=").nth(1);
        let digits = usec.and_then(|usec| usec.split(',').next());
        let micros: u64 = digits.unwrap().parse().unwrap();
        assert!((10..10_000_000).contains(&micros), "{setting}: {info}");
        let histogram = peer.call("LATENCY HISTOGRAM eval").await;
        assert_eq!(histogram.contains("calls"), setting == "yes", "{histogram}");
    }
}
