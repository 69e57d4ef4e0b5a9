//! Consumers with the deployed server's timing: slow writes and lost wake-ups.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use swarm_gateway::{Clock, Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, GroupRead, ReadAfter, StreamId, XReadGroupOptions, XReadOptions};
use swarm_tests::{UPSTREAM, within, within_secs};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{GROUP, add, next, pending};

const JOBS: usize = 500;
const WORKERS: usize = 4;
const INTERVAL: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(5);

/// Advances a clock by `step` after each real-time interval `every`. On a busy machine, both the
/// clock and the times measured by it are late.
async fn tick(clock: &Clock, step: Duration, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        clock.advance(step);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_take_few_writes() {
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .dialect(Dialect::UPSTREAM)
        .clock(clock.clone());
    let gateway = within(gateway.start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let jobs = (1..=JOBS).map(|n| {
        client
            .xadd("jobs", [("n", n)])
            .timeout(Duration::from_secs(60))
    });
    // The manual clock advances in small steps, so both waits take many rounds.
    tokio::select! {
        added = within_secs(60, try_join_all(jobs)) => added.unwrap(),
        () = tick(&clock, INTERVAL, Duration::from_millis(1)) => unreachable!(),
    };
    let mut clients = Vec::new();
    for _ in 0..WORKERS {
        // Workers are usually separate processes.
        clients.push(within(Client::connect(gateway.ws_url())).await.unwrap());
    }
    let before = writes(&gateway);
    let started = clock.unix_millis();
    let done = watch::Sender::new(0);
    let mut workers = JoinSet::new();
    for (n, client) in clients.into_iter().enumerate() {
        let done = done.clone();
        workers.spawn(async move {
            let consumer = client
                .consumer(GROUP, format!("worker-{n}"), "jobs")
                .build();
            let (mut consumer, mut acks) = (consumer.unwrap(), FuturesUnordered::new());
            loop {
                tokio::select! {
                    delivery = consumer.next() => {
                        let delivery = delivery.unwrap().unwrap();
                        acks.push(async move { delivery.ack().await });
                    }
                    Some(acknowledged) = acks.next() => {
                        acknowledged.unwrap();
                        done.send_modify(|count| *count += 1);
                    }
                }
            }
        });
    }
    let mut count = done.subscribe();
    tokio::select! {
        done = within_secs(60, count.wait_for(|count| *count == JOBS)) => drop(done.unwrap()),
        () = tick(&clock, TICK, TICK) => unreachable!(),
    }
    let took = clock.unix_millis() - started;
    let writes = writes(&gateway) - before;
    drop(workers);
    assert_eq!(pending(&client, "jobs").await, 0);
    assert!(writes <= 60, "{writes} writes");
    let least = INTERVAL * writes;
    let took = Duration::from_millis(took.try_into().unwrap());
    assert!(took <= least * 13 / 10, "{writes} writes took {took:?}");
}

/// Returns the number of write commands that consumers have sent.
fn writes(gateway: &Gateway) -> u32 {
    let commands = ["XREADGROUP", "XACK", "XAUTOCLAIM", "XGROUP"];
    let executions = commands.map(|command| gateway.executions(command));
    u32::try_from(executions.iter().sum::<u64>()).unwrap()
}

/// The server runs the writes to streams one at a time, and the read is one of them.
#[tokio::test]
async fn concurrent_acknowledgments_take_one_write_beside_a_read() {
    const ENTRIES: usize = 40;
    const SECOND: Duration = Duration::from_secs(1);
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .dialect(Dialect::UPSTREAM)
        .clock(clock.clone())
        .write_queue(WriteQueue::new().interval(SECOND));
    let gateway = within(gateway.start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let mut consumer = client.consumer(GROUP, "ann", "jobs").build().unwrap();
    let add = |entries: usize| {
        let jobs = (0..entries).map(|n| client.xadd("jobs", [("n", n)]).timeout(60 * SECOND));
        try_join_all(jobs)
    };
    let mut deliveries = Vec::new();
    let fill = async {
        add(ENTRIES).await.unwrap();
        while deliveries.len() < ENTRIES {
            deliveries.push(consumer.next().await.unwrap().unwrap());
        }
        add(1).await.unwrap();
    };
    tokio::select! {
        () = within_secs(60, fill) => {}
        () = tick(&clock, SECOND, Duration::from_millis(1)) => unreachable!(),
    }
    let (acks, start) = (gateway.executions("XACK"), clock.unix_millis());
    let acknowledged = try_join_all(deliveries.iter().map(swarm_keydb::Delivery::ack));
    let both = async { tokio::join!(acknowledged, consumer.next()) };
    tokio::select! {
        (acknowledged, read) = within(both) => {
            acknowledged.unwrap();
            drop(read.unwrap().unwrap());
        }
        () = tick(&clock, TICK, TICK) => unreachable!(),
    }
    let took = clock.unix_millis() - start;
    assert_eq!(gateway.executions("XACK"), acks + 1);
    assert!(took < 2800, "{took} ms");
}

#[tokio::test]
async fn a_lost_wake_up_delays_a_read_and_never_ends_it() {
    let gateway = Gateway::builder().dialect(UPSTREAM).lost_wake_ups(1.0);
    let gateway = within(gateway.start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let faults = gateway.faults();
    within(client.xgroup_create_mkstream("k", GROUP, "0"))
        .await
        .unwrap();
    add(&client, "k", 1..2).await;
    let block = XReadOptions::new().block_forever();
    let behind = client.xread_with([("k", StreamId::new(1, 1))], block);
    let from_now_on = client.xread_with([("k", ReadAfter::Last)], block);
    let mut consumer = client.consumer(GROUP, "ann", "k").build().unwrap();
    next(&mut consumer).await.ack().await.unwrap();
    let options = XReadGroupOptions::new().block_forever();
    let group = client.xreadgroup_with(GROUP, "bob", [("k", GroupRead::New)], options);
    let reads = [
        tokio::spawn(behind),
        tokio::spawn(from_now_on),
        tokio::spawn(group),
    ];
    // All consumers block before there is an entry; `ann` blocked first.
    within(faults.executed("XREADGROUP", 2)).await;
    within(faults.executed("XREAD", 2)).await;
    add(&client, "k", 2..3).await;
    for read in reads {
        let found = within(read).await.unwrap().unwrap();
        assert_eq!(found[0].entries[0].id, StreamId::new(2, 1));
    }
    let new = consumer.next();
    tokio::pin!(new);
    within(async {
        tokio::select! {
            _ = &mut new => panic!("there is nothing to read"),
            () = faults.executed("XREADGROUP", 4) => {}
        }
    })
    .await;
    add(&client, "k", 3..4).await;
    let delivery = within(new).await.unwrap().unwrap();
    assert_eq!(delivery.id, StreamId::new(3, 1));
}
