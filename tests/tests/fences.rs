//! Texts with line breaks, which SwarmKeyDb writes as they are: no task ever receives a reply that belongs to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, ErrorKind, Options, Outcome, State, prelude::*};
use swarm_tests::within;
use tokio::task::JoinSet;

/// What scripts return: each shifts the replies behind it by another number, or keeps them from coming at all.
const TEXTS: [&str; 16] = [
    "ERR x\r\ny",
    "ERR x\r\n",
    "ERR x\r\n\r\n",
    "ERR x\r\n:1",
    "ERR x\r\n:1\r\n",
    "ERR x\r\n$3\r\nabc",
    "ERR x\r\n$3\r\nabc\r\n:1\r\n",
    "ERR x\r\n*2",
    "ERR x\r\n+a\r\n*2",
    "ERR x\r\n$5\r\nab",
    "ERR x\r\n-ERR x",
    "ERR x\r\n+OK",
    "ERR x\r\n*1\r\n*1\r\n:1",
    "ERR x\r\n$-1\r\n*0\r\n",
    "ERR x\ry",
    "ERR x\ny",
];

/// The ways in which a script returns a text: as an error, as a status, as an error within a list.
const SCRIPTS: [&str; 3] = [
    "return redis.error_reply(ARGV[1])",
    "return redis.status_reply(ARGV[1])",
    "return {1, redis.error_reply(ARGV[1])}",
];

/// How many tasks are busy on the same connection.
const TASKS: usize = 16;

/// A server as SwarmKeyDb is, without its write queue.
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
    let options = Options::new(url)
        .request_timeout(Duration::from_millis(300))
        .silence(Duration::from_millis(300))
        .heartbeat(Duration::from_millis(100))
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(10));
    within(Client::connect(options)).await.unwrap()
}

/// Tasks that ask for texts which only they know, each in commands, pipelines and transactions in turn. They count the
/// replies that are their own, and panic at the first that is not.
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

    /// Stops the tasks, once they have received replies of their own.
    async fn stop(mut self) {
        let received = async {
            while self.own.load(Ordering::Relaxed) == 0 && !self.tasks.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        within(received).await;
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = within(self.tasks.join_next()).await {
            task.unwrap();
        }
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

/// Every text by every form of script, alone and in a pipeline, among busy tasks on the same connection.
async fn no_foreign_replies_over(url: fn(&Gateway) -> &str) {
    let gateway = gateway().await;
    let client = client(url(&gateway)).await;
    let busy = Busy::start(&client);
    for text in TEXTS {
        for script in SCRIPTS {
            // Whatever it answers, it is no value that another task asked for.
            let outcome = within(client.eval(script, (), text)).await;
            assert!(
                outcome.is_err() || script != SCRIPTS[0],
                "{text:?}: {outcome:?}"
            );
            let pipeline = client.pipeline();
            let handles = (
                pipeline.echo("before"),
                pipeline.eval(script, (), text),
                pipeline.echo("behind"),
            );
            let (before, _, behind) = within(pipeline.send(handles)).await;
            assert!(before.is_err() || before.unwrap() == "before", "{text:?}");
            assert!(behind.is_err() || behind.unwrap() == "behind", "{text:?}");
        }
    }
    busy.stop().await;
    // The client finds its way back, whatever came last.
    let mut states = client.watch_state();
    assert!(within(states.reached(State::Connected)).await);
    for _ in 0..3 {
        let _may_be_lost = within(client.echo("x")).await;
    }
    assert_eq!(within(client.echo("x")).await.unwrap(), "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_a_script_hands_one_task_the_reply_of_another_over_tcp() {
    no_foreign_replies_over(Gateway::tcp_url).await;
}

/// Commands without a method that repeat a name in an error: refused before they are sent, and nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_with_line_breaks_are_refused_without_a_method_too() {
    let gateway = gateway().await;
    for url in [gateway.ws_url(), gateway.tcp_url()] {
        let client = client(url).await;
        let busy = Busy::start(&client);
        for text in TEXTS {
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
                assert_eq!(error.outcome(), Outcome::NotSent);
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

/// A connection whose script shifts it may have run; commands that only read behind it are sent again.
#[tokio::test]
async fn a_script_whose_reply_is_cut_off_may_have_run() {
    let gateway = gateway().await;
    for url in [gateway.ws_url(), gateway.tcp_url()] {
        let client = client(url).await;
        let error = within(client.eval(SCRIPTS[0], (), "ERR x\r\n:1")).await;
        let error = error.unwrap_err();
        assert_eq!(error.outcome(), Outcome::MayHaveRun, "{error}");
        assert!(!error.is_retryable(), "{error}");
    }
}
