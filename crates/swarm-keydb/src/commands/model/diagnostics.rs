//! Replies about the state of a server: slow commands, latency, roles and times.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use swarm_resp::{ConvertError, Frame, FrameRef, FromFrame, Milliseconds, Seconds};

/// Converts seconds since 1970 to a time.
fn time(Seconds(since): Seconds, reply: FrameRef<'_>) -> Result<SystemTime, ConvertError> {
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.ok_or_else(|| ConvertError::new("a time", reply))
}

/// Reads seconds since 1970.
pub(in crate::commands) fn unix_time(reply: &Frame) -> Result<SystemTime, ConvertError> {
    time(reply.convert()?, reply.view())
}

/// Reads seconds and microseconds since 1970.
pub(in crate::commands) fn server_time(reply: &Frame) -> Result<SystemTime, ConvertError> {
    let (seconds, micros): (Seconds, u64) = reply.convert()?;
    let time = time(seconds, reply.view())?.checked_add(Duration::from_micros(micros));
    time.ok_or_else(|| ConvertError::new("a time", reply.view()))
}

/// Command that took longer than the server's limit for slow ones.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowCommand {
    /// Number of the entry, which grows.
    pub id: u64,
    /// When the command ran, to the second.
    pub time: SystemTime,
    /// How long it took, without waiting.
    pub duration: Duration,
    /// The command and its arguments; the server may shorten them.
    pub args: Vec<Bytes>,
    /// Address of the client.
    pub client: String,
    /// Name of the connection, or empty.
    pub client_name: String,
}

impl fmt::Debug for SlowCommand {
    /// Shows the number of arguments, but no argument.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowCommand")
            .field("id", &self.id)
            .field("time", &self.time)
            .field("duration", &self.duration)
            .field("args", &format_args!("{} args", self.args.len()))
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl FromFrame for SlowCommand {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (id, since, micros, args, client, client_name) = frame.convert()?;
        Ok(Self {
            id,
            time: time(since, frame)?,
            duration: Duration::from_micros(micros),
            args,
            client,
            client_name,
        })
    }
}

pub(in crate::commands) fn slow_commands(reply: &Frame) -> Result<Vec<SlowCommand>, ConvertError> {
    reply.convert()
}

/// Kind of event that the server watches for latency.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatencyEvent {
    /// Name of the event: `command`, `fork`, …
    pub name: String,
    /// When it last took long, to the second.
    pub time: SystemTime,
    /// How long it took then.
    pub latest: Duration,
    /// The longest time that it ever took.
    pub max: Duration,
}

impl FromFrame for LatencyEvent {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (name, since, Milliseconds(latest), Milliseconds(max)) = frame.convert()?;
        Ok(Self {
            name,
            time: time(since, frame)?,
            latest,
            max,
        })
    }
}

pub(in crate::commands) fn latency_events(
    reply: &Frame,
) -> Result<Vec<LatencyEvent>, ConvertError> {
    reply.convert()
}

/// Reads the times and durations of one kind of event.
pub(in crate::commands) fn latency_samples(
    reply: &Frame,
) -> Result<Vec<(SystemTime, Duration)>, ConvertError> {
    let samples: Vec<(Seconds, Milliseconds)> = reply.convert()?;
    let sample = |(since, Milliseconds(took))| Ok((time(since, reply.view())?, took));
    samples.into_iter().map(sample).collect()
}

/// Role of a server in replication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Accepts writes.
    Master {
        /// How many bytes it has replicated.
        offset: i64,
        /// Its replicas.
        replicas: Vec<Replica>,
    },
    /// Replicates another server.
    Replica {
        /// Host of that server.
        host: String,
        /// Port of that server.
        port: u16,
        /// State of the replication: `connect`, `connecting`, `sync` or `connected`.
        state: String,
        /// How many bytes it has received, or -1.
        offset: i64,
    },
    /// Another role, by the server's name.
    Other(String),
}

/// Replica that is connected to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replica {
    /// Host of the replica.
    pub host: String,
    /// Port of the replica.
    pub port: u16,
    /// How many bytes it has received.
    pub offset: i64,
}

impl FromFrame for Replica {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (host, port, offset) = frame.convert()?;
        Ok(Self { host, port, offset })
    }
}

pub(in crate::commands) fn role(reply: &Frame) -> Result<Role, ConvertError> {
    let unexpected = || ConvertError::new("a role", reply.view());
    let name = reply.items().and_then(|mut items| items.next());
    match name.and_then(FrameRef::as_str).ok_or_else(unexpected)? {
        "master" => {
            let (_, offset, replicas): (String, _, _) = reply.convert()?;
            Ok(Role::Master { offset, replicas })
        }
        "slave" => {
            let (_, host, port, state, offset): (String, _, _, _, _) = reply.convert()?;
            Ok(Role::Replica {
                host,
                port,
                state,
                offset,
            })
        }
        other => Ok(Role::Other(other.to_owned())),
    }
}

/// Reads why a user may not run a command: OK if the user may.
pub(in crate::commands) fn dry_run(reply: &Frame) -> Result<Option<String>, ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(None),
        _ => reply.convert().map(Some),
    }
}
