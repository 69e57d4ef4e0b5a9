//! The blocking client works in every context: it neither panics nor hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use swarm_gateway::blocking::Gateway;
use swarm_keydb::blocking::Client;
use swarm_keydb::{ClientOptions, ErrorKind, Outcome, Overflow, ScanOptions, SubscribeOptions};

/// Runs work on a separate thread; a hang becomes a failure.
fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waiting) = mpsc::channel();
    let worker = thread::spawn(move || {
        let _gone = done.send(work());
    });
    match waiting.recv_timeout(Duration::from_secs(5)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("timed out after 5 s"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(worker.join().unwrap_err())
        }
    }
}

fn gateway() -> Gateway {
    swarm_gateway::blocking::test().unwrap()
}

/// Runs a client from connect to drop, with more calls than a task may make without yielding.
fn live(url: &str) {
    let client = Client::connect(url).unwrap();
    let key = format!("n:{:?}", thread::current().id());
    for n in 1..=300 {
        assert_eq!(client.incr(&key).unwrap(), n);
    }
    let pipeline = client.pipeline();
    let handles: Vec<_> = (0..10).map(|_| pipeline.incr(&key)).collect();
    assert_eq!(pipeline.send(handles).unwrap().len(), 10);
    client.del(&key).unwrap();
}

#[test]
fn on_plain_threads() {
    within(|| {
        let gateway = gateway();
        live(gateway.ws_url());
        live(gateway.tcp_url());
        live(gateway.http_url());
    });
}

#[test]
fn inside_a_multi_threaded_runtime() {
    within(|| {
        let gateway = gateway();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            live(gateway.ws_url());
            let url = gateway.ws_url().to_owned();
            tokio::spawn(async move { live(&url) }).await.unwrap();
            let url = gateway.ws_url().to_owned();
            tokio::task::spawn_blocking(move || live(&url))
                .await
                .unwrap();
        });
    });
}

#[test]
fn inside_a_current_thread_runtime() {
    within(|| {
        let gateway = gateway();
        // The runtime needs no timers of its own.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            live(gateway.ws_url());
            let url = gateway.ws_url().to_owned();
            tokio::spawn(async move { live(&url) }).await.unwrap();
            let url = gateway.ws_url().to_owned();
            tokio::task::spawn_blocking(move || live(&url))
                .await
                .unwrap();
        });
    });
}

/// Calls the server when dropped.
struct Farewell(Client);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.incr("farewells").unwrap();
    }
}

#[test]
fn in_drop_and_while_a_thread_unwinds() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        drop(Farewell(client.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let farewell = Farewell(client.clone());
        runtime.block_on(async move { drop(farewell) });
        let farewell = Farewell(client.clone());
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _farewell = farewell;
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        assert!(unwound.is_err());
        assert_eq!(client.get_as::<i64>("farewells").unwrap(), Some(3));
    });
}

#[test]
fn from_many_threads_at_once() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        thread::scope(|scope| {
            for task in 0..8 {
                let client = client.clone();
                scope.spawn(move || {
                    for round in 0..200 {
                        let message = format!("{task}/{round}");
                        assert_eq!(client.echo(&message).unwrap(), message);
                    }
                });
            }
        });
    });
}

#[test]
fn a_call_after_close_is_an_error() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        let clone = client.clone();
        client.close().unwrap();
        for client in [client, clone] {
            let error = client.get("k").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            client.close().unwrap();
        }
    });
}

#[test]
fn a_handle_has_its_own_timeout_and_retries() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        let hold = gateway.faults().hold("GET");
        let error = client
            .timeout(Duration::from_millis(50))
            .get("k")
            .unwrap_err();
        assert!(error.is_timeout(), "{error}");
        hold.release();

        gateway.faults().cut_after("GET");
        let error = client.no_retry().get("k").unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
        gateway.faults().cut_after("INCR");
        assert_eq!(client.retry_safe().incr("n").unwrap(), 2);
    });
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    within(|| {
        let gateway = gateway();
        let url = gateway.tcp_url().to_owned();
        gateway.shutdown();
        let error = Client::connect(url.as_str()).unwrap_err();
        assert!(error.is_connection(), "{error}");
        let options = ClientOptions::new(url).request_timeout(Duration::from_millis(50));
        let client = Client::connect_lazy(options).unwrap();
        assert!(client.get("k").unwrap_err().is_timeout());
    });
}

#[test]
fn keys_are_walked_through_by_an_iterator() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        let pairs: Vec<_> = (0..100).map(|n| (format!("user:{n}"), n)).collect();
        client.mset(pairs).unwrap();
        let keys = client
            .scan_iter(ScanOptions::new().matching("user:*").count(7))
            .collect::<Result<std::collections::BTreeSet<_>, _>>()
            .unwrap();
        assert_eq!(keys.len(), 100);
    });
}

/// The client's thread ends with its last handle, wherever that is dropped.
#[test]
fn the_thread_ends_with_the_last_handle() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        let scan = client.scan_iter(ScanOptions::new());
        let inner = client.as_async();
        let mut states = inner.watch_state();
        drop(inner);
        drop(client);
        assert_eq!(scan.count(), 0, "what is left of a client still works");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async move {
            assert!(states.reached(swarm_keydb::State::Closed).await);
        });
    });
}

