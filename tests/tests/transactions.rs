//! Optimistic transactions on exclusive connections.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, ClientOptions, Error, ErrorKind, Exclusive, Outcome, prelude::*};
use swarm_tests::{
    Proxy, Redis, Target, cancel_after, connected, connected_to, targets, within, within_secs,
};

/// Returns servers with sessions, each with its own store.
async fn servers() -> Vec<Target> {
    let mut targets = targets().await;
    targets.retain(|target| !target.name.starts_with("http"));
    targets
}

/// Increments a number by reading and writing it.
async fn add_one(own: &mut Exclusive, key: &str) -> Result<i64, Error> {
    let count: i64 = own.get_as(key).await?.unwrap_or(0);
    let tx = own.transaction();
    let set = tx.set(key, count + 1);
    tx.exec(set).await??;
    Ok(count + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_compare_and_set_loses_no_update() {
    const TASKS: i64 = 64;
    const ROUNDS: i64 = 4;
    for target in servers().await.into_iter().filter(Target::is_atomic) {
        let options = target.options.clone().transact_attempts(100_000);
        let options = options.request_timeout(Duration::from_secs(50));
        let client = within(Client::connect(options)).await.unwrap();
        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let writer = client.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let added = writer.transact("sum", async |own| add_one(own, "sum").await);
                    added.await.unwrap();
                }
            }));
            let other = client.clone();
            tasks.push(tokio::spawn(async move {
                let key = format!("own:{task}");
                for round in 1..=50 {
                    assert_eq!(other.incr(&key).await.unwrap(), round);
                    let text = other.echo(&key).await.unwrap();
                    assert_eq!(text, key);
                }
            }));
        }
        for task in tasks {
            // Contending transactions; each call fails if it times out.
            let done = within_secs(60, task).await;
            done.unwrap_or_else(|error| panic!("{}: {error}", target.name));
        }
        let sum: Option<i64> = within(client.get_as("sum")).await.unwrap();
        assert_eq!(sum, Some(TASKS * ROUNDS), "{}", target.name);
    }
}

