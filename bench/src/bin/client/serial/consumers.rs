//! Stream consumers: how many entries a second they acknowledge, with some deliveries at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use swarm_bench::server::{Server, redis};
use swarm_keydb::{Client, Consumer};

use super::comparison::{self, Comparison};
use super::load::Outcome;
use super::{Report, swarm};
use crate::server::Upstream;

/// Entries of each stream: more than the consumers can acknowledge.
const ENTRIES: usize = 40_000;

/// Connections of a client with one consumer: one reads, one acknowledges.
const CONNECTIONS: usize = 2;

/// Time for the first reads, each of which takes 100 ms.
const WARM_UP: Duration = Duration::from_millis(2000);
const TIME: Duration = Duration::from_millis(3000);

/// One client with one consumer against as many clients with a consumer as it has connections.
pub async fn run(report: &mut Report) {
    // Entries are stored in Redis behind the gateway, because the queue would take 100 ms for each.
    let redis = redis();
    let gateway = Upstream::before(&redis);
    println!(
        "\nConsumers of one group: entries acknowledged, one client and separate ones\n  \
         {:<27}  {}",
        "",
        comparison::heading()
    );
    for at_a_time in [1, 8, 64, 256] {
        let one = vec![swarm::one(&gateway.ws).await];
        let single = consume(&redis, "one", &one, at_a_time).await;
        swarm::close(&one).await;
        let many = swarm::many(&gateway.ws, CONNECTIONS).await;
        let separate = consume(&redis, "many", &many, at_a_time.div_ceil(CONNECTIONS)).await;
        swarm::close(&many).await;
        let title = format!("{at_a_time} deliveries at a time");
        Comparison::new(&single, &separate).print(&format!("{title:<27}"), report);
    }
}

/// Fills a stream directly, without the gateway.
async fn fill(redis: &Server, stream: &str) {
    let client = Client::connect(redis.url.as_str()).await.unwrap();
    client.del(stream).await.unwrap();
    let pipeline = client.pipeline();
    let added: Vec<_> = (0..ENTRIES)
        .map(|number| pipeline.xadd(stream, [("number", number)]))
        .collect();
    for id in pipeline.send(added).await {
        id.unwrap();
    }
    client.close().await;
}

async fn consume(redis: &Server, stream: &str, clients: &[Client], at_a_time: usize) -> Outcome {
    fill(redis, stream).await;
    let from = Instant::now() + WARM_UP;
    let tasks = clients.iter().enumerate().map(|(number, client)| {
        let name = format!("consumer-{number}");
        let builder = client.consumer("group", name.as_str(), stream);
        tokio::spawn(consume_one(builder.build().unwrap(), at_a_time, from))
    });
    let mut outcome = Outcome {
        seconds: TIME.as_secs_f64(),
        ..Outcome::default()
    };
    for task in join_all(tasks).await {
        outcome.include(task.unwrap());
    }
    outcome
}

/// Acknowledges deliveries as they come, some at a time.
async fn consume_one(mut consumer: Consumer, at_a_time: usize, from: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let mut acks = FuturesUnordered::new();
    let end = tokio::time::sleep_until((from + TIME).into());
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            () = &mut end => break,
            Some((begun, acked)) = acks.next() => {
                if Instant::now() >= from {
                    match acked {
                        Ok(()) => outcome.record(Instant::now() - begun),
                        Err::<(), swarm_keydb::Error>(_) => outcome.failed += 1,
                    }
                }
            }
            delivery = consumer.next(), if acks.len() < at_a_time => {
                let delivery = Arc::new(delivery.unwrap().unwrap());
                acks.push(async move { (Instant::now(), delivery.ack().await) });
            }
        }
    }
    outcome
}