/// Threads count up by reading and writing, without lost updates.
#[test]
fn threads_that_compare_and_set_lose_nothing() {
    within(|| {
        let gateway = gateway();
        for url in [gateway.ws_url(), gateway.tcp_url()] {
            let client = Client::connect(ClientOptions::new(url).transact_attempts(1000)).unwrap();
            client.set("n", 0).unwrap();
            thread::scope(|scope| {
                for _ in 0..8 {
                    let client = client.clone();
                    scope.spawn(move || {
                        for _ in 0..20 {
                            let step = client.transact("n", |own| {
                                let n: i64 = own.get_as("n")?.unwrap_or(0);
                                let tx = own.transaction();
                                let set = tx.set("n", n + 1);
                                tx.exec(set)?
                            });
                            step.unwrap();
                        }
                    });
                }
            });
            assert_eq!(client.get_as::<i64>("n").unwrap(), Some(160));
        }
    });
}

#[test]
fn a_conflict_without_end_is_given_up() {
    within(|| {
        let gateway = gateway();
        let client =
            Client::connect(ClientOptions::new(gateway.ws_url()).transact_attempts(3)).unwrap();
        // Other writes of the same client wait for the transaction.
        let other = Client::connect(gateway.ws_url()).unwrap();
        let mut attempts = 0;
        let error = client
            .transact("n", |own| {
                attempts += 1;
                other.incr("n")?;
                let tx = own.transaction();
                let set = tx.set("n", 0);
                tx.exec(set)?
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(attempts, 3);
        assert_eq!(client.get_as::<i64>("n").unwrap(), Some(3));
    });
}

/// A thread consumes entries, is stopped by another thread, and leaves nothing pending.
#[test]
fn a_consumer_iterates_until_it_is_stopped() {
    within(|| {
        let gateway = gateway();
        for url in [gateway.ws_url(), gateway.tcp_url()] {
            let client = Client::connect(url).unwrap();
            let mut consumer = client
                .consumer("group", "one", "stream")
                .count(7)
                .build()
                .unwrap();
            let nothing = consumer.next_within(Duration::from_millis(50)).unwrap();
            assert!(nothing.unwrap_err().is_timeout());
            thread::scope(|scope| {
                scope.spawn(|| {
                    for n in 0..100 {
                        client.xadd("stream", [("n", n)]).unwrap();
                    }
                });
                let stopper = consumer.stop_handle();
                for n in 0..100 {
                    let delivery = consumer.next().unwrap().unwrap();
                    assert_eq!(delivery.fields.get_as::<i32>("n").unwrap(), Some(n));
                    delivery.ack().unwrap();
                }
                stopper.stop();
                assert!(consumer.next().is_none());
            });
            assert_eq!(client.xpending("stream", "group").unwrap().count, 0);
            client.del("stream").unwrap();
        }
    });
}

#[test]
fn the_timeout_of_a_handle_applies_to_its_subscriptions() {
    within(|| {
        let gateway = gateway();
        let options = ClientOptions::new(gateway.ws_url());
        let client = Client::connect(options.request_timeout(Duration::from_secs(600))).unwrap();
        let freeze = gateway.faults().freeze();
        let impatient = client.timeout(Duration::from_millis(100));
        let errors = [
            impatient.subscribe("a").unwrap_err(),
            impatient.psubscribe("a*").unwrap_err(),
            impatient.psubscribe_handler("b*", |_| ()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        }
        drop(freeze);
        let mut subscription = client.subscribe("a").unwrap();
        client.publish("a", "x").unwrap();
        assert!(subscription.next().unwrap().is_ok());
    });
}

/// Stands for: options of a handle that only some of its subscriptions have.
#[test]
fn subscriptions_have_the_options_of_the_handle_that_creates_them() {
    within(|| {
        let gateway = gateway();
        let client = Client::connect(gateway.ws_url()).unwrap();
        let options = SubscribeOptions::new()
            .buffer(2)
            .on_overflow(Overflow::Close);
        let small = client.subscribe_options(options);
        let (ended, end) = mpsc::channel();
        let handler = small
            .psubscribe_handler("*", move |event| ended.send(event).unwrap())
            .unwrap();
        let mut subscriptions = [
            small.subscribe("news").unwrap(),
            small.psubscribe("n*").unwrap(),
        ];
        let mut witness = client.subscribe("news").unwrap();
        for n in 0..5 {
            client.publish("news", n).unwrap();
            witness.next().unwrap().unwrap();
        }
        for subscription in &mut subscriptions {
            let events: Vec<_> = subscription.collect();
            assert_eq!(events.len(), 3);
            let error = events[2].as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Lagged);
        }
        // The handler reads as fast as events arrive.
        assert_eq!(end.iter().take(5).count(), 5);
        handler.unsubscribe().unwrap();
        let bad = client.subscribe_options(options.buffer(0));
        for kind in [
            bad.subscribe("a").map(drop).unwrap_err().kind(),
            bad.psubscribe("a").map(drop).unwrap_err().kind(),
            bad.psubscribe_handler("a", drop)
                .map(drop)
                .unwrap_err()
                .kind(),
        ] {
            assert_eq!(kind, ErrorKind::Argument);
        }
    });
}
