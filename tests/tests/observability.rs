//! State and statistics of a client.

use swarm_keydb::{Client, State, blocking};
use swarm_tests::{connected, within};

#[tokio::test]
async fn figures_count_what_happened() {
    let (gateway, client) = connected().await;
    assert_eq!(client.state(), State::Connected);
    let hold = gateway.faults().hold("GET");
    let reading = tokio::spawn(client.get("k"));
    within(hold.reached(1)).await;
    // The driver updates the statistics before it waits for the withheld reply.
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

/// Covers statistics that lag behind what a caller has observed.
#[tokio::test]
async fn answered_commands_are_no_longer_in_flight() {
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

/// Clients are part of the state that programs log.
#[tokio::test]
async fn debug_of_a_client_is_one_short_line() {
    let gateway = swarm_gateway::test().await.unwrap();
    let url = gateway.ws_url().to_owned();
    let client = within(Client::connect(&*url)).await.unwrap();
    let address = url.trim_end_matches('/');
    let expected = format!("Client {{ address: \"{address}\", state: Connected, .. }}");
    assert_eq!(format!("{client:?}"), expected);
    let blocking = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect(&*url).unwrap();
        let consumer = client.consumer("group", "name", "stream").build().unwrap();
        [
            format!("{client:?}"),
            format!("{:?}", client.exclusive()),
            format!("{consumer:?}"),
        ]
    });
    let [client, others @ ..] = within(blocking).await.unwrap();
    assert_eq!(client, expected);
    for text in others {
        assert!(text.len() < 200 && !text.contains('\n'), "{text}");
    }
}
