//! Blocking commands on dedicated connections.

use std::time::Duration;

use swarm_gateway::Dialect;
use swarm_keydb::{Client, ClientOptions, Error, ErrorKind, Frame, Outcome, Reply};
use swarm_tests::{
    Proxy, Target, cancel_after, connected, connected_to, connected_with, targets, within,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Returns servers with sessions, each with its own store.
async fn servers() -> Vec<Target> {
    let mut targets = targets().await;
    targets.retain(|target| !target.name.starts_with("http"));
    targets
}

/// Waits for the first entry of a stream.
fn read(client: &Client, key: &str, block: impl Into<Option<Duration>>) -> Reply<Frame> {
    let block = block.into();
    let millis = block.map_or(0, |block| block.as_millis()).to_string();
    client.raw_blocking("XREAD", ["BLOCK", &millis, "STREAMS", key, "0-0"], block)
}

async fn add(client: &Client, key: &str) {
    within(client.raw("XADD", [key, "*", "k", "v"]))
        .await
        .unwrap();
}

/// Returns the ID of the connection used by the next lease.
async fn lease_id(client: &Client) -> i64 {
    let id = client.raw_blocking("CLIENT", "ID", Duration::from_secs(1));
    within(id).await.unwrap().as_integer().unwrap()
}

/// Waits until the statistics meet a condition. They cannot be awaited, so this polls them.
async fn settled(client: &Client, condition: impl Fn(swarm_keydb::DedicatedStats) -> bool) {
    within(async {
        while !condition(client.stats().dedicated) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Starts that many readers and waits until they are blocked at the server.
async fn blocked(client: &Client, count: usize) -> Vec<JoinHandle<Result<Frame, Error>>> {
    let leases: Vec<_> = (0..count)
        .map(|_| tokio::spawn(client.raw_blocking("PING", (), Duration::from_secs(1))))
        .collect();
    for lease in leases {
        within(lease).await.unwrap().unwrap();
    }
    let readers = (0..count)
        .map(|_| tokio::spawn(read(client, "news", None)))
        .collect();
    settled(client, |leases| leases.in_use == count).await;
    // Commands submitted earlier have been sent once this has been answered.
    within(client.ping()).await.unwrap();
    readers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_readers_do_not_delay_the_shared_connection() {
    for target in servers().await {
        let options = target.options.clone().max_dedicated_connections(4);
        let client = within(Client::connect(options)).await.unwrap();
        let served = blocked(&client, 4).await;
        let waiting = |timeout| {
            let read = || tokio::spawn(read(&client, "news", None).timeout(timeout));
            (0..10).map(|_| read()).collect::<Vec<_>>()
        };

        // Commands on the shared connection complete while none of the blocked reads does.
        let queued = waiting(Duration::MAX);
        settled(&client, |leases| leases.waiting == 10).await;
        for _ in 0..100 {
            within(client.ping()).await.unwrap();
        }
        let leases = client.stats().dedicated;
        assert_eq!((leases.in_use, leases.waiting), (4, 10), "{}", target.name);
        queued.iter().for_each(JoinHandle::abort);
        settled(&client, |leases| leases.waiting == 0).await;

        for refused in waiting(Duration::from_millis(100)) {
            let error = within(refused).await.unwrap().unwrap_err();
            assert!(error.is_timeout(), "{}: {error}", target.name);
            assert_eq!(error.outcome(), Some(Outcome::NotSent));
            let text = error.to_string();
            assert!(text.contains("4 of 4 in use"), "{text}");
            assert!(text.starts_with("XREAD: "), "{text}");
        }
        add(&client, "news").await;
        for served in served {
            let entries = within(served).await.unwrap().unwrap();
            assert!(!entries.is_null(), "{}", target.name);
        }
        settled(&client, |leases| leases.in_use == 0 && leases.idle > 0).await;
    }
}

#[tokio::test]
async fn blocking_longer_than_the_request_timeout_is_no_timeout() {
    let (_gateway, client) = connected().await;
    let (_other, hasty) =
        connected_with(|options| options.request_timeout(Duration::from_millis(500))).await;
    let (long, short) = tokio::join!(
        within(read(&client, "nothing", Duration::from_secs(3))),
        within(read(&hasty, "nothing", Duration::from_secs(1))),
    );
    assert!(long.unwrap().is_null());
    assert!(short.unwrap().is_null());
}

#[tokio::test]
async fn an_abandoned_lease_closes_its_connection() {
    for target in servers().await {
        let client = target.connect().await;
        let first = lease_id(&client).await;
        assert_eq!(lease_id(&client).await, first, "{}: reuse", target.name);

        let timed_out = read(&client, "news", None).timeout(Duration::from_millis(100));
        let error = within(timed_out).await.unwrap_err();
        assert!(error.is_timeout(), "{}: {error}", target.name);
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
        settled(&client, |leases| leases.in_use == 0 && leases.idle == 0).await;
        let second = lease_id(&client).await;
        assert_ne!(second, first, "{}", target.name);

        let mut dropped = Box::pin(read(&client, "news", None));
        let polled = timeout(Duration::from_millis(50), &mut dropped).await;
        assert!(polled.is_err(), "{}", target.name);
        drop(dropped);
        settled(&client, |leases| leases.in_use == 0 && leases.idle == 0).await;
        assert_ne!(lease_id(&client).await, second, "{}", target.name);
    }
}

/// The server learns that nobody waits any more, so a later entry is not consumed.
#[tokio::test]
async fn a_dropped_reader_takes_nothing() {
    for target in servers().await {
        let client = target.connect().await;
        within(client.raw("XGROUP CREATE", ["news", "g", "$", "MKSTREAM"]))
            .await
            .unwrap();
        let args = ["GROUP", "g", "c", "BLOCK", "0", "STREAMS", "news", ">"];
        let reader = client.raw_blocking("XREADGROUP", args, None);
        let read = timeout(Duration::from_millis(100), reader).await;
        assert!(read.is_err(), "{}", target.name);
        settled(&client, |leases| leases.in_use == 0).await;
        // The server has processed the close once it no longer lists the connection.
        within(async {
            while client
                .raw("CLIENT LIST", ())
                .await
                .unwrap()
                .as_str()
                .unwrap()
                .lines()
                .count()
                > 1
            {}
        })
        .await;
        add(&client, "news").await;
        let pending = within(client.raw("XPENDING", ["news", "g"])).await.unwrap();
        let count = pending.view().items().unwrap().next().unwrap().as_integer();
        assert_eq!(count, Some(0), "{}", target.name);
    }
}

#[tokio::test]
async fn a_black_hole_is_detected_while_a_command_blocks() {
    let (gateway, client) = connected_with(|options| {
        options.transport(|transport| {
            transport
                .ws_ping_interval(Duration::from_millis(100))
                .ws_ping_timeout(Duration::from_millis(200))
        })
    })
    .await;
    let reader = blocked(&client, 1).await.remove(0);
    let _mute = gateway.faults().freeze();
    let error = within(reader).await.unwrap().unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
}

#[tokio::test]
async fn a_black_hole_is_detected_while_idle() {
    let (gateway, client) = connected_with(|options| {
        options
            .heartbeat_interval(Duration::from_millis(100))
            .inactivity_timeout(Duration::from_millis(200))
            .connect_timeout(Duration::from_millis(300))
    })
    .await;
    let before = lease_id(&client).await;
    // Nothing happens while the server answers: one PING checks the lease, and each connection
    // sends heartbeats.
    within(gateway.faults().executed("PING", 5)).await;
    assert_eq!(lease_id(&client).await, before);
    settled(&client, |leases| leases.idle == 1).await;
    let mute = gateway.faults().freeze();
    settled(&client, |leases| leases.idle == 0).await;
    drop(mute);
    assert_ne!(lease_id(&client).await, before);
}

#[tokio::test]
async fn blocking_commands_are_rejected_over_http() {
    let options = ClientOptions::new("http://127.0.0.1:1");
    let client = Client::connect_lazy(options).unwrap();
    let error = within(read(&client, "news", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert!(error.to_string().contains("session"), "{error}");
}

#[tokio::test]
async fn raw_refuses_what_would_block_everybody() {
    let (_gateway, client) = connected().await;
    for (command, args) in [
        ("blpop", vec!["list", "0"]),
        ("XREAD", vec!["BLOCK", "0", "STREAMS", "s", "$"]),
    ] {
        let error = within(client.raw(command, args)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains("raw_blocking"), "{error}");
    }
    // A key named BLOCK is not an option.
    within(client.raw("XREAD", ["STREAMS", "BLOCK", "0-0"]))
        .await
        .unwrap();
}

#[tokio::test]
async fn close_ends_blocked_commands_and_lease_waiters() {
    let (gateway, client) = connected_with(|options| options.max_dedicated_connections(2)).await;
    let mut calls = blocked(&client, 2).await;
    calls.push(tokio::spawn(read(&client, "news", None)));
    settled(&client, |leases| leases.waiting == 1).await;
    within(client.close()).await;
    for (n, call) in calls.into_iter().enumerate() {
        let error = within(call).await.unwrap().unwrap_err();
        if n < 2 {
            assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
        } else {
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        }
    }
    let error = within(read(&client, "news", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    // A gateway without connections shuts down immediately.
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn the_last_handle_ends_leased_and_idle_connections() {
    let (gateway, client) = connected().await;
    let readers = blocked(&client, 2).await;
    add(&client, "news").await;
    for reader in readers {
        within(reader).await.unwrap().unwrap();
    }
    settled(&client, |leases| leases.idle == 2).await;
    let reader = tokio::spawn(read(&client, "other", None));
    settled(&client, |leases| leases.in_use == 1).await;
    drop(client);
    reader.abort();
    assert!(within(reader).await.unwrap_err().is_cancelled());
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn an_idle_connection_that_died_is_not_used() {
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
        for round in 0..20 {
            lease_id(&client).await;
            settled(&client, |leases| leases.idle == 1).await;
            proxy.stop().await;
            if round % 2 == 0 {
                settled(&client, |leases| leases.idle == 0).await;
            }
            proxy.restart().await;
            let args = ["s", "*", "k", "v"];
            let added = client.raw_blocking("XADD", args, Duration::from_secs(1));
            match within(added).await {
                Ok(_) => {}
                // The command may have been sent before the loss was detectable.
                Err(error) => {
                    assert!(round % 2 == 1, "{error}");
                    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn idle_connections_are_bounded_and_expire() {
    let (_gateway, client) = connected_with(|options| {
        options
            .max_dedicated_connections(8)
            .max_idle_dedicated_connections(2)
            .dedicated_idle_timeout(Duration::from_millis(200))
    })
    .await;
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { read(&client, "news", None).await })
        })
        .collect();
    settled(&client, |leases| leases.in_use == 8).await;
    add(&client, "news").await;
    for reader in readers {
        within(reader).await.unwrap().unwrap();
        assert!(client.stats().dedicated.idle <= 2);
    }
    settled(&client, |leases| leases.in_use == 0 && leases.idle == 0).await;
}

#[tokio::test]
async fn those_who_wait_are_served_in_order() {
    let (_gateway, client) = connected_with(|options| options.max_dedicated_connections(1)).await;
    let holder = tokio::spawn({
        let client = client.clone();
        async move { read(&client, "first", None).await }
    });
    settled(&client, |leases| leases.in_use == 1).await;
    let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..10 {
        let (client, done) = (client.clone(), done.clone());
        let waiting = client.stats().dedicated.waiting;
        tokio::spawn({
            let client = client.clone();
            async move {
                client
                    .raw_blocking("PING", (), Duration::from_secs(1))
                    .await
                    .unwrap();
                done.send(n).unwrap();
            }
        });
        settled(&client, |leases| leases.waiting == waiting + 1).await;
    }
    add(&client, "first").await;
    within(holder).await.unwrap().unwrap();
    for n in 0..10 {
        assert_eq!(within(order.recv()).await, Some(n));
    }
}

/// On every kind of server: futures dropped after a random number of polls neither leak a lease nor
/// shift a reply.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_cancellations_lose_no_lease_and_shift_no_reply() {
    for target in servers().await {
        let client = within(Client::connect(
            target.options.clone().max_dedicated_connections(3),
        ))
        .await
        .unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    for round in 0..40 {
                        let text = format!("{task}/{round}");
                        let echo = client.raw_blocking("ECHO", &text, Duration::from_secs(1));
                        let polls = if fastrand::bool() {
                            fastrand::u32(0..6)
                        } else {
                            1000
                        };
                        if let Some(reply) = cancel_after(polls, echo).await {
                            assert_eq!(reply.unwrap().as_str(), Some(&*text));
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            within(task).await.unwrap();
        }
        settled(&client, |leases| leases.in_use == 0).await;
        let stats = client.stats().dedicated;
        assert_eq!(stats.waiting, 0, "{}", target.name);
        assert!(stats.idle <= 3, "{}: {stats:?}", target.name);
    }
}

/// SwarmKeyDb drops the commands ahead of QUIT that it has not answered.
#[tokio::test]
async fn quit_waits_for_the_commands_before_it() {
    let (_gateway, client) = connected_to(Dialect::UPSTREAM).await;
    for round in 0..2 {
        let own = within(client.exclusive()).await.unwrap();
        let keys: Vec<_> = (0..4).map(|at| format!("{round}/{at}")).collect();
        let sets = keys.iter().map(|key| own.set(key, "v"));
        let (sets, _gone) = within(async {
            tokio::join!(futures_util::future::join_all(sets), own.raw("QUIT", ()))
        })
        .await;
        for set in sets {
            set.unwrap();
        }
        drop(own);
        assert_eq!(within(client.exists(&keys)).await.unwrap(), 4);

        let own = within(client.exclusive()).await.unwrap();
        let pipeline = own.pipeline();
        let handles = (pipeline.set("batch", "v"), pipeline.raw("QUIT", ()));
        let (set, quit) = within(pipeline.send(handles)).await;
        assert_eq!(set.unwrap_err().outcome(), Some(Outcome::NotSent));
        assert_eq!(quit.unwrap_err().kind(), ErrorKind::Argument);
    }
}
