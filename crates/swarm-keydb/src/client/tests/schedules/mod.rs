//! Random schedules over the whole client: several connections, the HTTP fallback, leases, batches
//! and every fault that the client is made for, against a simulated server on a paused clock.
//!
//! After each schedule, the record of the server is compared with what the callers were told:
//!
//! - each reply went to its caller, and each future ended by its deadline;
//! - no write ran or was sent twice, and the outcome of each error is true;
//! - of two calls with a common key, the one that was polled first ran first, and fences ran alone;
//! - no read is older than a write that was awaited before it;
//! - a serial server had at most two writes in flight on a connection, so that a loss leaves no
//!   more than those in doubt;
//! - nothing is left over: the client works as before, owes nothing, and closes.
//!
//! Exempt is only what the client cannot know: what the server runs after the client has lost or
//! closed the connection.
//!
//! `cargo xtask simulate` plays many schedules. A failure prints its seed and the shortest schedule
//! found that still fails; `SWARM_SEED` plays one seed alone.

mod caller;
mod check;
mod connection;
mod http;
mod plan;
mod shorten;
mod world;

use std::panic::catch_unwind;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use swarm_transport::Connect;
use swarm_transport::failover::{Failover, FailoverOptions};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use caller::{Record, name, perform};
use plan::{Action, Fault, KEYS, Plan, Setup};
use world::{EXTRA, Seen, World};

use crate::connection::ConnectionFactory;
use crate::options::FallbackScope;
use crate::runtime::Tasks;
use crate::{Client, ClientOptions, CommandOrder, Growth, ServerKind, State};

/// Schedules per run, unless `SWARM_CLIENT_SCHEDULES` is set.
const SCHEDULES: u64 = 100;

/// Schedules that fail before the others are not played.
const MAX_FAILED: usize = 20;

/// Longest time that a schedule takes, on a slow machine. Usually, it takes some milliseconds.
const LONGEST: Duration = Duration::from_secs(60);

/// Longest time, on the paused clock, in which a client works again once all faults have ended.
const RECOVERY: Duration = Duration::from_secs(60);

/// The result of a schedule: what it has covered, or what is wrong; and its trace.
struct Played {
    faults: Vec<String>,
    seen: Seen,
    trace: Option<String>,
    runs: Vec<(u64, u32)>,
}

#[test]
fn whatever_happens_replies_outcomes_and_order_are_right() {
    let (first, count) = match number("SWARM_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SWARM_CLIENT_SCHEDULES").unwrap_or(SCHEDULES)),
    };
    let mut seen = Seen::default();
    let mut failed = Vec::new();
    for seed in first..first + count {
        let played = play(&Plan::new(seed), false);
        seen.add(&played.seen);
        if let Some(fault) = played.faults.first() {
            println!("seed {seed}: {fault}");
            failed.push(seed);
        }
        if failed.len() == MAX_FAILED {
            break;
        }
    }
    println!("{count} schedules: {seen:?}");
    if let Some(seed) = failed.first() {
        explain(&Plan::new(*seed));
        panic!("schedules with these seeds fail: {failed:?}");
    }
    if count >= SCHEDULES {
        seen.assert_all_seen();
    }
}

/// A failure could not be examined otherwise.
#[test]
fn a_seed_gives_the_same_schedule_again() {
    // With several gateways, many tasks wait for one state, and tokio wakes them in random order.
    let plans = (0..10).map(Plan::new);
    for plan in plans.filter(|plan| plan.setup.gateways == 1) {
        let seed = plan.seed;
        assert_eq!(
            play(&plan, false).runs,
            play(&plan, false).runs,
            "seed {seed}"
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}

/// Prints what happens in the shortest schedule found that fails like this one.
fn explain(plan: &Plan) {
    let short = shorten::shorten(plan, |plan| !play(plan, false).faults.is_empty());
    let played = play(&short, true);
    println!(
        "seed {}, without some of its steps: {:#?}",
        plan.seed, short.setup
    );
    println!("{}", played.trace.unwrap_or_default());
    for fault in played.faults {
        println!("{fault}");
    }
}

/// Plays a schedule.
fn play(plan: &Plan, traces: bool) -> Played {
    let _watchdog = Watchdog::start(plan.seed);
    match catch_unwind(|| play_unguarded(plan, traces)) {
        Ok(played) => played,
        Err(_) => Played {
            faults: vec!["panicked".to_owned()],
            seen: Seen::default(),
            trace: None,
            runs: Vec::new(),
        },
    }
}

/// Ends the process if a schedule never ends. On a paused clock, nothing else would.
struct Watchdog(#[expect(dead_code, reason = "dropped to end the thread")] mpsc::Sender<()>);

impl Watchdog {
    fn start(seed: u64) -> Self {
        let (alive, ends) = mpsc::channel();
        std::thread::spawn(move || {
            if ends.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
                println!("seed {seed} never ends");
                std::process::abort();
            }
        });
        Self(alive)
    }
}

/// Plays a schedule on a runtime of its own.
fn play_unguarded(plan: &Plan, traces: bool) -> Played {
    // The client's own random numbers.
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(plan.seed, &plan.setup, traces);
        let mut faults = Vec::new();
        let records = run(plan, &world, &mut faults).await;
        let mut state = world.state();
        let mut seen = state.seen;
        faults.extend(check::faults(plan, &state, &records, &mut seen));
        Played {
            faults,
            seen,
            trace: state.trace.take(),
            runs: state
                .runs
                .iter()
                .map(|run| (run.id, run.connection))
                .collect(),
        }
    })
}

