//! The simulated server's state, and the record of what has happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::Frame;
use swarm_transport::{BoxTransport, TransportError, TransportErrorKind};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::{self, Control};
use super::http::HttpTransport;
use super::plan::{Fault, Setup};

/// ID of a command, which it carries to the server as its value or as the name of a key.
pub(super) type Id = u64;

/// IDs of commands that are not part of a plan.
pub(super) const EXTRA: Id = 1 << 40;

/// A command that the server has run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) tick: u64,
    pub(super) id: Id,
    pub(super) connection: u32,
    /// Whether the client had no longer used the connection: it cannot know of this.
    pub(super) is_late: bool,
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) setup: Arc<Setup>,
    pub(super) seed: u64,
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(super) struct State {
    tick: u64,
    pub(super) runs: Vec<Run>,
    /// Connections to which the client has given each command, in order.
    pub(super) sent: BTreeMap<Id, Vec<u32>>,
    values: BTreeMap<Bytes, Id>,
    /// Number of times that each key was written.
    versions: BTreeMap<Bytes, u64>,
    /// Open connections.
    pub(super) links: BTreeMap<u32, Control>,
    /// The gateway of each open connection.
    gateways: BTreeMap<u32, u8>,
    /// Until when each gateway is down, and whether attempts to connect to it hang.
    down: BTreeMap<u8, (Instant, bool)>,
    connections: u32,
    refuses_until: Option<Instant>,
    hangs_until: Option<Instant>,
    limit: Option<(usize, Instant)>,
    read_only_until: Option<Instant>,
    http_down_until: Option<Instant>,
    /// Number of the only accepted password.
    pub(super) password: u8,
    /// Whether the client is known to treat the server as serial, according to its own metrics.
    pub(super) is_serial: bool,
    /// The most calls with writes in flight on a connection that was opened since then.
    pub(super) most_writes: usize,
    pub(super) seen: Seen,
    /// What has happened, if someone wants to read it.
    pub(super) trace: Option<String>,
}

/// How often something has happened, over all schedules.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) several_connections: u64,
    pub(super) serial: u64,
    pub(super) losses: u64,
    pub(super) late_runs: u64,
    pub(super) set_aside: u64,
    pub(super) over_fallback: u64,
    pub(super) resent_reads: u64,
    pub(super) not_sent: u64,
    pub(super) may_have_run: u64,
    pub(super) rejected: u64,
    pub(super) cancelled: u64,
    pub(super) fences: u64,
    pub(super) transacts: u64,
    pub(super) logins: u64,
    pub(super) closes: u64,
    pub(super) moves: u64,
    pub(super) succeeded: u64,
}

/// A connection is one of HTTP requests.
pub(super) const HTTP: u32 = 1 << 31;

