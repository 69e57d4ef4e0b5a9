//! Validates the durations among the options before the client connects.

use std::time::Duration;

use super::{ClientOptions, DedicatedLimits};
use crate::error::{Error, Result};

/// Represents no limit, and fits every clock.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The resolution of timers.
const MIN: Duration = Duration::from_millis(1);

/// A duration among options.
#[derive(Debug)]
pub(crate) struct Bounded<'a> {
    option: &'static str,
    value: Option<&'a mut Duration>,
    min: Duration,
}

impl<'a> Bounded<'a> {
    pub(crate) fn timer(option: &'static str, value: impl Into<Option<&'a mut Duration>>) -> Self {
        let value = value.into();
        Self {
            option,
            value,
            min: MIN,
        }
    }

    /// Allows a duration of zero.
    pub(crate) fn or_zero(self) -> Self {
        Self {
            min: Duration::ZERO,
            ..self
        }
    }

    /// Replaces a duration that no clock can express, which means no limit.
    ///
    /// # Errors
    ///
    /// If the duration is too short.
    pub(crate) fn settle(self) -> Result<()> {
        let Some(value) = self.value else {
            return Ok(());
        };
        if *value < self.min {
            let (option, min) = (self.option, self.min);
            return Err(Error::config(format!(
                "{option} is {value:?}; give it at least {min:?}"
            )));
        }
        *value = NEVER.min(*value);
        Ok(())
    }
}

impl ClientOptions {
    /// Every duration among the options. A new field must be listed here before this compiles.
    pub(super) fn durations(&mut self) -> [Bounded<'_>; 8] {
        let Self {
            url: _,
            fallback: _,
            failover: _,
            #[cfg(feature = "sentinel")]
                sentinel: _,
            password: _,
            provider: _,
            request_timeout,
            connect_timeout,
            reconnect: _,
            reconnect_base_delay,
            reconnect_max_delay,
            max_in_flight: _,
            max_in_flight_bytes: _,
            fail_when_full: _,
            inactivity_timeout,
            drain_timeout,
            heartbeat_interval,
            retry: _,
            reconnect_on: _,
            protocol: _,
            error_encoding: _,
            server: _,
            max_connections: _,
            min_connections: _,
            ordering: _,
            dedicated:
                DedicatedLimits {
                    max: _,
                    max_idle: _,
                    idle_timeout,
                },
            transact_attempts: _,
            session: _,
            observer: _,
            // Checked when a connector is created.
            transport: _,
        } = self;
        [
            Bounded::timer("request_timeout", request_timeout),
            Bounded::timer("connect_timeout", connect_timeout),
            Bounded::timer("reconnect_base_delay", reconnect_base_delay),
            Bounded::timer("reconnect_max_delay", reconnect_max_delay),
            Bounded::timer("inactivity_timeout", inactivity_timeout),
            Bounded::timer("drain_timeout", drain_timeout),
            Bounded::timer("heartbeat_interval", heartbeat_interval.as_mut()),
            Bounded::timer("dedicated_idle_timeout", idle_timeout).or_zero(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, ErrorKind};

    type Set = fn(ClientOptions, Duration) -> ClientOptions;

    /// The setter of every duration. [`ClientOptions::durations`] does not compile without a new
    /// field, and the tests below fail without its setter.
    const SETTERS: [(&str, Set); 8] = [
        ("request_timeout", ClientOptions::request_timeout),
        ("connect_timeout", ClientOptions::connect_timeout),
        ("reconnect_base_delay", ClientOptions::reconnect_base_delay),
        ("reconnect_max_delay", ClientOptions::reconnect_max_delay),
        ("inactivity_timeout", ClientOptions::inactivity_timeout),
        ("drain_timeout", ClientOptions::drain_timeout),
        ("heartbeat_interval", |options, value| {
            options.heartbeat_interval(value)
        }),
        (
            "dedicated_idle_timeout",
            ClientOptions::dedicated_idle_timeout,
        ),
    ];

    #[test]
    fn every_duration_has_a_setter() {
        assert_eq!(ClientOptions::default().durations().len(), SETTERS.len());
        for (option, set) in SETTERS {
            let value = Duration::from_secs(77);
            let mut options = set(ClientOptions::default(), value);
            let durations = options.durations();
            let set = durations.iter().find(|duration| duration.option == option);
            assert_eq!(set.unwrap().value, Some(&mut value.clone()), "{option}");
        }
    }

    /// Catches durations without a bound, which would fail late, without the option's name, or by a
    /// panic.
    #[tokio::test]
    async fn every_duration_works_or_is_rejected_by_name() {
        let gateway = swarm_gateway::test().await.unwrap();
        for (option, set) in SETTERS {
            for value in [Duration::ZERO, Duration::from_nanos(1)] {
                let client = Client::connect_lazy(set(ClientOptions::new(gateway.ws_url()), value));
                if option == "dedicated_idle_timeout" {
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
                    let options = set(ClientOptions::new(url), value);
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
        let lower = ClientOptions::default().reconnect_max_delay(Duration::from_millis(200));
        assert!(lower.settled().is_ok());
    }
}
