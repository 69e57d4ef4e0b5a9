//! Load of many tasks on a few keys that records a history of each key, and checks it.

mod record;
mod register;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use swarm_keydb::{Client, Outcome, Result};
use tokio::task::JoinSet;

use crate::cancel_after;
use record::Record;
use register::{Action, check_linearizable, check_order};

/// Commands that a task has in flight at most.
const BURST: usize = 4;

/// Timeout of the commands that are meant to time out, and of all others.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(60);

/// A number of commands of many tasks on a few keys: SET, GET, MSET, MGET, and pipelines. Some are
/// canceled, some have a timeout that is too short.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Number of commands of all tasks together.
    pub commands: usize,
    /// Number of tasks, which take turns with the clients.
    pub tasks: usize,
    /// Number of keys.
    pub keys: usize,
}

/// What a [`Load`] has found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Number of commands that the server has answered.
    pub answered: usize,
    /// Number of commands that were canceled.
    pub canceled: usize,
    /// Number of commands that failed with the outcome [`Outcome::NotSent`].
    pub not_sent: usize,
    /// Number of commands that failed with the outcome [`Outcome::MayHaveRun`].
    pub may_have_run: usize,
    /// Maximum number of connections of a client.
    pub connections: usize,
    /// Commands of a client that have not run in the order in which they were polled. Determined
    /// only if there is a single client.
    pub swapped: Vec<String>,
    /// Keys whose history is not linearizable.
    pub not_linearizable: Vec<String>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered, {} canceled, {} not sent, {} may have run; up to {} connections; {} keys \
             out of order, {} not linearizable",
            self.answered,
            self.canceled,
            self.not_sent,
            self.may_have_run,
            self.connections,
            self.swapped.len(),
            self.not_linearizable.len()
        )
    }
}

impl Load {
    /// Sends the commands with these clients of one server, whose keys `k0`, `k1` … must not exist
    /// yet, and checks their histories.
    ///
    /// # Errors
    ///
    /// If a command fails other than by a timeout.
    pub async fn run(self, clients: &[Client]) -> Result<Findings> {
        let state = Arc::new(State {
            record: Record::new(self.keys),
            left: AtomicUsize::new(self.commands),
            value: AtomicU64::new(1),
            ..State::default()
        });
        let mut tasks = JoinSet::new();
        for client in clients.iter().cycle().take(self.tasks) {
            tasks.spawn(Arc::clone(&state).work(client.clone()));
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("it does not panic")?;
        }
        let mut findings = Findings {
            answered: state.answered.load(Ordering::Relaxed),
            canceled: state.canceled.load(Ordering::Relaxed),
            not_sent: state.not_sent.load(Ordering::Relaxed),
            may_have_run: state.may_have_run.load(Ordering::Relaxed),
            connections: state.connections.load(Ordering::Relaxed),
            ..Findings::default()
        };
        for (key, operations) in state.record.take().into_iter().enumerate() {
            if clients.len() == 1
                && let Err(violation) = check_order(&operations)
            {
                findings.swapped.push(format!("k{key}: {violation}"));
            }
            if let Err(violation) = check_linearizable(&operations) {
                let violation = format!("k{key}: {violation}");
                findings.not_linearizable.push(violation);
            }
        }
        Ok(findings)
    }
}

/// Shared by the tasks of a load.
#[derive(Debug, Default)]
struct State {
    record: Record,
    left: AtomicUsize,
    /// The next value. No value is written twice.
    value: AtomicU64,
    answered: AtomicUsize,
    canceled: AtomicUsize,
    not_sent: AtomicUsize,
    may_have_run: AtomicUsize,
    connections: AtomicUsize,
}

impl State {
    /// Sends bursts of commands until enough were sent.
    async fn work(self: Arc<Self>, client: Client) -> Result<()> {
        loop {
            let burst = fastrand::usize(1..=BURST);
            let before = (self.left)
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    Some(left.saturating_sub(burst))
                })
                .unwrap_or(0);
            if before == 0 {
                return Ok(());
            }
            let commands = (0..burst.min(before)).map(|_| self.command(&client));
            for done in join_all(commands).await {
                done?;
            }
            let open = client.stats().shared.open;
            self.connections.fetch_max(open, Ordering::Relaxed);
        }
    }

    /// Sends a random command, and cancels a few.
    async fn command(&self, client: &Client) -> Result<()> {
        let timeout = if fastrand::u32(0..50) == 0 {
            SHORT
        } else {
            LONG
        };
        let command = self.send(client, timeout);
        let done = if fastrand::u32(0..50) == 0 {
            cancel_after(fastrand::u32(1..=3), command).await
        } else {
            Some(command.await)
        };
        let counter = match done {
            Some(Ok(())) => &self.answered,
            None => &self.canceled,
            Some(Err(error)) if !error.is_timeout() => return Err(error),
            Some(Err(error)) if error.outcome() == Some(Outcome::NotSent) => &self.not_sent,
            Some(Err(_)) => &self.may_have_run,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn send(&self, client: &Client, timeout: Duration) -> Result<()> {
        let (one, two) = self.record.two_keys();
        let name = |key: usize| format!("k{key}");
        let value = || self.value.fetch_add(1, Ordering::Relaxed);
        match fastrand::u32(0..20) {
            0..9 => {
                let value = value();
                let reply = client.set(name(one), value).timeout(timeout);
                let commands = [(one, Action::Write(value))];
                self.record.send(commands, reply, |()| [None]).await
            }
            9..17 => {
                let reply = client.get_as(name(one)).timeout(timeout);
                let commands = [(one, Action::Read)];
                self.record.send(commands, reply, |value| [value]).await
            }
            17 => {
                let values = [value(), value()];
                let pairs = [(name(one), values[0]), (name(two), values[1])];
                let reply = client.mset(pairs).timeout(timeout);
                let commands = [
                    (one, Action::Write(values[0])),
                    (two, Action::Write(values[1])),
                ];
                self.record.send(commands, reply, |()| [None; 2]).await
            }
            18 => {
                let names = [name(one), name(two)];
                let reply = client.mget_as(names).timeout(timeout);
                let commands = [(one, Action::Read), (two, Action::Read)];
                let pair = |values: Vec<Option<u64>>| [values[0], values[1]];
                self.record.send(commands, reply, pair).await
            }
            _ => {
                let value = value();
                let pipeline = client.pipeline().timeout(timeout);
                let handles = (pipeline.set(name(one), value), pipeline.get_as(name(two)));
                let reply = async {
                    let (set, get): (Result<()>, Result<Option<u64>>) =
                        pipeline.send(handles).await;
                    let get = get?;
                    set.map(|()| get)
                };
                let commands = [(one, Action::Write(value)), (two, Action::Read)];
                self.record.send(commands, reply, |read| [None, read]).await
            }
        }
    }
}
