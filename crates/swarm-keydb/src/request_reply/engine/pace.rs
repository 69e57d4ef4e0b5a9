//! Deadlines that account for slow writes, on a server that takes time for each key.
//!
//! SwarmKeyDb writes keys one after another and runs the commands of a connection one by one. The
//! default deadline of a command is therefore extended by the expected time of its own writes and
//! of those ahead of it on the same connection. On a server without this cost, nothing is counted.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use swarm_resp::RequestRef;

use super::call::earlier;
use super::requests::Requests;
use super::sent::SentCall;
use super::{Call, Caller, Engine};
use crate::effect::Effect;
use crate::pool::Work;
use crate::runtime::Instant;

/// Maximum time of a script: SwarmKeyDb's own limit.
const SCRIPT: Duration = Duration::from_secs(5);

/// Expected time from which a call is long: see [`Work::is_long`].
const LONG: Duration = Duration::from_secs(1);

/// Expected work of commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    keys: u64,
    scripts: u64,
}

impl Load {
    const NONE: Self = Self {
        keys: 0,
        scripts: 0,
    };

    fn of_request(request: RequestRef<'_>) -> Self {
        match Effect::of(&request.args()) {
            Effect::Reads => Self::NONE,
            Effect::Writes(keys) => Self {
                keys: keys.into(),
                scripts: 0,
            },
            Effect::Script => Self {
                keys: 0,
                scripts: 1,
            },
        }
    }

    /// Returns the load of all requests from position `first` on. EXEC has the load of the queued
    /// commands.
    fn of(requests: &Requests, first: usize) -> Self {
        let last = requests
            .len()
            .saturating_sub(usize::from(is_transaction(requests)));
        let counted = requests.iter().take(last).skip(first);
        counted.map(Self::of_request).fold(Self::NONE, Self::add)
    }

    /// Returns the expected time, at a cost per key.
    fn time(self, key: Duration) -> Duration {
        let times = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let keys = key.saturating_mul(times(self.keys));
        keys.saturating_add(SCRIPT.saturating_mul(times(self.scripts)))
    }
}

impl Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            keys: self.keys.saturating_add(other.keys),
            scripts: self.scripts.saturating_add(other.scripts),
        }
    }
}

impl Sub for Load {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            keys: self.keys.saturating_sub(other.keys),
            scripts: self.scripts.saturating_sub(other.scripts),
        }
    }
}

fn is_transaction(requests: &Requests) -> bool {
    requests.len() > 1
        && requests
            .get(0)
            .is_some_and(|first| first.name() == b"MULTI")
}

/// Load of all calls that wait or are in flight on a connection. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Backlog(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    keys: AtomicU64,
    scripts: AtomicU64,
}

impl Backlog {
    fn load(&self) -> Load {
        Load {
            keys: self.0.keys.load(Ordering::Relaxed),
            scripts: self.0.scripts.load(Ordering::Relaxed),
        }
    }

    fn add(&self, load: Load) {
        self.0.keys.fetch_add(load.keys, Ordering::Relaxed);
        self.0.scripts.fetch_add(load.scripts, Ordering::Relaxed);
    }

    /// Takes off what was added before. Calls of one backlog may end in several tasks.
    fn sub(&self, load: Load) {
        self.0.keys.fetch_sub(load.keys, Ordering::Relaxed);
        self.0.scripts.fetch_sub(load.scripts, Ordering::Relaxed);
    }
}

/// The load that one call adds to the backlog until it completes, and the extension of its
/// deadline.
#[derive(Debug)]
pub(crate) struct Pace {
    own: Load,
    /// The load ahead of it at the time `since`.
    ahead: Load,
    /// Start of `timeout`.
    since: Instant,
    timeout: Duration,
    /// Whether the deadline is extended.
    grows: bool,
    backlog: Backlog,
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.count_off(self.own);
    }
}

impl Pace {
    fn count_off(&mut self, done: Load) {
        let left = self.own - done;
        self.backlog.sub(self.own - left);
        self.own = left;
    }

    /// Returns the deadline, at a cost per key.
    fn due(&self, key: Duration) -> Instant {
        let time = (self.ahead + self.own).time(key);
        let due = self.since.checked_add(self.timeout.saturating_add(time));
        due.unwrap_or_else(|| self.since + Duration::from_secs(365 * 24 * 3600))
    }

    /// Returns the deadline if it is later than `now`, because writes have turned out to take
    /// longer.
    pub(super) fn later_than(&self, now: Instant, key: Duration) -> Option<Instant> {
        Some(self.due(key)).filter(|due| self.grows && *due > now)
    }

    /// When the server should have done its work, at a cost per key.
    pub(super) fn done_at(&self, key: Duration) -> Option<Instant> {
        self.since.checked_add((self.ahead + self.own).time(key))
    }

    /// Starts the timeout.
    pub(super) const fn start(&mut self, now: Instant) {
        self.since = now;
    }

    /// The call leaves the pool for a connection, where at most one call is ahead of it. Returns
    /// the deadline, if it is the default one.
    pub(super) fn restart(&mut self, now: Instant, key: Duration) -> Option<Instant> {
        if !self.grows {
            return None;
        }
        self.since = now;
        self.ahead = Load {
            keys: self.ahead.keys.min(1),
            scripts: self.ahead.scripts.min(1),
        };
        Some(self.due(key))
    }

