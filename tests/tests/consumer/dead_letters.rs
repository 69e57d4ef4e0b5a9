//! Retries, and entries that cannot be processed.

use std::time::Duration;

use swarm_keydb::{Client, DeadLetter, ErrorKind, StreamId, XPendingOptions};
use swarm_tests::{connected, within};

use super::{add, consumer, next, number, pending, servers, take};

async fn dead(client: &Client) -> Vec<DeadLetter> {
    let entries = within(client.xrange("dead", ..)).await.unwrap();
    let letters = entries
        .iter()
        .map(|entry| DeadLetter::from_fields(&entry.fields).expect("a dead letter"));
    letters.collect()
}

/// Returns once an entry that was delivered so often has been pending for at least 20 ms.
async fn idle(client: &Client, id: StreamId, delivered: usize) {
    if delivered == 0 {
        return;
    }
    loop {
        let options = XPendingOptions::new().range(id..=id);
        let options = options.idle(Duration::from_millis(20));
        let listed = client.xpending_with("k", super::GROUP, options);
        if !listed.await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A crash ends the process with a hundred entries read and one being processed.
#[tokio::test]
async fn three_crashes_over_one_job_bury_only_that_job() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..101).await;
        let build = || {
            let builder = consumer(&client, "ann", "k").count(100).min_idle(None);
            builder.max_deliveries(3).dead_letter("dead")
        };
        for attempt in 1..4 {
            let mut crashing = build().build().unwrap();
            let delivery = next(&mut crashing).await;
            assert_eq!((number(&delivery), delivery.delivered), (1, attempt));
        }
        let mut healthy = build().build().unwrap();
        let seen = take(&mut healthy, 99).await;
        assert_eq!(seen, super::once(2..101), "{}", target.name);
        let letters = dead(&client).await;
        assert_eq!(letters.len(), 1, "{}", target.name);
        let letter = &letters[0];
        assert_eq!((letter.id.ms, letter.deliveries), (1, 3));
        assert_eq!(
            (&*letter.stream, &*letter.group),
            (&b"k"[..], &b"workers"[..])
        );
        assert_eq!(letter.error, None);
        assert_eq!(letter.fields, [("n".into(), "1".into())]);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

/// Each crash happens in another consumer, which claims the entries of the one before.
#[tokio::test]
async fn crashes_of_different_consumers_count_for_the_entry_in_process_only() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..11).await;
        let build = |name: &str| {
            let builder = consumer(&client, name, "k").min_idle(Duration::from_millis(20));
            builder.max_deliveries(3).dead_letter("dead")
        };
        for (attempt, name) in ["ann", "bob", "cid"].into_iter().enumerate() {
            let mut crashing = build(name).build().unwrap();
            // Otherwise the consumer would begin with an entry that has been idle for longer.
            within(idle(&client, StreamId::new(1, 1), attempt)).await;
            let delivery = next(&mut crashing).await;
            let expected = (1, u64::try_from(attempt).unwrap() + 1);
            assert_eq!(
                (number(&delivery), delivery.delivered),
                expected,
                "{}",
                target.name
            );
        }
        within(idle(&client, StreamId::new(1, 1), 3)).await;
        let mut healthy = build("dan").build().unwrap();
        let seen = take(&mut healthy, 9).await;
        assert!(seen.keys().copied().eq(2..11), "{}: {seen:?}", target.name);
        let letters = dead(&client).await;
        let ids: Vec<_> = letters.iter().map(|letter| letter.id.ms).collect();
        assert_eq!(ids, [1], "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test]
async fn entries_given_back_return_after_their_delay_and_end_as_dead_letters() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..3).await;
        let builder = consumer(&client, "ann", "k").block(Duration::from_secs(2));
        let builder = builder.max_deliveries(2).dead_letter("dead");
        let mut consumer = builder.build().unwrap();
        let first = next(&mut consumer).await;
        let start = std::time::Instant::now();
        first.nack(Duration::from_millis(60));
        let second = next(&mut consumer).await;
        assert_eq!(number(&second), 2);
        within(second.dead_letter("no such item")).await.unwrap();
        drop(second);
        // The consumer blocks on the server when the delay ends.
        let again = next(&mut consumer).await;
        assert_eq!((number(&again), again.delivered), (1, 2), "{}", target.name);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(60), "{}", target.name);
        again.nack_with(Duration::from_secs(3600), "still wrong");
        add(&client, "k", 3..4).await;
        let third = next(&mut consumer).await;
        assert_eq!(number(&third), 3);
        within(third.ack()).await.unwrap();
        let mut letters = dead(&client).await;
        letters.sort_by_key(|letter| letter.id);
        let reasons: Vec<_> = letters
            .iter()
            .map(|letter| letter.error.as_deref())
            .collect();
        assert_eq!(
            reasons,
            [Some("still wrong"), Some("no such item")],
            "{}",
            target.name
        );
        assert_eq!(letters[0].deliveries, 2);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test]
async fn dropped_entries_return_after_the_retry_delay_and_acknowledged_ones_do_not() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..3).await;
        let builder = consumer(&client, "ann", "k").retry_delay(Duration::from_millis(5));
        let mut consumer = builder.build().unwrap();
        drop(next(&mut consumer).await);
        within(next(&mut consumer).await.ack()).await.unwrap();
        for times in 2..5 {
            let again = next(&mut consumer).await;
            assert_eq!(
                (number(&again), again.delivered),
                (1, times),
                "{}",
                target.name
            );
        }
    }
}

#[tokio::test]
async fn extending_keeps_an_entry_from_being_claimed() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..2).await;
        let hour = Duration::from_secs(3600);
        let mut ann = consumer(&client, "ann", "k")
            .min_idle(hour)
            .build()
            .unwrap();
        let held = next(&mut ann).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(within(held.extend()).await.unwrap(), "{}", target.name);
        let listed = XPendingOptions::new();
        let listed = within(client.xpending_with("k", super::GROUP, listed)).await;
        let idle = listed.unwrap()[0].idle;
        assert!(
            idle < Duration::from_millis(50),
            "{}: {idle:?}",
            target.name
        );
        // Another consumer takes the entry over.
        let claim = client.xclaim("k", super::GROUP, "bob", Duration::ZERO, held.id);
        assert_eq!(within(claim).await.unwrap().len(), 1);
        assert!(!within(held.extend()).await.unwrap(), "{}", target.name);
    }
}

#[tokio::test]
async fn a_future_or_the_client_stops_consumers() {
    let (_gateway, client) = connected().await;
    add(&client, "k", 1..2).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let builder = consumer(&client, "ann", "k").stop_when(stopped);
    let mut ann = builder.build().unwrap();
    let mut bob = consumer(&client, "bob", "other").build().unwrap();
    within(next(&mut ann).await.ack()).await.unwrap();
    stop.send(()).unwrap();
    assert!(within(ann.next()).await.is_none());
    client.clone().stop_consumers();
    assert!(within(bob.next()).await.is_none());
}

#[tokio::test]
async fn options_that_would_lose_or_misplace_entries_are_rejected() {
    let (_gateway, client) = connected().await;
    let builder = || client.consumer("g", "ann", "k");
    let rejected = [
        (builder().max_deliveries(3), "dead_letter"),
        (builder().dead_letter("k"), "dead_letter"),
        (
            builder().max_deliveries(0).dead_letter("d"),
            "max_deliveries",
        ),
        (builder().max_deliveries(1).dead_letter("d"), "count"),
    ];
    for (builder, option) in rejected {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(option), "{error}");
    }
    let exact = builder().max_deliveries(1).dead_letter("d").count(1);
    assert!(exact.build().is_ok());
}
