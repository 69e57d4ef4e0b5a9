//! A server process that is killed again and again while many tasks write to it, and the proof of
//! what has run.
//!
//! The server is a gateway with the deployed server's quirks in front of a Redis. The Redis
//! survives the kills, and its MONITOR stream is the record of every command that has run.

mod child;
mod journal;
mod tasks;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, Result};

use crate::{Redis, free_address, within_secs};
use child::Child;
pub use child::serve_until_killed;
use journal::Journal;
use tasks::Tasks;

/// Connections that the client has whenever the server is killed, and tasks that write.
const CONNECTIONS: usize = 64;
const TASKS: usize = 256;

/// Commands that are in flight on a connection at most, once the server is known to be serial.
const WINDOW: usize = 2;

/// Interval of the server's write queue: the deployed server's. A shorter one is not told from a
/// machine that is short of cores, which gets no more connections.
const INTERVAL: Duration = Duration::from_millis(100);

/// What was found out by [`kill_repeatedly`].
#[derive(Debug, Clone, Default)]
pub struct Killed {
    /// Number of kills.
    pub kills: usize,
    /// How long all of it has taken.
    pub elapsed: Duration,
    /// Number of commands that have succeeded.
    pub delivered: usize,
    /// Number of commands that failed with the outcome `NotSent`.
    pub not_sent: usize,
    /// Number of commands that failed with the outcome `MayHaveRun`, after each kill.
    pub may_have_run: Vec<usize>,
    /// How many of these have run.
    pub have_run: usize,
    /// Commands that failed otherwise, or whose outcome is not what has happened.
    pub faults: Vec<String>,
}

impl Killed {
    /// Maximum number of commands that one kill may leave in doubt.
    pub const MAX_IN_DOUBT: usize = WINDOW * CONNECTIONS;

    /// Returns the maximum number of commands that one kill has left in doubt.
    pub fn most_in_doubt(&self) -> usize {
        self.may_have_run.iter().copied().max().unwrap_or(0)
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_doubt: usize = self.may_have_run.iter().sum();
        write!(
            f,
            "{} kills in {:.0?}: {} commands delivered, {} not sent, {in_doubt} may have run, of \
             which {} have; at most {} in doubt after one kill (allowed {}); {} faults",
            self.kills,
            self.elapsed,
            self.delivered,
            self.not_sent,
            self.have_run,
            self.most_in_doubt(),
            Self::MAX_IN_DOUBT,
            self.faults.len()
        )
    }
}

/// Kills a server this many times by SIGKILL, at random moments in which a client has 64
/// connections to it under 256 tasks. Each task sends SET of unique values and INCR of a key of its
/// own.
///
/// `program` runs [`serve_until_killed`] with its arguments. Returns `None` if Redis is not
/// installed.
///
/// # Errors
///
/// If the client cannot connect.
///
/// # Panics
///
/// Panics if the server does not start, or if the client does not have 64 connections again within
/// a minute.
pub async fn kill_repeatedly(program: &Path, kills: usize) -> Result<Option<Killed>> {
    let Some(redis) = Redis::start() else {
        return Ok(None);
    };
    let start = Instant::now();
    let journal = Journal::of(&redis);
    let address = free_address().await;
    let serve = || Child::serve(program, &address, &redis.url(), INTERVAL);
    let mut server = serve();
    let options = ClientOptions::new(format!("ws://{address}/"))
        .max_connections(CONNECTIONS)
        .http_fallback(false)
        .reconnect_max_delay(Duration::from_millis(250));
    let client = Client::connect(options).await?;
    let tasks = Arc::new(Tasks::new(TASKS));
    let running = tasks.start(&client);
    let mut may_have_run = Vec::new();
    for _ in 0..kills {
        // A minute, because the machine may be busy.
        within_secs(60, tasks.busy_on(&client, CONNECTIONS)).await;
        // Anywhere in an interval of the write queue.
        let moment = INTERVAL.mul_f64(fastrand::f64() * 1.5);
        tokio::time::sleep(moment).await;
        let before = tasks.may_have_run.load(Ordering::Relaxed);
        server.kill();
        server = serve();
        within_secs(60, tasks.busy_on(&client, 1)).await;
        let after = tasks.may_have_run.load(Ordering::Relaxed);
        may_have_run.push(after - before);
    }
    tasks.stop();
    let commands = within_secs(60, running.join_all()).await;
    within_secs(60, client.close()).await;
    drop(server);
    let mut killed = Killed {
        kills,
        elapsed: start.elapsed(),
        may_have_run,
        ..Killed::default()
    };
    journal.end(&redis).compare(commands, &mut killed);
    Ok(Some(killed))
}
