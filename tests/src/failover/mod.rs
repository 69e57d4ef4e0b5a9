//! Servers of which the one in use is killed again and again while a client works, and the proof of
//! what has run.

mod gateways;
mod load;
mod simulated;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, State, StateWatch};
use tokio::time::{Instant, sleep};

pub use gateways::Gateways;
use load::Load;
pub use simulated::Simulated;

use crate::within_secs;

/// Several servers that a client may use.
pub trait Fleet {
    /// Returns a client of the servers.
    fn client(&self, options: ClientOptions) -> impl Future<Output = Client>;

    /// Returns the name of a server, as the client tells it.
    fn name(&self, server: usize) -> String;

    /// Number of servers.
    fn size(&self) -> usize;

    /// Kills a server with all its connections.
    fn kill(&mut self, server: usize) -> impl Future<Output = ()>;

    /// Starts a server again.
    fn revive(&mut self, server: usize) -> impl Future<Output = ()>;

    /// Returns how often each key was incremented, summed over all servers.
    fn increments(&self) -> impl Future<Output = BTreeMap<String, u64>>;
}

/// What was found out by [`kill_the_active`].
#[derive(Debug, Default)]
pub struct Switched {
    /// Number of kills.
    pub kills: usize,
    /// How often the client has moved to another server.
    pub moves: u64,
    /// Times from when the client noticed the loss until it was connected again, sorted.
    pub switches: Vec<Duration>,
    /// Number of commands that have succeeded.
    pub delivered: usize,
    /// Commands that failed with the outcome `NotSent`.
    pub not_sent: usize,
    /// Commands that failed with the outcome `MayHaveRun`.
    pub may_have_run: usize,
    /// How many of these have run.
    pub have_run: usize,
    /// Messages that subscriptions have got.
    pub messages: usize,
    /// Reconnections that subscriptions were told.
    pub gaps: usize,
    /// The longest time that a command took, of a timeout of [`Switched::TIMEOUT`].
    pub slowest: Duration,
    /// Whether each key was incremented, as the caller was told. `None` if it may have been.
    increments: Vec<(String, Option<bool>)>,
    /// Everything that must not happen.
    pub faults: Vec<String>,
}

impl Switched {
    /// Timeout of every command.
    pub const TIMEOUT: Duration = Duration::from_secs(3);

    /// Returns the time within which this many percent of the switches were done.
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.switches.len() * percent).div_ceil(100).max(1) - 1;
        self.switches.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} moves: {} commands delivered, {} not sent, {} may have run, of which {} \
             have; {} messages, {} gaps announced; switch p50 {:.0?}, p99 {:.0?}, max {:.0?}; \
             slowest command {:.0?}; {} faults",
            self.kills,
            self.moves,
            self.delivered,
            self.not_sent,
            self.may_have_run,
            self.have_run,
            self.messages,
            self.gaps,
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.slowest,
            self.faults.len()
        )
    }
}

/// Kills the server in use this many times, under 64 tasks and 8 subscriptions. A server that was
/// killed is back before the next one is.
///
/// # Panics
///
/// Panics if the client has no other server within ten seconds after a kill.
pub async fn kill_the_active(fleet: &mut impl Fleet, kills: usize) -> Switched {
    let options = ClientOptions::default()
        .request_timeout(Switched::TIMEOUT)
        .connect_timeout(Duration::from_secs(5));
    let client = fleet.client(options).await;
    let load = Load::start(&client).await;
    let mut found = Switched {
        kills,
        ..Switched::default()
    };
    for _ in 0..kills {
        sleep(Duration::from_millis(fastrand::u64(5..60))).await;
        let active = active(fleet, &client);
        fleet.kill(active).await;
        within_secs(10, moved(&client, &fleet.name(active))).await;
        sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        fleet.revive(active).await;
    }
    found.moves = client.stats().moves;
    load.finish(&mut found).await;
    if found.moves != kills as u64 {
        let moves = found.moves;
        found
            .faults
            .push(format!("{moves} moves after {kills} kills"));
    }
    let slack = Duration::from_millis(500);
    if found.slowest > Switched::TIMEOUT + slack {
        found
            .faults
            .push(format!("a command took {:?}", found.slowest));
    }
    client.close().await;
    load::compare(&fleet.increments().await, &mut found);
    found
}

/// Returns the server that the client uses.
fn active(fleet: &impl Fleet, client: &Client) -> usize {
    let server = client.stats().server;
    let is_active = |at: &usize| server.as_deref() == Some(&*fleet.name(*at));
    (0..fleet.size()).find(is_active).expect("a known server")
}

/// Waits until the client is connected to another server.
async fn moved(client: &Client, from: &str) {
    loop {
        let stats = client.stats();
        if stats.state == State::Connected && stats.server.as_deref() != Some(from) {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Measures how long the client is without a connection, each time, until it is closed.
async fn measure(mut states: StateWatch, times: Arc<Mutex<Vec<Duration>>>) {
    let mut lost: Option<Instant> = None;
    while let Some(state) = states.changed().await {
        match state {
            State::Connected => {
                let time = lost.take().map(|lost| lost.elapsed());
                times.lock().expect("no task panics").extend(time);
            }
            State::Closed => return,
            _ => {
                lost.get_or_insert_with(Instant::now);
            }
        }
    }
}
