//! Unescaped line breaks from SwarmKeyDb: no task ever receives a reply that belongs to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome};
use swarm_tests::within;
use tokio::task::JoinSet;

/// Script results that shift later replies, each by a different number.
const SHIFTS: [&str; 13] = [
    "ERR x\r\ny",
    "ERR x\r\n",
    "ERR x\r\n\r\n",
    "ERR x\r\n:1",
    "ERR x\r\n:1\r\n",
    "ERR x\r\n$3\r\nabc",
    "ERR x\r\n$3\r\nabc\r\n:1\r\n",
    "ERR x\r\n*2",
    "ERR x\r\n+a\r\n*2",
    "ERR x\r\n-ERR x",
    "ERR x\r\n+OK",
    "ERR x\r\n*1\r\n*1\r\n:1",
    "ERR x\r\n$-1\r\n*0\r\n",
];

/// Texts after which nothing more arrives over WebSocket, and one that changes nothing.
const MUTES: [&str; 3] = ["ERR x\r\n$5\r\nab", "ERR x\ry", "ERR x\ny"];

/// Forms in which a script returns a text: as an error, a status, and an error inside an array.
const SCRIPTS: [&str; 3] = [
    "return redis.error_reply(ARGV[1])",
    "return redis.status_reply(ARGV[1])",
    "return {1, redis.error_reply(ARGV[1])}",
];

/// Number of tasks that use the same connection.
const TASKS: usize = 16;

/// Timeout of every command and pipeline.
const TIMEOUT: Duration = Duration::from_millis(300);

/// Returns a gateway with SwarmKeyDb's quirks except the write queue.
async fn gateway() -> Gateway {
    let dialect = Dialect::UPSTREAM
        .without(Quirk::WriteQueue)
        .with(Quirk::CrLf);
    let builder = Gateway::builder()
        .dialect(dialect)
        .ws("127.0.0.1:0")
        .tcp("127.0.0.1:0");
    builder.start().await.unwrap()
}

async fn client(url: &str) -> Client {
    // All tasks share one connection.
    let options = ClientOptions::new(url)
        .max_connections(1)
        .request_timeout(TIMEOUT)
        .inactivity_timeout(Duration::from_millis(100))
        .heartbeat_interval(Duration::from_millis(50))
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(10));
    within(Client::connect(options)).await.unwrap()
}

/// Tasks that request texts known only to them, alternating between commands, pipelines, and
/// transactions. They count their own replies and panic at the first foreign one.
struct Busy {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    own: Arc<AtomicU64>,
}

