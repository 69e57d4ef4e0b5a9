//! What a client tells of itself: states and figures.

use swarm_keydb::State;
use swarm_tests::{connected, within};

#[tokio::test]
async fn figures_count_what_happened() {
    let (gateway, client) = connected().await;
    assert_eq!(client.state(), State::Connected);
    let hold = gateway.faults().hold("GET");
    let reading = tokio::spawn(client.get("k"));
    within(hold.reached(1)).await;
    // The driver notes the load before it waits for the reply that is held back.
    let stats = client.stats();
    assert_eq!(stats.in_flight, 1, "{stats:?}");
    assert!(stats.in_flight_bytes > 0, "{stats:?}");
    hold.release();
    within(reading).await.unwrap().unwrap();
    within(client.ping()).await.unwrap();
    let stats = client.stats();
    assert_eq!(stats.round_trips.count(), 2);
    assert_eq!(stats.reconnects, 0);
    assert!(stats.round_trips.quantile(0.99) >= stats.round_trips.quantile(0.5));

    let mut states = client.watch_state();
    within(client.close()).await;
    assert!(within(states.reached(State::Closed)).await);
    let stats = client.stats();
    assert_eq!((stats.queued, stats.in_flight), (0, 0));
}

/// Stands for: figures that lag behind what a caller has seen.
#[tokio::test]
async fn what_is_answered_is_no_longer_in_flight() {
    let (_gateway, client) = connected().await;
    for _ in 0..50 {
        let both = async { tokio::join!(client.ping(), client.ping()) };
        let (one, two) = within(both).await;
        one.unwrap();
        two.unwrap();
        let stats = client.stats();
        assert_eq!((stats.queued, stats.in_flight), (0, 0), "{stats:?}");
    }
}
