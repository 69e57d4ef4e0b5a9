//! Load of many tasks, each of which checks every reply that it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use swarm_keydb::Outcome;
use swarm_keydb::cluster::Client;
use tokio::task::JoinSet;

/// Number of tasks, each with keys of its own.
const TASKS: usize = 64;

/// Tasks that run until they are told to stop.
pub(crate) struct Load {
    tasks: JoinSet<Report>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

/// What a task, or all of them, have seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Replies that no server that runs each command at most once, in order, could give.
    pub(crate) wrong: Vec<String>,
    /// Commands that have certainly not run, with their errors.
    pub(crate) unrun: Vec<String>,
    /// Commands that may have run, with their errors.
    pub(crate) unsure: Vec<String>,
    pub(crate) replies: u64,
}

/// Bounds of a counter: the acknowledged increments, and those that may have run, too.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    acknowledged: i64,
    unsure: i64,
}

impl Load {
    /// Starts the load. `keeps` tells whether the cluster keeps all that it has acknowledged.
    pub(crate) fn start(client: &Client, keeps: bool) -> Self {
        let (stop, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (client, stop, done) = (client.clone(), Arc::clone(&stop), Arc::clone(&done));
            tasks.spawn(async move {
                let mut report = Report::default();
                let before = client.get_as::<i64>(counter_key(task)).await;
                let mut counter = Counter {
                    acknowledged: before.expect("the counter").unwrap_or(0),
                    unsure: 0,
                };
                while !stop.load(Ordering::Relaxed) {
                    turn(&client, task, keeps, &mut counter, &mut report).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                let (end, key) = (client.get_as::<i64>(counter_key(task)).await, task);
                match end {
                    Ok(end) => counter.check(end.unwrap_or(0), 0, keeps, key, &mut report),
                    Err(error) => report.unrun.push(error.to_string()),
                }
                report
            });
        }
        Self { tasks, stop, done }
    }

    /// Waits until the tasks have done this many turns more.
    pub(crate) async fn turns(&self, turns: u64) {
        let until = self.done.load(Ordering::Relaxed) + turns;
        while self.done.load(Ordering::Relaxed) < until {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Stops the load.
    pub(crate) async fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = Report::default();
        while let Some(report) = self.tasks.join_next().await {
            let report = report.expect("a task");
            total.wrong.extend(report.wrong);
            total.unrun.extend(report.unrun);
            total.unsure.extend(report.unsure);
            total.replies += report.replies;
        }
        total
    }
}

fn counter_key(task: usize) -> String {
    format!("counter:{task}")
}

/// Increments the counter, and writes and reads other keys of the task.
async fn turn(
    client: &Client,
    task: usize,
    keeps: bool,
    counter: &mut Counter,
    report: &mut Report,
) {
    match client.incr(counter_key(task)).await {
        Ok(value) => {
            counter.check(value, 1, keeps, task, report);
            // What the reply says is certain.
            *counter = Counter {
                acknowledged: value,
                unsure: 0,
            };
        }
        Err(error) if error.outcome() == Some(Outcome::MayHaveRun) => {
            counter.unsure += 1;
            report.unsure.push(error.to_string());
        }
        Err(error) => report.unrun.push(error.to_string()),
    }
    // Two writes of a key without awaiting the first, and a read: the last one counts.
    let key = format!("order:{task}");
    let turn = counter.acknowledged + counter.unsure;
    let (one, two, read) = tokio::join!(
        biased;
        client.set(&key, format!("{turn}:1")),
        client.set(&key, format!("{turn}:2")),
        client.get(&key),
    );
    report.replies += 4;
    let is_sure = one.is_ok() && two.is_ok();
    for error in [one.err(), two.err()].into_iter().flatten() {
        match error.outcome() {
            Some(Outcome::MayHaveRun) => report.unsure.push(error.to_string()),
            _ => report.unrun.push(error.to_string()),
        }
    }
    match read {
        Ok(value) if is_sure && value.as_deref() != Some(format!("{turn}:2").as_bytes()) => {
            report
                .wrong
                .push(format!("order:{task} is {value:?} instead of {turn}:2"));
        }
        Ok(_) => {}
        Err(error) => report.unrun.push(error.to_string()),
    }
    // Keys of one slot, and of several.
    let pair = [
        (format!("{{pair:{task}}}1"), turn),
        (format!("{{pair:{task}}}2"), turn),
    ];
    let split = [
        (format!("split:{task}"), turn),
        (format!("other:{task}"), turn),
    ];
    for pairs in [pair, split] {
        let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
        let (set, got) = tokio::join!(biased; client.mset(pairs), client.mget(&keys));
        report.replies += 2;
        let expected = Some(turn.to_string());
        match (set, got) {
            (Ok(()), Ok(values)) => {
                let is = |value: &Option<bytes::Bytes>| {
                    value.as_deref() == expected.as_deref().map(str::as_bytes)
                };
                if !values.iter().all(is) {
                    report
                        .wrong
                        .push(format!("{keys:?} are {values:?} instead of {turn}"));
                }
            }
            (set, got) => {
                for error in [set.err(), got.err()].into_iter().flatten() {
                    match error.outcome() {
                        Some(Outcome::MayHaveRun) => report.unsure.push(error.to_string()),
                        _ => report.unrun.push(error.to_string()),
                    }
                }
            }
        }
    }
}

impl Counter {
    fn check(self, value: i64, step: i64, keeps: bool, task: usize, report: &mut Report) {
        report.replies += 1;
        let least = self.acknowledged + step;
        let most = least + self.unsure;
        if value > most || (keeps && value < least) {
            report.wrong.push(format!(
                "counter:{task} is {value} instead of {least}..={most}"
            ));
        }
    }
}
