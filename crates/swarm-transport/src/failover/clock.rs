//! The clock of a failover.

use std::time::Duration;

use crate::BoxFuture;

/// Clock and timers of a [`Failover`](super::Failover).
///
/// With a transport feature enabled, that is tokio's clock, or in a browser that of the page,
/// unless [`with_clock`](super::Failover::with_clock) is called.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since a moment that does not change.
    fn now(&self) -> Duration;

    /// Waits for this long.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

#[cfg(feature = "net")]
pub(super) use platform::DefaultClock;

/// Tokio's clock.
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod platform {
    use std::time::Duration;

    use super::Clock;
    use crate::BoxFuture;

    #[derive(Debug)]
    pub(in crate::failover) struct DefaultClock(tokio::time::Instant);

    impl DefaultClock {
        pub(in crate::failover) fn new() -> Self {
            Self(tokio::time::Instant::now())
        }
    }

    impl Clock for DefaultClock {
        fn now(&self) -> Duration {
            self.0.elapsed()
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            Box::pin(tokio::time::sleep(time))
        }
    }
}

/// The clock and the timers of a page.
#[cfg(all(feature = "net", all(target_family = "wasm", target_os = "unknown")))]
mod platform {
    use std::time::Duration;

    use send_wrapper::SendWrapper;

    use super::Clock;
    use crate::BoxFuture;

    #[derive(Debug)]
    pub(in crate::failover) struct DefaultClock(web_time::Instant);

    impl DefaultClock {
        pub(in crate::failover) fn new() -> Self {
            Self(web_time::Instant::now())
        }
    }

    impl Clock for DefaultClock {
        fn now(&self) -> Duration {
            self.0.elapsed()
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            Box::pin(SendWrapper::new(crate::web::sleep(time)))
        }
    }
}
