//! Blocking subscriptions.

use std::sync::mpsc;
use std::time::Duration;

use swarm_keydb::{Event, blocking::Client};

const LIMIT: Duration = Duration::from_secs(5);

fn payload(subscription: &mut swarm_keydb::blocking::Subscription) -> String {
    match subscription.next_within(LIMIT) {
        Some(Ok(Event::Message(message))) => String::from_utf8(message.payload.to_vec()).unwrap(),
        other => panic!("{other:?} is no message"),
    }
}

#[test]
fn a_thread_hears_what_another_publishes() {
    let gateway = swarm_gateway::blocking::test().unwrap();
    let client = Client::connect(gateway.ws_url()).unwrap();
    let mut channel = client.subscribe("a").unwrap();
    let mut pattern = client.psubscribe("a*").unwrap();
    let publisher = client.clone();
    let publishing = std::thread::spawn(move || {
        for n in 0..100 {
            assert_eq!(publisher.publish("a", n).unwrap(), 2);
        }
    });
    for n in 0..100 {
        assert_eq!(payload(&mut channel), n.to_string());
        assert_eq!(payload(&mut pattern), n.to_string());
    }
    publishing.join().unwrap();
    let error = channel
        .next_within(Duration::from_millis(1))
        .unwrap()
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    client.publish("a", "more").unwrap();
    assert_eq!(payload(&mut channel), "more");
    client.close().unwrap();
    assert!(channel.next().is_none());
}

#[test]
fn callbacks_run_on_the_clients_thread_after_the_client_is_dropped() {
    let gateway = swarm_gateway::blocking::test().unwrap();
    let client = Client::connect(gateway.ws_url()).unwrap();
    let (heard, hearing) = mpsc::channel();
    let calls = client.clone();
    let handler = client.psubscribe_handler("sensor.*", move |event| {
        if let Event::Message(message) = event {
            // A call from the callback would deadlock, so it is rejected.
            let refused = calls.get("k").is_err();
            heard.send((message.payload, refused)).unwrap();
        }
    });
    let handler = handler.unwrap();
    drop(client);
    let other = Client::connect(gateway.ws_url()).unwrap();
    assert_eq!(other.publish("sensor.temp", "22.5").unwrap(), 1);
    let (payload, refused) = hearing.recv_timeout(LIMIT).unwrap();
    assert_eq!((payload.as_ref(), refused), (b"22.5".as_slice(), true));
    handler.unsubscribe().unwrap();
    // The callback and its captures have been dropped.
    assert!(
        hearing
            .recv_timeout(LIMIT)
            .is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected)
    );
}