impl World {
    pub(super) fn new(seed: u64, setup: &Setup, traces: bool) -> Self {
        Self {
            setup: Arc::new(setup.clone()),
            seed,
            start: Instant::now(),
            state: Arc::new(Mutex::new(State {
                trace: traces.then(String::new),
                ..State::default()
            })),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns the number of the next event.
    pub(super) fn tick(&self) -> u64 {
        self.state().next_tick()
    }

    /// A source of random numbers of its own for each connection, so that one does not change what
    /// happens on others.
    pub(super) fn rng(&self, connection: u32) -> fastrand::Rng {
        let mut seeds = fastrand::Rng::with_seed(self.seed ^ u64::from(connection) << 20);
        seeds.fork()
    }

    pub(super) fn trace(&self, text: impl FnOnce() -> String) {
        let at = self.start.elapsed();
        if let Some(trace) = &mut self.state().trace {
            let _never = writeln!(trace, "{:>9.3}  {}", at.as_secs_f64() * 1000.0, text());
        }
    }

    /// Opens a connection over a gateway.
    pub(super) async fn connect(self, gateway: u8) -> Result<BoxTransport, TransportError> {
        let refused = |what| TransportError::new(TransportErrorKind::Refused, what);
        let (hangs_until, is_down, number) = {
            let mut state = self.state();
            state.connections += 1;
            let down = state.down.get(&gateway).copied();
            let down = down.filter(|(until, _)| *until > Instant::now());
            let hangs = down.filter(|(_, hangs)| *hangs).map(|(until, _)| until);
            let number = state.connections;
            (state.hangs_until.max(hangs), down.is_some(), number)
        };
        let mut rng = self.rng(number);
        if let Some(until) = hangs_until.filter(|until| *until > Instant::now()) {
            self.note_unreachable();
            self.trace(|| format!("dial {number} hangs"));
            sleep_until(until).await;
            let what = "nobody answered";
            return Err(TransportError::new(TransportErrorKind::Timeout, what));
        }
        sleep(Duration::from_millis(rng.u64(0..2))).await;
        let now = Instant::now();
        let mut state = self.state();
        let is_over = |until: Option<Instant>| until.is_none_or(|until| until <= now);
        let is_full = state
            .limit
            .is_some_and(|(limit, until)| until > now && state.links.len() >= limit);
        let why = if is_down || !is_over(state.refuses_until) {
            Some("connection refused")
        } else if is_full {
            Some("max number of clients reached")
        } else {
            None
        };
        if let Some(why) = why {
            drop(state);
            self.note_unreachable();
            self.trace(|| format!("dial {number}: {why}"));
            return Err(refused(why));
        }
        let (transport, control) = connection::open(self.clone(), number, rng);
        control.state().was_opened_serial = state.is_serial;
        state.links.insert(number, control);
        state.gateways.insert(number, gateway);
        drop(state);
        self.trace(|| format!("connection {number} opened at {gateway}"));
        Ok(transport)
    }

    /// The client may forget what it knows of the server.
    fn note_unreachable(&self) {
        self.state().is_serial = false;
    }

    /// Opens an HTTP transport that carries so many requests at a time.
    pub(super) async fn connect_http(
        self,
        concurrency: usize,
    ) -> Result<BoxTransport, TransportError> {
        let mut rng = self.rng(HTTP);
        sleep(Duration::from_millis(rng.u64(0..3))).await;
        if self.is_http_down() {
            let what = "connection refused";
            return Err(TransportError::new(TransportErrorKind::Refused, what));
        }
        self.trace(|| "HTTP opened".to_owned());
        Ok(Box::new(HttpTransport::new(self, concurrency)))
    }

    pub(super) fn is_http_down(&self) -> bool {
        let until = self.state().http_down_until;
        until.is_some_and(|until| until > Instant::now())
    }

    /// Number of an HTTP request.
    pub(super) fn next_request(&self) -> u32 {
        let mut state = self.state();
        state.connections += 1;
        state.connections | HTTP
    }

    /// The client has given a request to a connection.
    pub(super) fn note_sent(&self, id: Id, connection: u32) {
        self.state().sent.entry(id).or_default().push(connection);
    }

    /// A connection has ended. `was_gone` tells whether the client has ended it.
    pub(super) fn note_end(&self, connection: u32, was_gone: bool) {
        let mut state = self.state();
        state.seen.losses += u64::from(!was_gone);
        state.links.remove(&connection);
        state.gateways.remove(&connection);
    }

    /// Runs a command, and returns its reply.
    pub(super) fn run(&self, request: &[Bytes], connection: u32, is_late: bool) -> Frame {
        let name = String::from_utf8_lossy(&request[0]).into_owned();
        let ids = ids(request);
        let mut state = self.state();
        let is_read_only = state.read_only_until.is_some_and(|at| at > Instant::now());
        let writes: Vec<_> = match &*name {
            "SET" | "XADD" => vec![&request[1]],
            "MSET" => request[1..].iter().step_by(2).collect(),
            "EVAL" => vec![&request[3]],
            _ => Vec::new(),
        };
        if is_read_only && !writes.is_empty() {
            return Frame::error("READONLY You can't write against a read only replica.");
        }
        if let Some(id) = ids {
            let tick = state.next_tick();
            state.seen.late_runs += u64::from(is_late);
            let is_fallback = connection >= HTTP && !self.setup.http_only;
            state.seen.over_fallback += u64::from(is_fallback);
            state.runs.push(Run {
                tick,
                id,
                connection,
                is_late,
            });
            for key in writes {
                state.values.insert(key.clone(), id);
                *state.versions.entry(key.clone()).or_default() += 1;
            }
        }
        let reply = match (&*name, request.len()) {
            ("SET" | "MSET" | "WATCH" | "UNWATCH", _) => Frame::simple("OK"),
            ("XADD" | "EVAL" | "SCRIPT", _) => Frame::bulk(ids.unwrap_or(0).to_string()),
            ("MGET", _) => {
                let value = |key: &Bytes| match (id_of_marker(key), state.values.get(key)) {
                    (Some(_), _) => Frame::bulk(key.clone()),
                    (None, Some(id)) => Frame::bulk(id.to_string()),
                    (None, None) => Frame::null(),
                };
                let values: Vec<_> = request[1..].iter().map(value).collect();
                Frame::array(&values)
            }
            ("ECHO" | "PING", 2) => Frame::bulk(request[1].clone()),
            ("PING", 1) => Frame::simple("PONG"),
            ("BLPOP", _) => Frame::null(),
            _ => Frame::error("ERR unknown command"),
        };
        drop(state);
        let late = if is_late {
            ", of which the client cannot know"
        } else {
            ""
        };
        self.trace(|| format!("{connection:>4} runs {}{late}", text(request)));
        reply
    }

    /// Returns how often some keys were written.
    pub(super) fn versions(&self, keys: &[Bytes]) -> Vec<u64> {
        let state = self.state();
        let version = |key| state.versions.get(key).copied().unwrap_or(0);
        keys.iter().map(version).collect()
    }

    /// A fault happens, unless it concerns the client.
    pub(super) fn apply(&self, fault: &Fault) {
        self.trace(|| format!("{fault:?}"));
        let now = Instant::now();
        let mut state = self.state();
        let pick = |state: &State, which: u8| {
            let at = usize::from(which) % state.links.len().max(1);
            state.links.values().nth(at).cloned()
        };
        match fault {
            Fault::Cut { which, up, down } => {
                if let Some(link) = pick(&state, *which) {
                    link.cut(up.map(usize::from), down.map(usize::from));
                }
            }
            Fault::CutAll => state.links.values().for_each(|link| link.cut(None, None)),
            Fault::Refuse { time, closes } => {
                state.refuses_until = Some(now + *time);
                let links = state.links.values().filter(|_| *closes);
                links.for_each(|link| link.cut(None, None));
            }
            Fault::Down { time, hangs } => {
                let count = |gateway: &u8| {
                    let mut open = state.gateways.values();
                    std::cmp::Reverse(open.by_ref().filter(|at| *at == gateway).count())
                };
                let most = (0..self.setup.gateways).min_by_key(count).unwrap_or(0);
                let links = (state.links.iter()).filter(|(link, _)| state.gateways[*link] == most);
                links.for_each(|(_, link)| link.cut(None, None));
                state.down.insert(most, (now + *time, *hangs));
            }
            Fault::Hang(time) => state.hangs_until = Some(now + *time),
            Fault::Limit(limit, time) => state.limit = Some((usize::from(*limit), now + *time)),
            Fault::Mute { which, time, runs } => {
                if let Some(link) = pick(&state, *which) {
                    link.mute(now + *time, *runs);
                }
            }
            Fault::MuteAll(time) => {
                let links = state.links.values();
                links.for_each(|link| link.mute(now + *time, false));
            }
            Fault::ReadOnly(time) => state.read_only_until = Some(now + *time),
            Fault::Forget(which) => {
                if let Some(link) = pick(&state, *which) {
                    link.state().is_logged_in = false;
                }
            }
            Fault::Password(password) => state.password = *password,
            Fault::HttpDown(time) => state.http_down_until = Some(now + *time),
            Fault::Close(_) => {}
        }
    }

    /// Ends all faults.
    pub(super) fn heal(&self) {
        self.trace(|| "all faults end".to_owned());
        let now = Instant::now();
        let mut state = self.state();
        state.refuses_until = None;
        state.down.clear();
        state.hangs_until = None;
        state.limit = None;
        state.read_only_until = None;
        state.http_down_until = None;
        state.links.values().for_each(|link| link.heal(now));
    }
}

impl State {
    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }
}

/// Returns the ID of a request, if it has one.
pub(super) fn ids(request: &[Bytes]) -> Option<Id> {
    let number = |at: usize| std::str::from_utf8(request.get(at)?).ok()?.parse().ok();
    match &*request[0] {
        b"SET" | b"MSET" | b"SCRIPT" => number(2),
        b"XADD" => number(3),
        b"EVAL" => number(4),
        b"MGET" | b"WATCH" | b"ECHO" => id_of_marker(request.last()?),
        _ => None,
    }
}

/// Returns the ID of a name that only carries an ID.
fn id_of_marker(name: &[u8]) -> Option<Id> {
    std::str::from_utf8(name)
        .ok()?
        .strip_prefix("id:")?
        .parse()
        .ok()
}

/// Shows a request.
pub(super) fn text(request: &[Bytes]) -> String {
    let words: Vec<_> = (request.iter().map(|word| word.escape_ascii().to_string())).collect();
    words.join(" ")
}
