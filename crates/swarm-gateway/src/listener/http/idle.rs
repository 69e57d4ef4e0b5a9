//! Reset of idle connections, as the deployed HTTP gateway does it.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long a connection may stay without its first request.
const FRESH: Duration = Duration::from_secs(90);

/// How long a connection may stay idle after an answer.
const KEPT: Duration = Duration::from_secs(15);

/// Requests of a connection that are being answered, and when it is reset if there are none.
#[derive(Debug, Clone, Copy)]
struct Activity {
    requests: usize,
    deadline: Instant,
}

/// Limits the idle time of a connection.
#[derive(Debug)]
pub(super) struct Idle(watch::Sender<Activity>);

impl Idle {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Activity {
            requests: 0,
            deadline: Instant::now() + FRESH,
        }))
    }

    /// Records that a request is being answered until the guard is dropped.
    pub(super) fn request(&self) -> Busy {
        self.0.send_modify(|activity| activity.requests += 1);
        Busy(self.0.clone())
    }

    /// Waits until the connection has been idle for too long.
    pub(super) async fn over(&self) {
        let mut activity = self.0.subscribe();
        loop {
            let Activity { requests, deadline } = *activity.borrow_and_update();
            let expired = async {
                match requests {
                    0 => sleep_until(deadline).await,
                    _ => pending().await,
                }
            };
            tokio::select! {
                biased;
                // The sender lives in `self`, so this cannot fail.
                _ = activity.changed() => {}
                () = expired => return,
            }
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(watch::Sender<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|activity| {
            activity.requests = activity.requests.saturating_sub(1);
            activity.deadline = Instant::now() + KEPT;
        });
    }
}
