//! Stream consumers: how many entries a second they acknowledge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use swarm_keydb::Client;

use super::comparison::{self, Comparison};
use super::load::Outcome;
use super::{Report, swarm};
use crate::server::{self, Server, Upstream};

/// Entries of each stream: more than the consumers can acknowledge.
const ENTRIES: usize = 40_000;

/// Deliveries that a consumer processes at the same time.
const AT_A_TIME: usize = 200;

const WARM_UP: Duration = Duration::from_millis(1500);
const TIME: Duration = Duration::from_millis(3000);

/// One client with a number of consumers against as many clients with one consumer each.
pub async fn run(report: &mut Report) {
    // Entries are stored in Redis behind the gateway, because the queue would take 100 ms for each.
    let redis = server::redis();
    let gateway = Upstream::before(&redis);
    println!(
        "\nConsumers of one group: entries acknowledged, one client and separate ones\n  \
         {:<24}  {}",
        "",
        comparison::heading()
    );
    for (transport, url, counts) in [
        ("WebSocket", &gateway.ws, &[1, 8, 64][..]),
        ("TCP", &gateway.tcp, &[8]),
    ] {
        for &count in counts {
            let one = vec![swarm::one(url).await];
            let single = consume(&redis, "one", &one, count).await;
            swarm::close(&one).await;
            let many = swarm::many(url, count).await;
            let separate = consume(&redis, "many", &many, count).await;
            swarm::close(&many).await;
            let title = format!("{count} consumers, {transport}");
            Comparison::new(&single, &separate).print(&format!("{title:<24}"), report);
        }
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

async fn consume(redis: &Server, stream: &str, clients: &[Client], count: usize) -> Outcome {
    fill(redis, stream).await;
    let from = Instant::now() + WARM_UP;
    let tasks = (0..count).map(|number| {
        let client = clients[number % clients.len()].clone();
        tokio::spawn(consumer(client, stream.to_owned(), number, from))
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

/// Acknowledges deliveries as they come, several at a time.
async fn consumer(client: Client, stream: String, number: usize, from: Instant) -> Outcome {
    let name = format!("consumer-{number}");
    let builder = client.consumer("group", name.as_str(), stream.as_str());
    let mut consumer = builder.build().unwrap();
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
            delivery = consumer.next(), if acks.len() < AT_A_TIME => {
                let delivery = Arc::new(delivery.unwrap().unwrap());
                acks.push(async move { (Instant::now(), delivery.ack().await) });
            }
        }
    }
    outcome
}