    /// Moves the load to another backlog.
    fn move_to(&mut self, backlog: &Backlog) {
        self.backlog.sub(self.own);
        backlog.add(self.own);
        self.backlog = backlog.clone();
    }
}

impl<C: Caller> Call<C> {
    /// How much work the call is for the server, at a cost per key.
    pub(in crate::request_reply) fn work(&self, key: Duration) -> Work {
        Work {
            requests: u32::try_from(self.requests.len()).unwrap_or(u32::MAX),
            is_long: (self.pace()).is_some_and(|pace| pace.own.time(key) >= LONG),
        }
    }

    /// Revokes the extension of the deadline of a waiting call. Returns whether there may have been
    /// one.
    pub(super) fn take_back_growth(&mut self) -> bool {
        let pace = self.pace().filter(|pace| pace.grows);
        let Some(pace) = pace.filter(|_| !self.starts_when_sent()) else {
            return false;
        };
        let base = pace.since.checked_add(pace.timeout);
        if let Some(deadline) = earlier(self.deadline(), base) {
            self.set_deadline(deadline);
        }
        true
    }
}

impl<C: Caller> Engine<C> {
    /// Extends the deadline of a call by the expected time of writes, and adds its load to the
    /// backlog.
    #[cold]
    pub(super) fn pace(&mut self, call: &mut Call<C>, now: Instant, key: Duration) {
        let own = if call.blocks {
            Load::NONE
        } else {
            Load::of(&call.requests, call.answered())
        };
        let ahead = self.backlog.load();
        let step_by_step = call.grows && call.requests.len() > 1;
        if own + ahead == Load::NONE && !step_by_step {
            return;
        }
        let pace = Pace {
            own,
            ahead,
            since: now,
            timeout: call.time_left(now),
            grows: call.grows,
            backlog: self.backlog.clone(),
        };
        self.backlog.add(own);
        if pace.grows && self.reaches_server() && !call.starts_when_sent() {
            call.set_deadline(pace.due(key));
        }
        call.set_pace(pace);
    }

    /// Whether commands reach the server. Deadlines are not extended while the server is
    /// unreachable.
    pub(super) fn reaches_server(&self) -> bool {
        self.session.is_ready() || !self.fallback.is_empty()
    }

    /// A call is about to be sent to a slow server: extends its deadline, and tells a pool.
    #[cold]
    pub(super) fn note_sending(&self, call: &mut Call<C>) {
        if let Some(pace) = call.pace().filter(|pace| pace.grows) {
            let due = pace.due(self.session.settings.learned.write_cost());
            call.set_deadline(call.deadline().map_or(due, |deadline| deadline.max(due)));
        }
        call.note_sending();
    }

    /// Revokes the extensions of waiting calls: they wait for the next connection no longer than
    /// their timeout.
    pub(super) fn take_back_growth(&mut self) {
        for call in &mut self.waiting {
            if call.take_back_growth() {
                self.earliest = earlier(self.earliest, call.deadline());
            }
        }
    }

    /// Measures the request that the first call in flight is about to complete. The time of a
    /// batch's next request starts now.
    #[cold]
    pub(super) fn note_pace(&mut self, ran: bool) {
        let (Some(now), key) = (
            self.session.last_activity(),
            self.session.settings.learned.write_cost(),
        ) else {
            return;
        };
        let Some(slot) = self.in_flight.front_mut() else {
            return;
        };
        let begun = self
            .answered
            .map_or(slot.sent, |answered| answered.max(slot.sent));
        let next = slot.next_load();
        let goes_on = slot.is_pending() && slot.owed() > 1;
        let Some(call) = &mut slot.call else {
            return;
        };
        let Some(pace) = call.pace_mut() else {
            return;
        };
        let done = next.unwrap_or(Load::NONE);
        if ran && done.scripts == 0 {
            let took = now.saturating_duration_since(begun);
            let keys = u32::try_from(done.keys).unwrap_or(u32::MAX);
            if let Some(took) = took.checked_div(keys) {
                self.session.settings.learned.note_write(took);
            }
        }
        pace.count_off(done);
        if pace.grows && goes_on {
            (pace.since, pace.ahead) = (now, Load::NONE);
            pace.timeout = pace.timeout.max(self.session.settings.request_timeout);
            let deadline = pace.due(key);
            call.set_deadline(deadline);
            self.note_deadline(deadline);
        }
    }

    /// Moves the load of waiting calls to the backlog of the next connection.
    pub(super) fn take_backlog_along(&mut self) {
        for call in &mut self.waiting {
            if let Some(pace) = call.pace_mut() {
                pace.move_to(&self.backlog);
            }
        }
    }
}

impl<C: Caller> SentCall<C> {
    /// Returns the load of the next request to be answered, or `None` for a tombstone.
    fn next_load(&self) -> Option<Load> {
        let call = self.call.as_ref()?;
        let position = call.answered();
        if !is_transaction(&call.requests) {
            return Some(Load::of_request(call.requests.get(position)?));
        }
        let is_exec = position.saturating_add(1) == call.requests.len();
        Some(if is_exec {
            call.pace()?.own
        } else {
            Load::NONE
        })
    }
}
