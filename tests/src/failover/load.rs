//! What the client does meanwhile: commands of many tasks, and subscriptions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_keydb::{Client, Event, Outcome, Subscription};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::{Switched, measure};

const TASKS: usize = 64;
const SUBSCRIPTIONS: usize = 8;

/// The channel that all subscriptions listen to.
const CHANNEL: &str = "news";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    NotSent,
    MayHaveRun,
}

/// What a task has done.
#[derive(Default)]
struct Done {
    /// Each key is incremented once.
    increments: Vec<(String, End)>,
    slowest: Duration,
    faults: Vec<String>,
}

/// What a subscription has got.
#[derive(Default)]
struct Heard {
    messages: usize,
    gaps: usize,
    faults: Vec<String>,
}

/// Tasks that use a client.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Done>,
    publisher: JoinHandle<()>,
    subscriptions: JoinSet<Heard>,
    switches: Arc<Mutex<Vec<Duration>>>,
}

impl Load {
    pub(super) async fn start(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut subscriptions = JoinSet::new();
        for _ in 0..SUBSCRIPTIONS {
            let subscription = client.subscribe(CHANNEL).await.expect("a server is there");
            subscriptions.spawn(listen(subscription));
        }
        let switches = Arc::default();
        tokio::spawn(measure(client.watch_state(), Arc::clone(&switches)));
        let tasks = (0..TASKS).map(|task| work(client.clone(), task, Arc::clone(&stop)));
        Self {
            tasks: tasks.collect(),
            publisher: tokio::spawn(publish(client.clone(), Arc::clone(&stop))),
            subscriptions,
            switches,
            stop,
        }
    }

    /// Ends the load, and collects what was found. Each subscription must hear the last message.
    pub(super) async fn finish(mut self, found: &mut Switched) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            let done = done.expect("no task panics");
            found.slowest = found.slowest.max(done.slowest);
            found.faults.extend(done.faults);
            found
                .increments
                .extend(done.increments.into_iter().map(|(key, end)| match end {
                    End::Done => (key, Some(true)),
                    End::NotSent => (key, Some(false)),
                    End::MayHaveRun => (key, None),
                }));
        }
        self.publisher.await.expect("the publisher does not panic");
        while let Some(heard) = self.subscriptions.join_next().await {
            let heard = heard.expect("no subscription panics");
            found.messages += heard.messages;
            found.gaps += heard.gaps;
            found.faults.extend(heard.faults);
        }
        found.switches = std::mem::take(&mut *self.switches.lock().expect("no task panics"));
        found.switches.sort();
    }
}

/// Increments keys of its own, and lets the server repeat texts of its own.
async fn work(client: Client, task: usize, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{task}:{number}");
        let start = Instant::now();
        if number % 4 == 3 {
            if let Ok(reply) = client.echo(key.clone()).await
                && reply != key.as_bytes()
            {
                done.faults
                    .push(format!("{key}: the reply {reply:?} is another's"));
            }
        } else {
            let end = match client.incr(&key).await {
                Ok(1) => End::Done,
                Ok(value) => {
                    done.faults.push(format!("{key}: incremented to {value}"));
                    End::Done
                }
                Err(error) => match error.outcome() {
                    Some(Outcome::NotSent) => End::NotSent,
                    Some(Outcome::MayHaveRun) => End::MayHaveRun,
                    outcome => {
                        done.faults.push(format!("{key}: {outcome:?}: {error}"));
                        End::MayHaveRun
                    }
                },
            };
            done.increments.push((key, end));
        }
        done.slowest = done.slowest.max(start.elapsed());
        sleep(Duration::from_millis(fastrand::u64(0..4))).await;
    }
    done
}

/// Publishes numbers, one after another, and in the end a text that ends the subscriptions.
async fn publish(client: Client, stop: Arc<AtomicBool>) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let _may_be_lost = client.publish(CHANNEL, number).await;
        sleep(Duration::from_millis(2)).await;
    }
    while client.stats().subscriptions > 0 {
        let _may_be_lost = client.publish(CHANNEL, "end").await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Listens until the end. Messages that are missing must follow an announced gap.
async fn listen(mut subscription: Subscription) -> Heard {
    let mut heard = Heard::default();
    let (mut last, mut is_announced) = (None, true);
    loop {
        match subscription.next().await {
            Some(Ok(Event::Message(message))) => {
                heard.messages += 1;
                let Ok(number) = message.payload_as::<u64>() else {
                    return heard;
                };
                let is_next = last.is_none_or(|last: u64| number == last + 1);
                if !is_next && !is_announced || last.is_some_and(|last| number <= last) {
                    heard
                        .faults
                        .push(format!("message {number} after {last:?}"));
                }
                last = Some(number);
                is_announced = false;
            }
            Some(Ok(Event::Reconnected { gap: true })) => {
                heard.gaps += 1;
                is_announced = true;
            }
            other => {
                heard.faults.push(format!("a subscription got {other:?}"));
                return heard;
            }
        }
    }
}

/// Compares what the tasks were told with what the servers have run.
pub(super) fn compare(ran: &BTreeMap<String, u64>, found: &mut Switched) {
    for (key, outcome) in std::mem::take(&mut found.increments) {
        let times = ran.get(&key).copied().unwrap_or_default();
        let is_true = match outcome {
            Some(true) => {
                found.delivered += 1;
                times == 1
            }
            Some(false) => {
                found.not_sent += 1;
                times == 0
            }
            None => {
                found.may_have_run += 1;
                found.have_run += usize::from(times > 0);
                times <= 1
            }
        };
        if !is_true {
            found
                .faults
                .push(format!("{key}: told {outcome:?}, and ran {times} times"));
        }
    }
}
