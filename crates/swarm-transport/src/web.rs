//! What the transports share in a browser: timers, and what a page cannot do.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use web_time::Instant;

use crate::{TransportError, TransportErrorKind};

#[cfg(feature = "tcp")]
compile_error!(
    "the feature `tcp` is not available in a browser, which has no TCP sockets; use \
     `default-features = false` and the feature `web`"
);
#[cfg(feature = "tls")]
compile_error!(
    "the feature `tls` is not available in a browser, which has TLS of its own; wss:// and \
     https:// need only the feature `web`"
);

/// The longest time that `setTimeout` takes. It fires at once for longer ones.
const MAX_TIMER: Duration = Duration::from_millis(i32::MAX as u64);

/// How late a timer may fire without a reason. Pages in the background have timers once per second.
const LATE: Duration = Duration::from_secs(2);

/// Waits for a time.
pub(crate) async fn sleep(mut left: Duration) {
    while !left.is_zero() {
        let part = left.min(MAX_TIMER);
        timer(part).await;
        left -= part;
    }
}

/// Starts a timer, for at most 24 days.
pub(crate) fn timer(time: Duration) -> TimeoutFuture {
    let millis = time.min(MAX_TIMER).as_micros().div_ceil(1000);
    TimeoutFuture::new(u32::try_from(millis).unwrap_or(u32::MAX / 2))
}

/// Waits for a future, at most for a time.
///
/// If the page was asleep when the time was up, what arrived meanwhile may not be delivered yet.
/// Therefore a timer that fires late is set once more, for a moment.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let elapsed = async {
        let mut time = time;
        loop {
            let start = Instant::now();
            sleep(time).await;
            if start.elapsed() < time.saturating_add(LATE) {
                break;
            }
            time = LATE;
        }
    };
    let (mut future, mut elapsed) = (pin!(future), pin!(elapsed));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        ready!(elapsed.as_mut().poll(cx));
        Poll::Ready(None)
    })
    .await
}

/// Creates the error for an option that needs more than a page can do.
pub(crate) fn unavailable(option: &str, reason: &str) -> TransportError {
    let message = format!("{option} is not available in a browser: {reason}");
    TransportError::new(TransportErrorKind::Options, message)
}

/// Names an option by the header that it sets.
pub(crate) fn header_option(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "origin" => "origin".to_owned(),
        "authorization" => "bearer_token (header Authorization)".to_owned(),
        _ => format!("header {name}"),
    }
}
