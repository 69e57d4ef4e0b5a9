//! The trial: more connections for a moment, to find out whether the server is serial.

use std::time::Duration;

use super::Growth;
use super::connection::Connection;
use super::demand::Demand;
use super::meter::Meter;
use crate::runtime::Instant;

/// Slow gaps on each connection that decide a trial, and the seconds over which they must spread.
const ENOUGH_GAPS: usize = 4;
const ENOUGH_SECONDS: f64 = 0.35;

/// A trial with too few slow gaps ends after this time.
const LONGEST_TRIAL: Duration = Duration::from_secs(3);

/// Time after a trial until the next one, if connections were found to slow each other down.
const AFTER_TRIAL: Duration = Duration::from_secs(60);

/// Time after a trial that decided nothing. Doubles with each, up to [`AFTER_TRIAL`].
const AFTER_UNCLEAR_TRIAL: Duration = Duration::from_secs(10);

/// Time after a trial for which there were too few calls.
const AFTER_IDLE_TRIAL: Duration = Duration::from_secs(1);

/// Time in which the first handshakes on a serial server may show that it is not.
const RAMP: Duration = Duration::from_secs(10);

/// Connections up to which slow handshakes show that a server is not serial. With more, it has as
/// many as it can serve at once.
const FEW: usize = 4;

/// Time after the server was found to have as many connections as it can serve at once.
const SATURATED: Duration = Duration::from_secs(10);

/// A trial that is in progress.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    /// Mean slow gap before it, in seconds.
    pub(super) pace: f64,
    /// Number of connections to be opened for it: as many as there are. If they share one thread,
    /// each is then half as fast.
    pub(super) size: usize,
    /// When the last of its connections was opened.
    pub(super) since: Option<Instant>,
    /// Whether a call has waited for a connection.
    pub(super) has_load: bool,
}

impl Trial {
    /// When the trial ends even without enough gaps. A slower server needs more time for as many.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limit = LONGEST_TRIAL.max(Duration::from_secs_f64(8.0 * self.pace));
        Some(self.since? + limit)
    }
}

/// Handshakes since the trial began. A new connection owes nothing: if its handshake is slow, then
/// the server as a whole is stalled, or the network is late, and more connections are of no use.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    slow: usize,
    fast: usize,
    /// Time beyond two round trips after which a handshake is slow.
    limit: Duration,
}

impl Handshakes {
    /// `pace` is the mean slow gap in seconds.
    fn new(pace: f64) -> Self {
        Self {
            slow: 0,
            fast: 0,
            limit: Duration::from_millis(2).max(Duration::from_secs_f64(pace / 4.0)),
        }
    }

    pub(super) fn note(&mut self, round_trip: Duration, lone: Duration) {
        if round_trip > 2 * lone + self.limit {
            self.slow += 1;
        } else {
            self.fast += 1;
        }
    }

    fn forget(&mut self) {
        (self.slow, self.fast) = (0, 0);
    }

    /// Whether all of the server must be slow.
    const fn are_slow(&self) -> bool {
        match self.fast + self.slow {
            0..=3 => self.slow > 0,
            _ => self.slow * 2 > self.fast,
        }
    }
}

impl Growth {
    pub(super) fn begin_trial(&mut self, pace: f64) {
        let size = self.largest().saturating_sub(self.connections.len());
        self.trial = Some(Trial {
            pace,
            size: size.min(self.connections.len()),
            since: None,
            has_load: false,
        });
        self.handshakes = Handshakes::new(pace);
        for connection in &mut self.connections {
            connection.meter.forget_gaps();
        }
    }

    /// Ends the trial when enough is known, or will not be.
    pub(super) fn judge_trial(&mut self, now: Instant) {
        let Some(trial) = self.trial else {
            return;
        };
        let is_late = trial.deadline().is_some_and(|at| now >= at);
        match self.slowdown(&trial, is_late, now) {
            Some(slowdown) if slowdown > 0.7 => {
                self.unclear_trials = 0;
                self.end_trial(now + AFTER_TRIAL);
            }
            Some(slowdown) if slowdown > 0.4 || self.handshakes.are_slow() => {
                self.end_unclear_trial(now);
            }
            // There were too few calls to find out.
            None if is_late && !trial.has_load => self.end_trial(now + AFTER_IDLE_TRIAL),
            Some(_) => {
                self.forget_trial();
                self.unclear_trials = 0;
                self.serial_since = Some(now);
                self.last_slow = Some(now);
                // The connections of the trial are needed.
                self.demand = Demand::default();
                self.demand.note(now, self.open_connections());
            }
            None if is_late => self.end_unclear_trial(now),
            None => {}
        }
    }

    /// How much slower each connection has become: 0 if each keeps its pace, 1 if all of them
    /// together are as fast as before. None if it is not known yet.
    fn slowdown(&self, trial: &Trial, is_late: bool, now: Instant) -> Option<f64> {
        let open = || self.connections.iter().filter(|known| known.is_open());
        let is_enough = |meter: &Meter| match is_late {
            true => meter.slow_gaps() >= ENOUGH_GAPS,
            false => meter.has_slow_gaps(ENOUGH_GAPS, ENOUGH_SECONDS, now),
        };
        // On the others, the first replies are those to calls of before.
        let new = || open().filter(|known| known.is_on_trial);
        if new().count() < trial.size || !open().all(|known| is_enough(&known.meter)) {
            return None;
        }
        let sum: f64 = new().filter_map(|known| known.meter.pace()).sum();
        let (new, old) = (new().count() as f64, open().count() - new().count());
        Some((sum / new / trial.pace - 1.0) * old as f64 / new)
    }

    /// Ends growth on a server that was found serial if the handshakes of the first connections
    /// show otherwise, or pauses it.
    pub(super) fn judge_handshakes(&mut self, now: Instant) {
        let Some(since) = self.serial_since else {
            return;
        };
        if !self.handshakes.are_slow() {
            return;
        }
        let is_new = now.saturating_duration_since(since) < RAMP;
        if is_new && self.connections.len() <= FEW {
            self.end_unclear_trial(now);
        } else {
            self.handshakes.forget();
            self.hold_until(now + SATURATED);
        }
    }

    fn end_unclear_trial(&mut self, now: Instant) {
        let hold = AFTER_UNCLEAR_TRIAL.saturating_mul(1 << self.unclear_trials.min(4));
        self.unclear_trials = self.unclear_trials.saturating_add(1);
        self.end_trial(now + hold.min(AFTER_TRIAL));
    }

    /// The server is not serial, as far as is known.
    pub(super) fn end_trial(&mut self, hold: Instant) {
        self.serial_since = None;
        self.is_stalled_as_a_whole = self.handshakes.are_slow();
        self.forget_trial();
        self.hold_until(hold);
        for connection in &mut self.connections {
            connection.meter.forget_gaps();
        }
    }

    /// Ends the trial without a result.
    pub(super) fn forget_trial(&mut self) {
        self.trial = None;
        let connections: &mut [Connection] = &mut self.connections;
        for connection in connections {
            connection.is_on_trial = false;
        }
    }
}
