//! Time and events of the page.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::Promise;
use tokio::sync::oneshot;
use wasm_bindgen_futures::JsFuture;
use web_sys::EventTarget;

/// Time limit of what takes milliseconds.
const SOON: Duration = Duration::from_secs(10);

/// Waits for a future. Returns `None` if it is pending after the limit.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pause(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

/// Waits for what takes milliseconds.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    within(SOON, future).await.expect("done within 10 s")
}

pub(crate) fn pause(time: Duration) -> TimeoutFuture {
    TimeoutFuture::new(u32::try_from(time.as_millis()).expect("less than 49 days"))
}

/// Returns a future of the next event. Events from now on count.
pub(crate) fn event(target: &EventTarget, name: &str) -> impl Future<Output = ()> + use<> {
    let promise = Promise::new(&mut |resolve, _| {
        let options = web_sys::AddEventListenerOptions::new();
        options.set_once(true);
        target
            .add_event_listener_with_callback_and_add_event_listener_options(
                name, &resolve, &options,
            )
            .expect("a valid listener");
    });
    async move {
        JsFuture::from(promise).await.expect("never rejected");
    }
}

/// Returns the time of the page in milliseconds.
pub(crate) fn now() -> f64 {
    let window = web_sys::window().expect("a page");
    window.performance().expect("a clock").now()
}

/// Runs a future as a task of the page.
pub(crate) fn spawn<T: 'static>(
    task: impl Future<Output = T> + 'static,
) -> impl Future<Output = T> {
    let (sender, receiver) = oneshot::channel();
    wasm_bindgen_futures::spawn_local(async move {
        // Nobody may wait.
        let _ = sender.send(task.await);
    });
    async move { receiver.await.expect("the task ends") }
}
