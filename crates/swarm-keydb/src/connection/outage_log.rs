//! What the log tells about a time without a server: one line when it begins, one when it is over,
//! and one in between if only a change of the server or the options ends it.

use std::fmt::Display;

use crate::failure::Time;
use crate::runtime::Instant;

/// Logs the outages of one purpose of a client.
///
/// The shared connection tells each outage of the server. Every other purpose depends on that
/// connection, so it tells only what that connection does not: that it fails although the shared
/// connection works. Its first failure may be the beginning of an outage of the server that the
/// shared connection has not noticed yet, so only the second one in a row counts.
#[derive(Debug)]
pub(crate) struct OutageLog {
    purpose: &'static str,
    /// Number of failures in a row that are not told.
    tolerated: u32,
    failures: u32,
    /// When the first failure was.
    since: Option<Instant>,
    told: bool,
    /// Whether the log says that retries are no use.
    told_lasting: bool,
}

/// Why a purpose fails, as the log tells it.
pub(crate) struct Fault<'a> {
    pub(crate) error: &'a dyn Display,
    /// Whether every attempt fails until the server or the options change.
    pub(crate) is_lasting: bool,
    /// The number of commands that wait, if it is known.
    pub(crate) waiting: Option<usize>,
}

impl OutageLog {
    /// Creates the log of the shared connection.
    pub(crate) const fn shared() -> Self {
        Self::new("commands", 0)
    }

    /// Creates the log of a purpose that depends on the shared connection.
    pub(crate) const fn beside_shared(purpose: &'static str) -> Self {
        Self::new(purpose, 1)
    }

    const fn new(purpose: &'static str, tolerated: u32) -> Self {
        Self {
            purpose,
            tolerated,
            failures: 0,
            since: None,
            told: false,
            told_lasting: false,
        }
    }

    /// Records a failure.
    pub(crate) fn failed(&mut self, address: Option<&str>, fault: &Fault<'_>) {
        self.since.get_or_insert_with(Instant::now);
        self.failures = self.failures.saturating_add(1);
        let is_told = self.told && (self.told_lasting || !fault.is_lasting);
        if is_told || self.failures <= self.tolerated {
            return;
        }
        self.told = true;
        self.told_lasting = fault.is_lasting;
        let purpose = self.purpose;
        let server = address.unwrap_or("custom connector");
        let &Fault { error, waiting, .. } = fault;
        if fault.is_lasting {
            let what = "no connection to the server; retries fail until the cause is fixed";
            tracing::warn!(purpose, server, %error, waiting, "{what}");
        } else {
            let what = "no connection to the server; retrying";
            tracing::warn!(purpose, server, %error, waiting, "{what}");
        }
    }

    /// Records that the purpose works. `attempts` is the number of failed attempts, if it is known
    /// better than by [`failed`](Self::failed).
    pub(crate) fn over(&mut self, address: Option<&str>, attempts: Option<u32>) {
        let Some(since) = self.since.take() else {
            return;
        };
        self.told_lasting = false;
        let failures = std::mem::take(&mut self.failures);
        if std::mem::take(&mut self.told) {
            tracing::info!(
                purpose = self.purpose,
                server = address.unwrap_or("custom connector"),
                after = %Time(since.elapsed()),
                failed_attempts = attempts.unwrap_or(failures),
                "connected to the server"
            );
        }
    }
}
