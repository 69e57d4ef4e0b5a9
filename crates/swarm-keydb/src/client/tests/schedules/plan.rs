//! What happens in a schedule: the options of the client, its calls and the faults, from a seed.
//!
//! A schedule is data, so a failing one can be played again without some of its steps.

use std::time::Duration;

use super::world::Id;
use crate::{CommandOrder, ServerKind};

/// Keys of all calls: few, so that they meet.
pub(super) const KEYS: u8 = 5;

/// Most commands of a batch.
const BATCH: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) setup: Setup,
    pub(super) steps: Vec<Step>,
}

/// The server, and the options of the client.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// What HELLO names. Only Redis runs the commands of a connection without a pause.
    pub(super) server: Option<ServerKind>,
    /// Longest time that the server takes for each key that is written.
    pub(super) service: Duration,
    /// Whether a gateway may garble RESP3, as over WebSocket.
    pub(super) gateway: bool,
    /// Whether the client reaches the server over HTTP only.
    pub(super) http_only: bool,
    /// Whether there is an HTTP fallback.
    pub(super) fallback: bool,
    /// Number of gateways in front of the server.
    pub(super) gateways: u8,
    /// After which time the client returns to a preferred gateway.
    pub(super) failback: Option<Duration>,
    pub(super) password: bool,
    /// Bytes in flight in each direction of a connection.
    pub(super) capacity: usize,
    pub(super) order: CommandOrder,
    pub(super) min_connections: usize,
    pub(super) max_connections: usize,
    pub(super) max_in_flight: usize,
    pub(super) request_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) inactivity_timeout: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) reconnect_max_delay: Duration,
    /// Number of keys that the calls name.
    pub(super) keys: u8,
    /// Whether single calls read.
    pub(super) reads: bool,
    /// Factor of the pauses between steps.
    pub(super) pauses: u32,
    /// Tasks that write until the client knows how many connections it needs.
    pub(super) writers: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Call(CallPlan),
    Fault(Fault),
}

#[derive(Debug, Clone)]
pub(super) struct CallPlan {
    /// ID of its first command. The others have the next ones.
    pub(super) first: Id,
    pub(super) kind: Kind,
    pub(super) timeout: Option<Duration>,
    /// When the future is dropped, if it has not ended.
    pub(super) cancel: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single(Command),
    Pipeline(Vec<Command>),
    Transaction(Vec<Command>),
    Bulk(Vec<Command>),
    /// Reads a key and writes it, in an optimistic transaction.
    Transact(u8),
    /// Writes a key on a leased connection.
    Exclusive(u8),
    /// Blocks for some milliseconds.
    Blocking(u16),
    /// Logs in with the password of this number.
    Auth(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Set(u8),
    /// Its reply is unique.
    Xadd(u8),
    Mset(u8, u8),
    Get(u8),
    Mget(u8, u8),
    /// A script that names a key.
    Eval(u8),
    /// Names no key, and is in order with nothing.
    Echo,
    /// Is in order with everything.
    Fence,
}

#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// A connection is lost, at once or after some more bytes in either direction.
    Cut {
        which: u8,
        up: Option<u16>,
        down: Option<u16>,
    },
    CutAll,
    /// The server accepts no connections. It may close those that are open.
    Refuse {
        time: Duration,
        closes: bool,
    },
    /// Attempts to connect get no answer.
    Hang(Duration),
    /// The gateway with the most connections loses them, and accepts no more. Attempts to connect
    /// to it may get no answer.
    Down {
        time: Duration,
        hangs: bool,
    },
    /// The server accepts no more connections than this.
    Limit(u8, Duration),
    /// A connection gets no replies, although its commands may run.
    Mute {
        which: u8,
        time: Duration,
        runs: bool,
    },
    MuteAll(Duration),
    /// Writes fail, and their errors ask for another connection.
    ReadOnly(Duration),
    /// The server forgets who is at the other end of a connection.
    Forget(u8),
    /// Only the password of this number is accepted from now on.
    Password(u8),
    HttpDown(Duration),
    /// The client is closed, within a time if there is one.
    Close(Option<Duration>),
}

impl Command {
    /// The keys that it names.
    pub(super) fn keys(self) -> Vec<u8> {
        match self {
            Self::Set(key) | Self::Xadd(key) | Self::Get(key) | Self::Eval(key) => vec![key],
            Self::Mset(one, other) | Self::Mget(one, other) => vec![one, other],
            Self::Echo | Self::Fence => Vec::new(),
        }
    }

