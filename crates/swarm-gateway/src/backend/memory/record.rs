//! What the server records of commands that have run, for SLOWLOG and LATENCY.

use std::time::Instant;

use bytes::Bytes;

use super::server::Server;
use super::table::Spec;
use super::traits::Traits;

/// A command that has run.
pub(super) struct Executed<'a> {
    pub(super) spec: &'static Spec,
    pub(super) args: &'a [Bytes],
    /// The connection that ran it; a script has none.
    pub(super) client: Option<u64>,
    pub(super) started: Instant,
    /// Milliseconds since the Unix epoch.
    pub(super) now: i64,
}

impl Server {
    /// Records a command that has run.
    pub(super) fn record(&mut self, ran: &Executed<'_>) {
        let took = ran.started.elapsed();
        let limits = self.config.recording();
        self.histograms
            .add(ran.spec.name, took, limits.tracks_latency);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let has = |flag: &str| Traits::of(ran.spec.name).is_some_and(|traits| traits.has(flag));
        if limits.slow_micros.is_some_and(|slow| micros >= slow) && !has("skip_slowlog") {
            self.log_slow(ran, micros);
        }
        let millis = micros / 1000;
        if limits.latency_millis > 0 && millis >= limits.latency_millis {
            let event = match has("fast") {
                true => "fast-command",
                false => "command",
            };
            self.latency.add(event, ran.now / 1000, millis);
        }
    }
}