#[tokio::test]
async fn a_change_of_a_watched_key_is_a_conflict_and_nothing_runs() {
    for target in servers().await {
        let client = target.connect().await;
        let name = &target.name;
        let mut own = within(client.exclusive()).await.unwrap();
        within(own.watch(["a", "b"])).await.unwrap();
        assert!(own.is_watching());
        within(client.set("b", "theirs")).await.unwrap();
        let tx = own.transaction();
        let handles = (tx.set("a", "mine"), tx.incr("n"));
        let error = within(tx.exec(handles)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{name}: {error}");
        assert_eq!(error.outcome(), Some(Outcome::Rejected), "{name}");
        assert_eq!(
            within(client.exists(["a", "n"])).await.unwrap(),
            0,
            "{name}"
        );

        // EXEC has ended the watch: the connection is clean, and the next transaction runs.
        assert!(!own.is_watching());
        let tx = own.transaction();
        let handles = (tx.set("a", "mine"), tx.incr("n"), tx.get("a"));
        let (set, n, a) = within(tx.exec(handles)).await.unwrap();
        set.unwrap();
        assert_eq!(n.unwrap(), 1, "{name}");
        assert_eq!(a.unwrap().as_deref(), Some(b"mine".as_slice()), "{name}");

        // UNWATCH has ended the watch too.
        within(own.watch("a")).await.unwrap();
        within(own.unwatch()).await.unwrap();
        within(client.set("a", "theirs")).await.unwrap();
        let tx = own.transaction();
        let n = tx.incr("n");
        assert_eq!(within(tx.exec(n)).await.unwrap().unwrap(), 2, "{name}");
        drop(own);
        settled(&client).await;
        assert_eq!(client.stats().dedicated.idle, 1, "{name}");
    }
}

#[tokio::test]
async fn errors_within_a_transaction_say_which_command() {
    for target in servers().await {
        let client = target.connect().await;
        let name = &target.name;
        within(client.set("text", "no number")).await.unwrap();

        let own = within(client.exclusive()).await.unwrap();
        let tx = own.transaction();
        let handles = (tx.incr("n"), tx.raw("NOSUCHCOMMAND", ()), tx.incr("n"));
        let error = within(tx.exec(handles)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{name}: {error}");
        assert_eq!(error.outcome(), Some(Outcome::Rejected), "{name}: {error}");
        assert_eq!(error.command(), Some("NOSUCHCOMMAND"), "{name}: {error}");
        assert_eq!(error.position(), Some(1), "{name}: {error}");
        assert_eq!(within(client.exists("n")).await.unwrap(), 0, "{name}");

        let tx = own.transaction();
        let handles = (tx.incr("n"), tx.incr("text"), tx.incr("n"));
        let (first, failed, last) = within(tx.exec(handles)).await.unwrap();
        assert_eq!((first.unwrap(), last.unwrap()), (1, 2), "{name}");
        let failed = failed.unwrap_err();
        assert_eq!(failed.command(), Some("INCR"), "{name}: {failed}");
        assert_eq!(
            failed.outcome(),
            Some(Outcome::Rejected),
            "{name}: {failed}"
        );
    }
}

#[tokio::test]
async fn a_cut_after_exec_may_have_run_and_is_not_retried() {
    let url: [fn(&Gateway) -> &str; 2] = [Gateway::ws_url, Gateway::tcp_url];
    for url in url {
        let gateway = swarm_gateway::test().await.unwrap();
        let client = within(Client::connect(url(&gateway))).await.unwrap();
        gateway.faults().cut_after("EXEC");
        let added = client.transact("n", async |own| add_one(own, "n").await);
        let error = within(added).await.unwrap_err();
        assert!(error.is_connection(), "{error}");
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
        assert_eq!(error.command(), Some("EXEC"));
        assert_eq!(gateway.executions("EXEC"), 1);
        let n: Option<i64> = within(client.get_as("n")).await.unwrap();
        assert_eq!(n, Some(1));

        // Nothing was written before EXEC, and the error names the lost command.
        gateway.faults().cut_after("GET");
        let added = client.transact("n", async |own| add_one(own, "n").await);
        let error = within(added).await.unwrap_err();
        assert!(error.is_connection(), "{error}");
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
        assert_eq!(error.command(), Some("GET"));
        assert_eq!(gateway.executions("EXEC"), 1);
    }
}

#[tokio::test]
async fn conflicts_without_end_are_given_up() {
    for target in servers().await {
        let options = target.options.clone().transact_attempts(3);
        let client = within(Client::connect(options)).await.unwrap();
        // Other writes of the same client wait for the transaction.
        let other = target.connect().await;
        let calls = AtomicU32::new(0);
        let result = client.transact("n", async |own| {
            calls.fetch_add(1, Ordering::Relaxed);
            other.incr("n").await?;
            add_one(own, "n").await
        });
        let error = within(result).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", target.name);
        assert_eq!(calls.into_inner(), 3, "{}", target.name);
        let n: Option<i64> = within(client.get_as("n")).await.unwrap();
        assert_eq!(n, Some(3), "{}", target.name);
        settled(&client).await;
    }
}

#[tokio::test]
async fn a_transaction_without_writes_leaves_no_watch() {
    for target in servers().await {
        let client = target.connect().await;
        let name = &target.name;
        let id = within(client.transact("k", async |own| own.client_id().await)).await;
        settled(&client).await;
        assert_eq!(client.stats().dedicated.idle, 1, "{name}");
        within(client.set("k", "v")).await.unwrap();
        let own = within(client.exclusive()).await.unwrap();
        assert_eq!(
            within(own.client_id()).await.unwrap(),
            id.unwrap(),
            "{name}"
        );
        let tx = own.transaction();
        let n = tx.incr("n");
        assert_eq!(within(tx.exec(n)).await.unwrap().unwrap(), 1, "{name}");

        // Nor is the caller's own error retried.
        let failed = client.transact("k", async |own| own.incr("k").await);
        assert!(within(failed).await.is_err(), "{name}");
        drop(own);
        settled(&client).await;
        check_leases(&client, name).await;
    }
}

/// Waits until no lease is in use. Statistics cannot be awaited, so this polls them.
async fn settled(client: &Client) {
    within(async {
        while client.stats().dedicated.in_use > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Checks that idle connections are clean: no watches, no transaction, and replies in order.
async fn check_leases(client: &Client, name: &str) {
    let mut owns = Vec::new();
    for _ in 0..client.stats().dedicated.idle.max(1) {
        owns.push(within(client.exclusive()).await.unwrap());
    }
    for key in KEYS {
        within(client.set(key, 0)).await.unwrap();
    }
    for (n, own) in owns.iter().enumerate() {
        let text = format!("check {n}");
        assert_eq!(within(own.echo(&text)).await.unwrap(), text, "{name}");
        let tx = own.transaction();
        let echo = tx.echo(&text);
        let echoed = within(tx.exec(echo)).await;
        assert_eq!(echoed.unwrap().unwrap(), text, "{name}");
    }
}

const KEYS: [&str; 3] = ["k", "k1", "k2"];

/// Runs everything that an exclusive connection offers and checks the replies.
async fn session(client: &Client, task: u32) -> Result<(), Error> {
    let mut own = client.exclusive().await?;
    let text = format!("{task}/{}", fastrand::u32(..));
    assert_eq!(own.echo(&text).await?, text);
    own.watch(KEYS).await?;
    let value: i64 = own.get_as("k1").await?.unwrap_or(0);
    let tx = own.transaction();
    let handles = (tx.set("k1", value + 1), tx.echo(&text));
    match tx.exec(handles).await {
        Ok((set, echoed)) => {
            set?;
            assert_eq!(echoed?, text);
        }
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(error),
    }
    own.watch("k2").await?;
    own.unwatch().await?;
    assert_eq!(own.echo(&text).await?, text);
    drop(own);
    client
        .transact("k2", async |own| add_one(own, "k2").await)
        .await?;
    Ok(())
}

/// On every kind of server, and at every await point: dropped handles leave no connection in the
/// middle of a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_dropped_handles_leave_no_half_open_transaction() {
    for target in servers().await {
        let options = target
            .options
            .clone()
            .max_dedicated_connections(6)
            .transact_attempts(1000);
        let client = within(Client::connect(options)).await.unwrap();
        for _ in 0..3 {
            let tasks: Vec<_> = (0..6)
                .map(|task| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let mut dropped = 0;
                        while dropped < 20 {
                            let polls = fastrand::u32(0..40);
                            match cancel_after(polls, session(&client, task)).await {
                                None => dropped += 1,
                                Some(done) => done.unwrap(),
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                // Dozens of sessions per task; each call fails if it times out.
                let done = within_secs(60, task).await;
                done.unwrap_or_else(|error| panic!("{}: {error}", target.name));
            }
            settled(&client).await;
            check_leases(&client, &target.name).await;
        }
    }
}

#[tokio::test]
async fn pending_replies_keep_the_connection_of_a_dropped_handle() {
    let (_gateway, client) = connected().await;
    let own = within(client.exclusive()).await.unwrap();
    let tx = own.transaction();
    let n = tx.incr("n");
    let echo = own.echo("still here");
    drop(own);
    assert_eq!(client.stats().dedicated.in_use, 1);
    assert_eq!(within(echo).await.unwrap(), "still here");
    assert_eq!(within(tx.exec(n)).await.unwrap().unwrap(), 1);
    settled(&client).await;
    let stats = client.stats().dedicated;
    assert_eq!((stats.in_use, stats.idle), (0, 1), "{stats:?}");

    let own = within(client.exclusive()).await.unwrap();
    let tx = own.transaction();
    let _n = tx.incr("n");
    drop(tx);
    drop(own);
    assert_eq!(within(client.get_as("n")).await.unwrap(), Some(1));
    settled(&client).await;
    assert_eq!(client.stats().dedicated.idle, 1);
}

#[tokio::test]
async fn a_changed_session_is_never_used_again() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url().as_str())).await.unwrap();
    within(client.set("where", "database 0")).await.unwrap();
    let own = within(client.exclusive()).await.unwrap();
    within(own.raw("SELECT", 1)).await.unwrap();
    assert_eq!(within(own.get("where")).await.unwrap(), None);
    drop(own);
    settled(&client).await;
    let own = within(client.exclusive()).await.unwrap();
    let found: Option<String> = within(own.get_as("where")).await.unwrap();
    assert_eq!(found.as_deref(), Some("database 0"));
    let name = own.pipeline();
    let handle = name.raw("CLIENT SETNAME", "mine");
    within(name.send(handle)).await.unwrap();
    drop(own);
    settled(&client).await;
    assert_eq!(client.stats().dedicated.idle, 0);
}

#[tokio::test]
async fn raw_is_the_same_by_the_handle_and_by_the_trait() {
    let (_gateway, client) = connected().await;
    for command in ["SELECT 0", "CLIENT SETNAME mine", "UNWATCH", "AUTHADDR 0x1"] {
        let error = within(RawCommands::raw(&client, command, ())).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Argument, "{command}");
        for by_trait in [false, true] {
            let own = within(client.exclusive()).await.unwrap();
            let reply = match by_trait {
                false => own.raw(command, ()),
                true => RawCommands::raw(&own, command, ()),
            };
            // The gateway may lack the command, but must receive it.
            let refused =
                matches!(within(reply).await, Err(error) if error.kind() == ErrorKind::Argument);
            assert!(!refused, "{command}");
            drop(own);
            settled(&client).await;
            assert_eq!(client.stats().dedicated.idle, 0, "{command}");
        }
    }
}

#[tokio::test]
async fn exclusive_handles_reject_commands_that_shift_replies() {
    let (gateway, client) = connected().await;
    let own = within(client.exclusive()).await.unwrap();
    for (command, hint) in [
        ("SUBSCRIBE news", "no longer match requests"),
        ("CLIENT REPLY OFF", "no longer match requests"),
        ("client tracking on", "no longer match requests"),
        ("MONITOR", "no longer match requests"),
        ("MULTI", "use transaction"),
        ("EXEC", "use transaction"),
        ("HELLO 3", "hello_with"),
        ("BLPOP list 0", "raw_blocking"),
    ] {
        let error = within(own.raw(command, ())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{command}: {error}");
        assert!(error.to_string().contains(hint), "{command}: {error}");
    }
    // Session commands are rejected inside a transaction too.
    let tx = own.transaction();
    let watch = tx.raw("WATCH", "k");
    let error = within(tx.exec(watch)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(gateway.executions("MULTI"), 0);
    within(own.ping()).await.unwrap();
}

#[tokio::test]
async fn blocking_on_an_exclusive_connection_blocks_it_alone() {
    let (_gateway, client) = connected().await;
    let own = within(client.exclusive()).await.unwrap();
    let args = ["BLOCK", "0", "STREAMS", "news", "0-0"];
    let read = tokio::spawn(own.raw_blocking("XREAD", args, None));
    within(client.ping()).await.unwrap();
    within(client.raw("XADD", ["news", "*", "k", "v"]))
        .await
        .unwrap();
    assert!(!within(read).await.unwrap().unwrap().is_null());
    within(own.ping()).await.unwrap();
}

#[tokio::test]
async fn over_http_there_are_no_exclusive_connections() {
    let client = Client::connect_lazy(ClientOptions::new("http://127.0.0.1:1")).unwrap();
    let error = within(client.exclusive()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(error.outcome(), None);
}

#[tokio::test]
async fn a_lost_connection_is_lost_and_the_next_lease_is_new() {
    for scheme in ["ws", "redis"] {
        let gateway = swarm_gateway::test().await.unwrap();
        let url = if scheme == "ws" {
            gateway.ws_url()
        } else {
            gateway.tcp_url()
        };
        let mut proxy = Proxy::start(url).await;
        // Leases wait for the shared connection, whose backoff grows while it serves nothing
        // between two losses.
        let options =
            ClientOptions::new(proxy.url(scheme)).reconnect_max_delay(Duration::from_millis(20));
        let client = within(Client::connect(options)).await.unwrap();
        let mut own = within(client.exclusive()).await.unwrap();
        within(own.watch("k")).await.unwrap();
        proxy.stop().await;
        let tx = own.transaction();
        let n = tx.incr("n");
        let error = within(tx.exec(n)).await.unwrap_err();
        assert!(error.is_connection(), "{error}");
        let error = within(own.get("k")).await.unwrap_err();
        assert!(error.is_connection(), "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
        // A lease requested while the server is down succeeds once it is back.
        let waiting = tokio::spawn({
            let client = client.clone();
            async move {
                client
                    .transact("n", async |own| add_one(own, "n").await)
                    .await
            }
        });
        tokio::task::yield_now().await;
        proxy.restart().await;
        assert_eq!(within(waiting).await.unwrap().unwrap(), 1);
        // Idle connections that have died are always detected before use.
        for round in 2..20 {
            proxy.stop().await;
            proxy.restart().await;
            let added = client.transact("n", async |own| add_one(own, "n").await);
            assert_eq!(within(added).await.unwrap(), round, "{scheme}");
        }
    }
}

#[tokio::test]
async fn hello_is_answered_on_a_connection_of_its_own_or_the_connection_is_closed() {
    let (_gateway, client) = connected().await;
    let mut own = within(client.exclusive()).await.unwrap();
    for version in [2, 3] {
        let info = within(own.hello_with(version)).await.unwrap();
        assert_eq!(info.server, "swarmkeydb");
        assert_eq!(within(own.echo("in step")).await.unwrap(), "in step");
    }
    let error = within(own.hello_with(9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    drop(own);
    settled(&client).await;
    assert_eq!(client.stats().dedicated.idle, 0);

    let garbled = Dialect::STANDARD.with(Quirk::HelloGarbage);
    let (_gateway, client) = connected_to(garbled).await;
    let mut own = within(client.exclusive()).await.unwrap();
    assert!(within(own.hello_with(3)).await.is_err());
    let error = within(own.echo("garbage")).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
}