impl Busy {
    fn start(client: &Client) -> Self {
        let mut busy = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            own: Arc::default(),
        };
        for task in 0..TASKS {
            let (client, stop, own) = (client.clone(), busy.stop.clone(), busy.own.clone());
            busy.tasks.spawn(async move {
                let _stop = StopAll(Arc::clone(&stop));
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let mine = format!("{task}-{turn}");
                    let replies = ask(&client, &mine, turn % 3).await;
                    for reply in replies.into_iter().flatten() {
                        assert_eq!(reply, mine.as_bytes(), "a foreign reply");
                        own.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        busy
    }

    /// Waits until the tasks have received more of their own replies, or one of them has ended.
    async fn go_on(&self) {
        let before = self.own.load(Ordering::Relaxed);
        while self.own.load(Ordering::Relaxed) == before && !self.stop.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
    }

    /// Stops the tasks after they have received more of their own replies.
    async fn stop(mut self) {
        within(self.go_on()).await;
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = within(self.tasks.join_next()).await {
            task.unwrap();
        }
    }
}

/// Stops all tasks when a panicking task drops it.
struct StopAll(Arc<AtomicBool>);

impl Drop for StopAll {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn ask(client: &Client, mine: &str, how: u64) -> Vec<swarm_keydb::Result<bytes::Bytes>> {
    match how {
        0 => vec![client.echo(mine).await],
        1 => {
            let pipeline = client.pipeline();
            let handles = vec![pipeline.echo(mine), pipeline.echo(mine)];
            pipeline.send(handles).await
        }
        _ => {
            let transaction = client.transaction();
            let handles = vec![transaction.echo(mine), transaction.echo(mine)];
            transaction.exec(handles).await.unwrap_or_default()
        }
    }
}

/// Runs every text with every form of script, alone and in a pipeline, while other tasks use the
/// same connection. Returns the client after the tasks have ended.
async fn no_foreign_replies(url: &str, texts: &[&str]) -> Client {
    let client = client(url).await;
    let busy = Busy::start(&client);
    for (number, text) in texts.iter().enumerate() {
        for (at, script) in SCRIPTS.into_iter().enumerate() {
            // With a key of its own, it waits for no other.
            let key = format!("{number}:{at}");
            // Whatever this returns, it is no value requested by another task. The timeout is
            // explicit, because a script has five more seconds by default.
            let outcome = within(client.eval(script, [&*key], *text).timeout(TIMEOUT)).await;
            assert!(
                outcome.is_err() || script != SCRIPTS[0],
                "{text:?}: {outcome:?}"
            );
            let pipeline = client.pipeline().timeout(TIMEOUT);
            let handles = (
                pipeline.echo("before"),
                pipeline.eval(script, [format!("{key}:again")], *text),
                pipeline.echo("behind"),
            );
            let (before, _, behind) = within(pipeline.send(handles)).await;
            assert!(before.is_err() || before.unwrap() == "before", "{text:?}");
            assert!(behind.is_err() || behind.unwrap() == "behind", "{text:?}");
        }
    }
    busy.stop().await;
    client
}

/// Waits until no connection is draining.
async fn nothing_is_set_aside(client: &Client) {
    while client.stats().draining > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_script_text_misdelivers_a_reply_over_websocket() {
    let gateway = gateway().await;
    let client = no_foreign_replies(gateway.ws_url(), &SHIFTS).await;
    // Transactions were in flight. Their connections close although each has a surplus reply.
    within(nothing_is_set_aside(&client)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_script_text_leaves_a_client_on_an_unresponsive_websocket() {
    let gateway = gateway().await;
    // More connections become unresponsive in the middle of a transaction than can be drained.
    let client = no_foreign_replies(gateway.ws_url(), &MUTES).await;
    assert!(client.stats().reconnects >= 12, "{:?}", client.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_script_text_misdelivers_a_reply_over_tcp() {
    let gateway = gateway().await;
    let client = no_foreign_replies(gateway.tcp_url(), &[&SHIFTS[..], &MUTES].concat()).await;
    within(nothing_is_set_aside(&client)).await;
}

/// Commands without a method whose errors repeat a name: rejected before they are sent, without
/// affecting others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_with_line_breaks_are_refused_without_a_method_too() {
    let gateway = gateway().await;
    for url in [gateway.ws_url(), gateway.tcp_url()] {
        let client = client(url).await;
        let busy = Busy::start(&client);
        for text in SHIFTS.iter().chain(&MUTES) {
            let raw: [(&'static str, &[&str]); 8] = [
                ("XACK", &["k", text, "1-1"]),
                ("XPENDING", &["k", text]),
                ("XREADGROUP", &["GROUP", text, "c", "STREAMS", "k", ">"]),
                ("XCLAIM", &["k", text, "c", "0", "1-1"]),
                ("XAUTOCLAIM", &["k", text, "c", "0", "0-0"]),
                ("XGROUP", &["CREATE", "k", text, "0-0"]),
                ("SCRIPT", &[text]),
                ("PUBSUB", &[text]),
            ];
            for (command, args) in raw {
                let error = within(client.raw(command, args)).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Argument, "{command} {text:?}");
                assert_eq!(error.outcome(), Some(Outcome::NotSent));
                let queued = client.transaction();
                let handle = queued.raw(command, args);
                let error = within(queued.exec(handle)).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Argument, "{command} {text:?}");
            }
        }
        busy.stop().await;
        assert_eq!(client.stats().reconnects, 0);
    }
}

/// A script whose reply is cut off may have run; read-only commands behind it are retried.
#[tokio::test]
async fn a_script_whose_reply_is_cut_off_may_have_run() {
    let gateway = gateway().await;
    for url in [gateway.ws_url(), gateway.tcp_url()] {
        let client = client(url).await;
        let error = within(client.eval(SCRIPTS[0], (), "ERR x\r\n:1")).await;
        let error = error.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
        assert!(!error.is_retryable(), "{error}");
    }
}
