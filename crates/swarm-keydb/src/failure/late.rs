//! Facts about a call that did not end in time: why it waited, for how long, and for which server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use swarm_transport::TransportError;

use crate::runtime::Instant;

/// A call that did not end within its timeout. Created only when the call fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Late {
    /// Whether the call may have run.
    pub(crate) sent: bool,
    /// Address of the server, without secrets. `None` with a custom connector.
    pub(crate) address: Option<Arc<str>>,
    /// How long the call has waited.
    pub(crate) waited: Option<Duration>,
    pub(crate) wait: Wait,
}

/// What a call has waited for.
#[derive(Debug, Clone)]
pub(crate) enum Wait {
    /// The reply to what was sent.
    Reply,
    /// A connection, and capacity in the queue if that is full, too.
    Connection(Outage, Option<QueueLoad>),
    /// Capacity in the queue.
    Queue(QueueLoad),
    /// The replies to this many calls on the connection.
    InFlight(usize),
    /// A call that must be alone in flight.
    Alone,
    /// The replies on a connection that carries no more calls.
    Drain,
    /// A server with an overdue reply.
    Silent,
    /// Earlier calls over the HTTP fallback.
    Fallback,
    /// Earlier calls of a pool of connections.
    Pool,
    /// Other calls that write the same keys.
    Keys,
    /// A node of the cluster that owns the slot, or earlier calls of the slot.
    #[cfg(feature = "cluster")]
    Slot,
}

impl Default for Wait {
    fn default() -> Self {
        Self::Connection(Outage::default(), None)
    }
}

/// A time without a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outage {
    /// When it began.
    pub(crate) since: Option<Instant>,
    /// Number of attempts to connect that have failed since, and when the last one did.
    pub(crate) attempts: u32,
    pub(crate) last_attempt: Option<Instant>,
    /// Why the last attempt failed, or why the connection was lost.
    pub(crate) error: Option<Arc<TransportError>>,
    /// Whether the HTTP fallback is in use.
    pub(crate) on_fallback: bool,
}

impl Outage {
    /// Records a failed attempt to connect.
    pub(crate) fn note_attempt(&mut self, error: &Arc<TransportError>, now: Instant) {
        self.attempts = self.attempts.saturating_add(1);
        self.last_attempt = Some(now);
        self.error = Some(Arc::clone(error));
    }

    /// Time from the beginning to the last failed attempt.
    fn took(&self) -> Duration {
        match (self.since, self.last_attempt) {
            (Some(since), Some(last)) => last.saturating_duration_since(since),
            _ => Duration::ZERO,
        }
    }
}

/// How full the queue is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLoad {
    pub(crate) commands: usize,
    pub(crate) max_commands: usize,
    pub(crate) bytes: usize,
    pub(crate) max_bytes: usize,
}

impl Late {
    /// Returns the last error of the transport, if the call has waited for a connection.
    pub(crate) fn error(&self) -> Option<&Arc<TransportError>> {
        match &self.wait {
            Wait::Connection(outage, _) => outage.error.as_ref(),
            _ => None,
        }
    }

    /// Returns the number of failed attempts to connect, if the call has waited for a connection.
    pub(crate) const fn attempts(&self) -> Option<u32> {
        match &self.wait {
            Wait::Connection(outage, _) => Some(outage.attempts),
            _ => None,
        }
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_deref().unwrap_or("the server");
        match (&self.wait, self.sent) {
            (Wait::Reply, _) => write!(f, "no reply from {address} within ")?,
            (_, false) => f.write_str("not sent within ")?,
            (_, true) => {
                f.write_str("sent over a connection that was lost, and not sent again within ")?;
            }
        }
        match self.waited {
            Some(waited) => write!(f, "{}", Time(waited))?,
            None => f.write_str("the timeout")?,
        }
        match &self.wait {
            Wait::Reply => Ok(()),
            Wait::Connection(outage, queue) => {
                write!(f, ": no connection to {address}{outage}")?;
                match queue {
                    Some(queue) => write!(f, "; {queue}"),
                    None => Ok(()),
                }
            }
            Wait::Queue(queue) => write!(f, ": {queue}"),
            Wait::InFlight(calls) => write!(
                f,
                ": the connection to {address} takes no more commands at the moment ({} in flight)",
                Count(*calls)
            ),
            Wait::Alone => f.write_str(
                ": a command that must be alone on the connection has not been answered yet",
            ),
            Wait::Drain => write!(
                f,
                ": the connection to {address} is being replaced, and earlier replies are pending"
            ),
            Wait::Silent => write!(f, ": {address} does not respond, and a reply is overdue"),
            Wait::Fallback => {
                f.write_str(": earlier commands over the HTTP fallback are not answered yet")
            }
            Wait::Pool => write!(
                f,
                ": earlier commands with a common key, or on all connections to {address}, are not \
                 answered yet"
            ),
            Wait::Keys => f.write_str(": other commands are writing the same keys"),
            #[cfg(feature = "cluster")]
            Wait::Slot => f.write_str(
                ": no node serves the slot, or earlier commands on it have not been answered yet",
            ),
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, self.attempts) {
            (None, _) => {}
            (Some(error), 0) => write!(f, " (lost: {error})")?,
            (Some(error), 1) => write!(f, " (1 attempt: {error})")?,
            (Some(error), attempts) => write!(
                f,
                " ({attempts} attempts in {}, last: {error})",
                Time(self.took())
            )?,
        }
        if self.on_fallback {
            f.write_str("; the HTTP fallback is in use, but has not taken the command")?;
        }
        Ok(())
    }
}

impl fmt::Display for QueueLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            commands,
            max_commands,
            bytes,
            max_bytes,
        } = *self;
        let (used, max, unit, option) = if commands >= max_commands {
            (commands, max_commands, "commands", "max_in_flight")
        } else {
            (bytes, max_bytes, "bytes", "max_in_flight_bytes")
        };
        write!(
            f,
            "the send queue is full ({} of {} {unit}); send fewer commands at once, or raise \
             {option}",
            Count(used),
            Count(max)
        )
    }
}

/// A duration as `700 ms` or `12.5 s`.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_micros().div_ceil(1000);
        match (millis / 1000, millis % 1000) {
            (seconds, 0) if seconds > 0 => write!(f, "{seconds} s"),
            (0..=9, _) => write!(f, "{millis} ms"),
            (seconds, millis) => write!(f, "{seconds}.{} s", millis / 100),
        }
    }
}

/// A number with commas: `8,192`.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
