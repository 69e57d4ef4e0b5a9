//! A page that the browser slows down or stops.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use swarm_keydb::{Client, Event, State};
use web_sys::{Document, window};

use crate::gateway::{Gateway, fetch};
use crate::time::{event, pause, soon, spawn, within};

/// Shorter than the time for which the page is frozen.
const TIMEOUT: Duration = Duration::from_secs(2);

fn document() -> Document {
    window().expect("a page").document().expect("a document")
}

/// Tells the browser what to do with the tab for a time.
async fn tab(what: &str, milliseconds: u32) {
    let (status, text) = fetch("POST", &format!("/tab/{what}?{milliseconds}"), None).await;
    assert_eq!(status, 200, "{text}");
}

/// Freezes the page, and returns when it runs again.
async fn freeze(milliseconds: u32) {
    let events = join(event(&document(), "freeze"), event(&document(), "resume"));
    tab("freeze", milliseconds).await;
    within(Duration::from_secs(20), events)
        .await
        .expect("frozen");
}

/// Commands without a pause, until the page has been frozen. The browser closes connections of a
/// frozen page, so writes may be in doubt, but nothing has timed out.
pub(crate) async fn a_frozen_page_times_nobody_out() {
    let gateway = Gateway::standard().await;
    let options = (gateway.options())
        .request_timeout(TIMEOUT)
        .heartbeat_interval(Duration::from_millis(500))
        .inactivity_timeout(Duration::from_secs(1));
    let client = Client::connect(options).await.unwrap();
    let ends = Rc::new(Cell::new(false));
    let readers = (0..4).map(|n| {
        let (client, ends) = (client.clone(), ends.clone());
        spawn(async move {
            while !ends.get() {
                assert_eq!(client.echo(n).await.unwrap(), n.to_string());
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let writer = spawn({
        let (client, ends) = (client.clone(), ends.clone());
        async move {
            let (mut ran, mut doubtful) = (0, 0);
            while !ends.get() {
                match client.incr("n").await {
                    Ok(_) => ran += 1,
                    Err(error) if error.is_connection() => doubtful += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (ran, doubtful)
        }
    });
    freeze(4_000).await;
    // Timers that are late fire now.
    pause(Duration::from_millis(500)).await;
    ends.set(true);
    let (_, (ran, doubtful)) = soon(join(join_all(readers), writer)).await;
    let counted: i64 = client.get_as("n").await.unwrap().unwrap();
    assert!(doubtful <= 1, "{doubtful} are in doubt");
    assert!(
        (ran..=ran + doubtful).contains(&counted),
        "{counted}, {ran}"
    );
    client.close().await;
}

/// The gap is an event, even if the browser closes the connection of a frozen page.
pub(crate) async fn a_subscription_of_a_frozen_page() {
    let gateway = Gateway::standard().await;
    let (client, publisher) = (gateway.client().await, gateway.client().await);
    let mut news = client.subscribe("news").await.unwrap();
    let connections = gateway.connections().await;
    freeze(3_000).await;
    let first = loop {
        // A subscription that has lost its connection receives nothing else.
        let next = within(Duration::from_millis(200), news.next()).await;
        match next {
            Some(event) => break event.unwrap().unwrap(),
            None => drop(publisher.publish("news", "after").await),
        }
    };
    match first {
        Event::Reconnected { gap } => assert!(gap),
        Event::Message(message) => {
            assert_eq!(message.payload, "after");
            assert_eq!(
                gateway.connections().await,
                connections,
                "no gap was reported"
            );
        }
        event => panic!("{event:?}"),
    }
    client.close().await;
    publisher.close().await;
}

/// Behind another tab, a page has slow timers.
pub(crate) async fn a_page_in_the_background() {
    let gateway = Gateway::standard().await;
    let options = gateway.options().request_timeout(TIMEOUT);
    let client = Client::connect(options).await.unwrap();
    let hidden = event(&document(), "visibilitychange");
    tab("hide", 3_000).await;
    soon(hidden).await;
    assert!(document().hidden());
    let shown = event(&document(), "visibilitychange");
    let count = async {
        let mut calls = 0;
        while document().hidden() {
            calls = client.incr("n").await.unwrap();
            pause(Duration::from_millis(10)).await;
        }
        calls
    };
    let (calls, ()) = soon(join(count, shown)).await;
    assert!(calls > 0);
    assert_eq!(client.get_as("n").await.unwrap(), Some(calls));
    client.close().await;
}

/// The event `online` ends the wait for the next attempt.
pub(crate) async fn a_page_that_is_offline() {
    let gateway = Gateway::standard().await;
    let minute = Duration::from_secs(60);
    let options = gateway
        .options()
        .reconnect_base_delay(minute)
        .reconnect_max_delay(minute)
        .request_timeout(minute);
    let client = Client::connect(options).await.unwrap();
    let mut states = client.watch_state();
    gateway.stop().await;
    assert!(soon(states.reached(State::Reconnecting)).await);
    // The first attempt fails, and the next one is a minute away.
    pause(Duration::from_millis(300)).await;
    gateway.start().await;
    let window = window().expect("a page");
    let (offline, online) = (event(&window, "offline"), event(&window, "online"));
    tab("offline", 1_000).await;
    soon(join(offline, online)).await;
    assert_eq!(soon(client.incr("n").into_future()).await.unwrap(), 1);
    client.close().await;
}
