//! Every duration among the options, checked before anything is dialed.

use std::time::Duration;

use super::{LeaseLimits, Options};
use crate::error::{Error, Result};

/// What is never over, and still fits every clock.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The resolution of timers.
const LEAST: Duration = Duration::from_millis(1);

/// A duration among options.
#[derive(Debug)]
pub(crate) struct Bounded<'a> {
    option: &'static str,
    value: Option<&'a mut Duration>,
    least: Duration,
}

impl<'a> Bounded<'a> {
    pub(crate) fn timer(option: &'static str, value: impl Into<Option<&'a mut Duration>>) -> Self {
        let value = value.into();
        Self {
            option,
            value,
            least: LEAST,
        }
    }

    /// A duration for which zero means something.
    pub(crate) fn or_zero(self) -> Self {
        Self {
            least: Duration::ZERO,
            ..self
        }
    }

    /// Shortens what no clock can express, which means never.
    ///
    /// # Errors
    ///
    /// When the duration is too short.
    pub(crate) fn settle(self) -> Result<()> {
        let Some(value) = self.value else {
            return Ok(());
        };
        if *value < self.least {
            let (option, least) = (self.option, self.least);
            return Err(Error::config(format!(
                "{option} is {value:?}; give it at least {least:?}"
            )));
        }
        *value = NEVER.min(*value);
        Ok(())
    }
}

impl Options {
    /// Every duration among the options. A field that is added must be named here before this compiles.
    pub(super) fn durations(&mut self) -> [Bounded<'_>; 8] {
        let Self {
            url: _,
            http_url: _,
            http_fallback: _,
            fallback: _,
            password: _,
            provider: _,
            request_timeout,
            connect_timeout,
            reconnect: _,
            reconnect_base_delay,
            reconnect_max_delay,
            queue: _,
            queue_bytes: _,
            wait_for_room: _,
            silence,
            drain_timeout,
            heartbeat,
            retry: _,
            reconnect_on: _,
            protocol: _,
            error_spelling: _,
            leases:
                LeaseLimits {
                    size: _,
                    idle: _,
                    idle_time,
                },
            transact_attempts: _,
            session: _,
            // Checked where it is dialed with.
            dial: _,
        } = self;
        [
            Bounded::timer("request_timeout", request_timeout),
            Bounded::timer("connect_timeout", connect_timeout),
            Bounded::timer("reconnect_base_delay", reconnect_base_delay),
            Bounded::timer("reconnect_max_delay", reconnect_max_delay),
            Bounded::timer("silence", silence),
            Bounded::timer("drain_timeout", drain_timeout),
            Bounded::timer("heartbeat", heartbeat.as_mut()),
            Bounded::timer("lease_idle_time", idle_time).or_zero(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ServerCommands;
    use crate::{Client, ErrorKind};

    type Set = fn(Options, Duration) -> Options;

    /// The setter of every duration. [`Options::durations`] does not compile without a new field, and the tests below fail
    /// without its setter.
    const SETTERS: [(&str, Set); 8] = [
        ("request_timeout", Options::request_timeout),
        ("connect_timeout", Options::connect_timeout),
        ("reconnect_base_delay", Options::reconnect_base_delay),
        ("reconnect_max_delay", Options::reconnect_max_delay),
        ("silence", Options::silence),
        ("drain_timeout", Options::drain_timeout),
        ("heartbeat", |options, value| options.heartbeat(value)),
        ("lease_idle_time", Options::lease_idle_time),
    ];

    #[test]
    fn every_duration_has_a_setter_that_sets_it() {
        assert_eq!(Options::default().durations().len(), SETTERS.len());
        for (option, set) in SETTERS {
            let value = Duration::from_secs(77);
            let mut options = set(Options::default(), value);
            let durations = options.durations();
            let set = durations.iter().find(|duration| duration.option == option);
            assert_eq!(set.unwrap().value, Some(&mut value.clone()), "{option}");
        }
    }

    /// Stands for: durations without a bound, which fail late, without a name, or by a panic.
    #[tokio::test]
    async fn every_duration_works_or_is_refused_by_name() {
        let gateway = swarm_gateway::test().await.unwrap();
        for (option, set) in SETTERS {
            for value in [Duration::ZERO, Duration::from_nanos(1)] {
                let client = Client::connect_lazy(set(Options::new(gateway.ws_url()), value));
                if option == "lease_idle_time" {
                    client.unwrap();
                    continue;
                }
                let error = client.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().starts_with(option), "{error}");
            }
            let overflows = Duration::from_secs(u64::MAX / 2);
            for value in [Duration::from_secs(3600), overflows, Duration::MAX] {
                for url in [gateway.ws_url(), gateway.tcp_url(), gateway.http_url()] {
                    let options = set(Options::new(url), value);
                    let client = Client::connect(options).await.unwrap();
                    client.ping().await.unwrap();
                    if url != gateway.http_url() {
                        client.exclusive().await.unwrap().ping().await.unwrap();
                        drop(client.subscribe("news").await.unwrap());
                    }
                    client.close().await;
                }
            }
        }
    }

    #[test]
    fn a_base_delay_beyond_the_maximum_is_lowered() {
        let lower = Options::default().reconnect_max_delay(Duration::from_millis(200));
        assert!(lower.settled().is_ok());
    }
}