async fn run(plan: &Plan, world: &World, faults: &mut Vec<String>) -> Vec<Record> {
    let client = connect(&plan.setup, world).await;
    warm_up(&plan.setup, &client).await;
    let mut calls = JoinSet::new();
    let mut is_closed = false;
    for step in &plan.steps {
        sleep(step.after).await;
        sample(world, &client);
        match &step.action {
            Action::Call(call) => {
                calls.spawn(perform(client.clone(), world.clone(), call.clone()));
            }
            Action::Fault(Fault::Close(time)) => {
                let (client, time) = (client.clone(), *time);
                world.trace(|| format!("close {time:?}"));
                tokio::spawn(async move {
                    match time {
                        Some(time) => drop(client.close_within(time).await),
                        None => client.close().await,
                    }
                });
                is_closed = true;
                world.state().seen.closes += 1;
            }
            Action::Fault(fault) => world.apply(fault),
        }
    }
    sleep(Duration::from_millis(200)).await;
    sample(world, &client);
    world.state().seen.moves += client.stats().moves;
    world.heal();
    let mut records = Vec::new();
    let hour = Duration::from_secs(3600);
    while let Some(record) = match timeout(hour, calls.join_next()).await {
        Ok(record) => record,
        Err(_) => {
            faults.push(format!("{} calls never end", calls.len()));
            None
        }
    } {
        match record {
            Ok(record) => records.push(record),
            Err(error) => faults.push(format!("a caller has panicked: {error}")),
        }
    }
    let patience = plan.setup.drain_timeout + RECOVERY;
    if !is_closed {
        faults.extend(recover(plan, world, &client, patience).await);
    }
    if timeout(patience, client.close()).await.is_err() {
        faults.push(format!("close does not end: {:?}", client.stats()));
    }
    drop(client);
    faults.extend(end(world, patience).await);
    records
}

/// Creates a client of the simulated server.
async fn connect(setup: &Setup, world: &World) -> Client {
    let mut options = ClientOptions::default()
        .ordering(setup.order)
        .max_connections(setup.max_connections)
        .min_connections(setup.min_connections)
        .max_in_flight(setup.max_in_flight)
        .request_timeout(setup.request_timeout)
        .connect_timeout(setup.connect_timeout)
        .drain_timeout(setup.drain_timeout)
        .inactivity_timeout(setup.inactivity_timeout)
        .heartbeat_interval(setup.heartbeat)
        .reconnect_base_delay(setup.reconnect_max_delay.min(Duration::from_millis(250)))
        .reconnect_max_delay(setup.reconnect_max_delay)
        .fallback_scope(FallbackScope::Stateless);
    if setup.password {
        options = options.password("0");
    }
    let options = options.settled().unwrap();
    let over_http = world.clone();
    let http = |world: World, concurrency| -> Arc<dyn Connect> {
        Arc::new(move || world.clone().connect_http(concurrency))
    };
    let tcp = |gateway| {
        let world = world.clone();
        move || world.clone().connect(gateway)
    };
    let tcp: Arc<dyn Connect> = match setup.gateways {
        1 => Arc::new(tcp(0)),
        gateways => {
            let mut failover = FailoverOptions::new().open_for(Duration::from_secs(2));
            if let Some(failback) = setup.failback {
                failover = failover.failback_after(failback);
            }
            Arc::new(Failover::new((0..gateways).map(tcp)).with_options(failover))
        }
    };
    let mut target = match setup.http_only {
        true => options.target_through(http(over_http.clone(), 1)),
        false => options.target_through(tcp),
    };
    target.session = !setup.http_only;
    if setup.fallback && !setup.http_only {
        let concurrency = match setup.order {
            CommandOrder::All => 1,
            _ => setup.max_connections,
        };
        target.fallback = Some(http(over_http, concurrency));
    }
    let factory = ConnectionFactory::new(target, options, Tasks::current().unwrap());
    Client::start(factory).await.unwrap()
}

