//! Helpers that read events from subscriptions within a time limit.

use swarm_keydb::{Event, Message, Subscription};
use swarm_tests::within;

/// Returns the next event.
pub(crate) async fn event(subscription: &mut Subscription) -> Event {
    let event = within(subscription.next()).await;
    event.expect("it has not ended").expect("it has not failed")
}

/// Returns the next event, which must be a message.
pub(crate) async fn message(subscription: &mut Subscription) -> Message {
    let event = event(subscription).await;
    match event {
        Event::Message(message) => message,
        other => panic!("{other:?} is no message"),
    }
}

/// Returns the payload of the next event, which must be a message.
pub(crate) async fn payload(subscription: &mut Subscription) -> String {
    let message = message(subscription).await;
    String::from_utf8(message.payload.to_vec()).expect("it is text")
}