    pub(super) const fn only_reads(self) -> bool {
        matches!(self, Self::Get(_) | Self::Mget(..) | Self::Echo)
    }
}

impl Kind {
    /// The commands that have IDs, in order.
    pub(super) fn commands(&self) -> Vec<Command> {
        match self {
            Self::Single(command) => vec![*command],
            Self::Pipeline(commands) | Self::Transaction(commands) | Self::Bulk(commands) => {
                commands.clone()
            }
            // WATCH counts as the first.
            Self::Transact(key) => vec![Command::Get(*key), Command::Get(*key), Command::Set(*key)],
            Self::Exclusive(key) => vec![Command::Set(*key)],
            Self::Blocking(_) | Self::Auth(_) => Vec::new(),
        }
    }
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let setup = Setup::random(&mut rng);
        // Each schedule has some kinds of faults only. Otherwise, frequent ones would hide others.
        let faults = rng.u16(..) & rng.u16(..) | 1 << rng.u8(0..11);
        // The fallback is for this.
        let faults = faults | u16::from(setup.fallback) << 2;
        let (mut first, mut password) = (0, 0);
        let count = rng.usize(20..110);
        let closes_at = (rng.u8(0..10) == 0).then(|| count - rng.usize(1..10));
        let mut steps = Vec::new();
        for at in 0..count {
            let after = match rng.u8(0..20) {
                0..=11 => Duration::ZERO,
                12..=16 => Duration::from_millis(rng.u64(1..20)),
                _ => Duration::from_millis(rng.u64(20..400)),
            };
            let fault = (rng.u8(0..8) == 0).then(|| random_fault(&mut rng, faults, &setup));
            let action = match fault.flatten() {
                _ if closes_at == Some(at) => {
                    let time = Duration::from_millis(rng.u64(0..3000));
                    Some(Action::Fault(Fault::Close(rng.bool().then_some(time))))
                }
                Some(Fault::Password(_)) => {
                    password += 1;
                    Some(Action::Fault(Fault::Password(password)))
                }
                fault => fault.map(Action::Fault),
            };
            let action = action.unwrap_or_else(|| {
                let call = CallPlan::random(&mut rng, first, &setup, password);
                first += 64;
                Action::Call(call)
            });
            let after = after * setup.pauses;
            steps.push(Step { after, action });
        }
        let mut plan = Self { seed, setup, steps };
        if seed % 3 == 2 {
            plan.add_gateways();
        }
        plan
    }

    /// Lets the client reach the server over three gateways, of which one after another goes down
    /// in place of some calls.
    fn add_gateways(&mut self) {
        let mut rng = fastrand::Rng::with_seed(!self.seed);
        self.setup.gateways = 3;
        self.setup.failback = rng.bool().then_some(Duration::from_secs(1));
        let longest = rng.choice([300, 3000, 20_000]).unwrap_or(300);
        for step in &mut self.steps {
            if rng.u8(0..12) == 0 && matches!(step.action, Action::Call(_)) {
                step.action = Action::Fault(Fault::Down {
                    time: Duration::from_millis(rng.u64(1..longest)),
                    hangs: rng.u8(0..3) == 0,
                });
            }
        }
    }
}

impl Setup {
    fn random(rng: &mut fastrand::Rng) -> Self {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds);
        let server = match rng.u8(0..10) {
            0 => Some(ServerKind::Redis),
            1..=2 => None,
            _ => Some(ServerKind::SwarmKeyDb),
        };
        let max_connections = rng.usize(1..=8);
        let http_only = rng.u8(0..12) == 0;
        Self {
            server,
            service: Duration::from_millis(rng.choice([20, 50, 100]).unwrap_or(100)),
            gateway: rng.bool(),
            http_only,
            fallback: rng.u8(0..3) == 0,
            gateways: 1,
            failback: None,
            // The simulated HTTP takes no credentials.
            password: !http_only && rng.u8(0..3) == 0,
            capacity: rng.choice([32, 256, 1 << 14]).unwrap_or(256),
            order: match rng.u8(0..12) {
                0 => CommandOrder::All,
                _ => CommandOrder::PerKey,
            },
            min_connections: match rng.u8(0..4) {
                0 => rng.usize(1..=max_connections),
                _ => 1,
            },
            max_connections,
            max_in_flight: rng.choice([2, 16, 8192, 8192]).unwrap_or(8192),
            request_timeout: seconds(rng.choice([1.0, 10.0]).unwrap_or(10.0)),
            connect_timeout: seconds(rng.choice([0.5, 10.0]).unwrap_or(10.0)),
            drain_timeout: seconds(rng.choice([0.5, 5.0, 600.0]).unwrap_or(600.0)),
            inactivity_timeout: seconds(rng.choice([0.5, 15.0]).unwrap_or(15.0)),
            heartbeat: rng
                .choice([None, Some(0.5), Some(10.0)])
                .flatten()
                .map(seconds),
            reconnect_max_delay: seconds(rng.choice([0.05, 0.25, 5.0]).unwrap_or(5.0)),
            keys: rng.u8(2..=KEYS),
            reads: rng.u8(0..4) > 0,
            pauses: rng.choice([1, 1, 1, 5]).unwrap_or(1),
            writers: rng.choice([0, 6, 6, 12]).unwrap_or(6),
        }
    }
}