/// Writes until the client knows how many connections it needs.
async fn warm_up(setup: &Setup, client: &Client) {
    if setup.server == Some(ServerKind::Redis) {
        return;
    }
    let end = Instant::now() + setup.service * 22;
    let write = |writer: usize| {
        let client = client.clone();
        async move {
            let mut id = EXTRA + (writer as u64) * 1_000_000;
            while Instant::now() < end {
                let reply = client.set(format!("writer:{writer}"), id);
                reply.timeout(Duration::from_secs(60)).await.unwrap();
                id += 64;
            }
        }
    };
    (0..setup.writers)
        .map(write)
        .collect::<JoinSet<_>>()
        .join_all()
        .await;
}

/// Looks at what the client tells about itself.
fn sample(world: &World, client: &Client) {
    let stats = client.stats();
    let mut state = world.state();
    // Without a connection, the metrics may tell of another server.
    state.is_serial = stats.shared.growth == Growth::Serial && stats.shared.open > 0;
    state.seen.several_connections += u64::from(stats.shared.open > 1);
    state.seen.serial += u64::from(state.is_serial);
    state.seen.set_aside += u64::from(stats.draining > 0);
}

/// The client works again, and owes nothing.
async fn recover(plan: &Plan, world: &World, client: &Client, patience: Duration) -> Vec<String> {
    let mut faults = Vec::new();
    let password = world.state().password;
    if plan.setup.password && timeout(patience, log_in(client, password)).await.is_err() {
        faults.push("no login succeeds".to_owned());
    }
    let mut states = client.watch_state();
    let is_connected = timeout(patience, states.reached(State::Connected)).await;
    if is_connected != Ok(true) {
        faults.push(format!("no connection: {:?}", client.stats()));
    }
    // What was set aside may still wait for replies that nobody sends any more.
    let settled = async {
        while {
            let stats = client.stats();
            stats.in_flight > 0 || stats.queued > 0 || stats.draining > 0
        } {
            sleep(Duration::from_millis(500)).await;
        }
    };
    if timeout(patience, settled).await.is_err() {
        faults.push(format!("something is left over: {:?}", client.stats()));
    }
    let mut id = EXTRA + (1 << 39);
    for key in 0..KEYS {
        id += 64;
        let set = client.set(name(key), id).timeout(RECOVERY);
        if let Err(error) = set.await {
            faults.push(format!("key {key} cannot be written: {error}"));
        }
    }
    // A fence waits for everything that is thought to be in flight.
    let fence = client.raw("SCRIPT LOAD", id + 64).timeout(RECOVERY);
    if let Err(error) = fence.await {
        faults.push(format!("a fence fails: {error}"));
    }
    let stats = client.stats();
    if stats.in_flight_bytes > 0 || stats.state != State::Connected {
        faults.push(format!("the client is not at rest: {stats:?}"));
    }
    faults
}

async fn log_in(client: &Client, password: u8) {
    while client.auth(password.to_string()).await.is_err() {
        sleep(Duration::from_millis(500)).await;
    }
}

/// All connections are closed, and the server runs nothing any more.
async fn end(world: &World, patience: Duration) -> Option<String> {
    let closed = async {
        while !world.state().links.is_empty() {
            sleep(Duration::from_millis(500)).await;
        }
    };
    let is_closed = timeout(patience, closed).await.is_ok();
    // Longer than it takes the server to run all that it has received.
    sleep(Duration::from_secs(300)).await;
    (!is_closed).then(|| {
        let links = world.state().links.keys().copied().collect::<Vec<_>>();
        format!("connections {links:?} stay open")
    })
}

impl Seen {
    fn add(&mut self, other: &Self) {
        let mut other = *other;
        let counts = self.counts_mut().into_iter().zip(other.counts_mut());
        counts.for_each(|(sum, count)| *sum += *count);
    }

    fn counts_mut(&mut self) -> [&mut u64; 17] {
        let Self {
            several_connections,
            serial,
            losses,
            late_runs,
            set_aside,
            over_fallback,
            resent_reads,
            not_sent,
            may_have_run,
            rejected,
            cancelled,
            fences,
            transacts,
            logins,
            closes,
            moves,
            succeeded,
        } = self;
        [
            several_connections,
            serial,
            losses,
            late_runs,
            set_aside,
            over_fallback,
            resent_reads,
            not_sent,
            may_have_run,
            rejected,
            cancelled,
            fences,
            transacts,
            logins,
            closes,
            moves,
            succeeded,
        ]
    }

    /// Fails if something has never happened, so that a check has checked nothing.
    fn assert_all_seen(mut self) {
        let seen = format!("{self:?}");
        assert!(self.counts_mut().iter().all(|count| **count > 0), "{seen}");
    }
}
