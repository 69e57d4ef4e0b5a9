//! Tasks that send one command after another for a fixed time, and how long each took.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// Number of keys from which each command names a random one.
const KEYS: u32 = 100_000;

/// Value of every SET and XADD.
pub const VALUE: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// One command.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    Get(&'a str),
    Set(&'a str),
    Add(&'a str),
    Increment(&'a str),
}

impl<'a> Step<'a> {
    /// Returns the words of the command.
    pub fn words(self) -> Vec<&'a str> {
        match self {
            Self::Get(key) => vec!["GET", key],
            Self::Set(key) => vec!["SET", key, VALUE],
            Self::Add(key) => vec!["XADD", key, "*", "field", VALUE],
            Self::Increment(key) => vec!["INCR", key],
        }
    }
}

/// A client of any kind, which tasks share by cloning it.
pub trait Commands: Clone + Send + Sync + 'static {
    /// Runs a command, and returns whether it succeeded.
    fn run(&self, step: Step<'_>) -> impl Future<Output = bool> + Send;
}

/// What a task sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    Get,
    Set,
    /// Nine GET, then one SET, and so on. Tasks begin at different points.
    NineToOne,
    /// One SET, then nine GET, and so on: all tasks begin with SET.
    SetThenNine,
    /// One SET, then only GET.
    SetThenGet,
    Add,
}

impl Mix {
    fn step(self, count: usize, key: &str) -> Step<'_> {
        let writes = match self {
            Self::Get => false,
            Self::Set => true,
            Self::NineToOne | Self::SetThenNine => count % 10 == 0,
            Self::SetThenGet => count == 0,
            Self::Add => return Step::Add(key),
        };
        if writes {
            Step::Set(key)
        } else {
            Step::Get(key)
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Set => "SET",
            Self::NineToOne | Self::SetThenNine => "9 GET : 1 SET",
            Self::SetThenGet => "GET behind a SET",
            Self::Add => "XADD",
        }
    }
}

/// How many tasks send what, and when they are measured.
#[derive(Clone, Copy)]
pub struct Load {
    pub mix: Mix,
    pub tasks: usize,
    /// Time before the measurement.
    pub warm_up: Duration,
    /// Time of the measurement.
    pub time: Duration,
}

/// The commands that ended within the measurement.
#[derive(Default)]
pub struct Outcome {
    /// Microseconds from the call to its reply.
    pub took: Vec<u32>,
    pub seconds: f64,
    pub failed: usize,
}

impl Outcome {
    pub fn record(&mut self, took: Duration) {
        self.took
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds another measurement, one after the other.
    pub fn append(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.include(other);
    }

    /// Adds what another task did at the same time.
    pub fn include(&mut self, other: Self) {
        self.took.extend(other.took);
        self.failed += other.failed;
    }

    /// Returns the commands a second.
    pub fn rate(&self) -> f64 {
        self.took.len() as f64 / self.seconds
    }

    /// Returns a quantile in milliseconds, NaN if nothing was measured.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        let at = (q * took.len() as f64) as usize;
        let found = took.get(at.min(took.len().saturating_sub(1)));
        found.map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
    }
}

/// What happens to commands that have not ended with the measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Awaited.
    Await,
    /// Dropped, where awaiting them would take long.
    Drop,
}

impl Load {
    /// Runs the tasks, each with one of the handles in turn. A command that ends outside of the
    /// measurement does not count. Dropping the future ends the tasks.
    pub async fn run<C: Commands>(self, handles: &[C], rest: Rest) -> Outcome {
        let from = Instant::now() + self.warm_up;
        let mut tasks = JoinSet::new();
        for task in 0..self.tasks {
            let client = handles[task % handles.len()].clone();
            let begin = match self.mix {
                Mix::NineToOne => task,
                _ => 0,
            };
            tasks.spawn(async move {
                let mut outcome = Outcome::default();
                let work = self.work(client, begin, from, &mut outcome);
                match rest {
                    Rest::Await => work.await,
                    Rest::Drop => {
                        let _ = tokio::time::timeout_at((from + self.time).into(), work).await;
                    }
                }
                outcome
            });
        }
        let mut outcome = Outcome {
            seconds: self.time.as_secs_f64(),
            ..Outcome::default()
        };
        while let Some(task) = tasks.join_next().await {
            outcome.include(task.unwrap());
        }
        outcome
    }

    async fn work<C: Commands>(
        self,
        client: C,
        begin: usize,
        from: Instant,
        outcome: &mut Outcome,
    ) {
        let to = from + self.time;
        for count in begin.. {
            let kind = if self.mix == Mix::Add {
                "stream"
            } else {
                "key"
            };
            let key = format!("{kind}:{}", fastrand::u32(..KEYS));
            let begun = Instant::now();
            if begun >= to {
                return;
            }
            let succeeded = client.run(self.mix.step(count, &key)).await;
            let ended = Instant::now();
            if ended < from || ended >= to {
                continue;
            }
            if succeeded {
                outcome.record(ended - begun);
            } else {
                outcome.failed += 1;
            }
        }
    }
}