impl CallPlan {
    fn random(rng: &mut fastrand::Rng, first: Id, setup: &Setup, password: u8) -> Self {
        let batch = |rng: &mut fastrand::Rng| -> Vec<Command> {
            (0..rng.usize(1..=BATCH))
                .map(|_| random_command(rng, setup))
                .collect()
        };
        let kind = match rng.u8(0..40) {
            0..=2 => Kind::Pipeline(batch(rng)),
            3..=5 => Kind::Bulk(batch(rng)),
            6 if !setup.http_only => Kind::Transaction(batch(rng)),
            7 if !setup.http_only => Kind::Transact(rng.u8(0..setup.keys)),
            8 if !setup.http_only => Kind::Exclusive(rng.u8(0..setup.keys)),
            9 if !setup.http_only => Kind::Blocking(rng.u16(1..300)),
            10..=11 if setup.password => Kind::Auth(password),
            _ => Kind::Single(random_command(rng, setup)),
        };
        let short = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(1..1500));
        Self {
            first,
            kind,
            timeout: (rng.u8(0..3) == 0).then(|| short(rng)),
            cancel: (rng.u8(0..10) == 0).then(|| short(rng) / 4),
        }
    }
}

fn random_command(rng: &mut fastrand::Rng, setup: &Setup) -> Command {
    let key = rng.u8(0..setup.keys);
    let other = (key + rng.u8(1..setup.keys)) % setup.keys;
    match rng.u8(0..40) {
        0..=11 => Command::Set(key),
        12..=17 => Command::Xadd(key),
        18..=20 => Command::Mset(key, other),
        21..=35 if !setup.reads => Command::Set(key),
        21..=31 => Command::Get(key),
        32..=35 => Command::Mget(key, other),
        36 => Command::Eval(key),
        37..=38 => Command::Echo,
        _ => Command::Fence,
    }
}

fn random_fault(rng: &mut fastrand::Rng, kinds: u16, setup: &Setup) -> Option<Fault> {
    let time = |rng: &mut fastrand::Rng| match rng.u8(0..3) {
        0 => Duration::from_millis(rng.u64(1..100)),
        1 => Duration::from_millis(rng.u64(100..2000)),
        _ => Duration::from_millis(rng.u64(2000..20_000)),
    };
    let which = rng.u8(..);
    let kind = rng.u8(0..11);
    if kinds & 1 << kind == 0 {
        return None;
    }
    Some(match kind {
        0 => Fault::Cut {
            which,
            up: rng.bool().then(|| rng.u16(0..150)),
            down: rng.bool().then(|| rng.u16(0..40)),
        },
        1 => Fault::CutAll,
        2 => Fault::Refuse {
            time: time(rng),
            closes: rng.bool(),
        },
        3 => Fault::Hang(time(rng)),
        4 => Fault::Limit(rng.u8(1..5), time(rng)),
        5 | 6 => Fault::Mute {
            which,
            time: time(rng),
            runs: rng.bool(),
        },
        7 => Fault::MuteAll(time(rng)),
        8 => Fault::ReadOnly(time(rng)),
        9 if setup.password => match rng.bool() {
            true => Fault::Forget(which),
            false => Fault::Password(0),
        },
        10 if setup.fallback || setup.http_only => Fault::HttpDown(time(rng)),
        _ => return None,
    })
}
