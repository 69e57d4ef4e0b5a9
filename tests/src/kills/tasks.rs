//! The tasks that write while their server is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use swarm_keydb::{Client, Error, Outcome};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Commands of a task, and what it was told about them.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// The key of INCR.
    pub(super) counter: String,
    pub(super) sets: Vec<(u64, Told)>,
    pub(super) increments: Vec<Told<i64>>,
}

/// What a caller was told about a command.
#[derive(Debug)]
pub(super) enum Told<T = ()> {
    Done(T),
    NotSent,
    MayHaveRun,
    /// No outcome, which must not happen.
    Other(Error),
}

/// Tasks that send SET of unique values and INCR of a key of their own until they are stopped.
#[derive(Debug)]
pub(super) struct Tasks {
    count: usize,
    stopped: AtomicBool,
    value: AtomicU64,
    pub(super) may_have_run: AtomicUsize,
    /// Number of commands that have succeeded.
    delivered: watch::Sender<usize>,
}

impl Tasks {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            stopped: AtomicBool::new(false),
            value: AtomicU64::new(0),
            may_have_run: AtomicUsize::new(0),
            delivered: watch::Sender::new(0),
        }
    }

    pub(super) fn start(self: &Arc<Self>, client: &Client) -> JoinSet<Commands> {
        let work = |task| Arc::clone(self).work(client.clone(), task);
        (0..self.count).map(work).collect()
    }

    /// Lets the tasks end after their current commands.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until every task could have sent another command, and the client has as many
    /// connections as given.
    pub(super) async fn busy_on(&self, client: &Client, connections: usize) {
        let mut delivered = self.delivered.subscribe();
        let enough = *delivered.borrow_and_update() + self.count;
        let busy = delivered.wait_for(|delivered| {
            *delivered >= enough && client.stats().shared.open >= connections
        });
        let _delivered = busy.await.expect("the sender lives in `self`");
    }

    async fn work(self: Arc<Self>, client: Client, task: usize) -> Commands {
        let key = format!("s{task}");
        let mut commands = Commands {
            counter: format!("n{task}"),
            ..Commands::default()
        };
        while !self.stopped.load(Ordering::Relaxed) {
            let value = self.value.fetch_add(1, Ordering::Relaxed);
            let set = self.told(client.set(&key, value).await);
            commands.sets.push((value, set));
            let increment = self.told(client.incr(&commands.counter).await);
            commands.increments.push(increment);
        }
        commands
    }

    fn told<T>(&self, result: Result<T, Error>) -> Told<T> {
        match result {
            Ok(reply) => {
                self.delivered.send_modify(|delivered| *delivered += 1);
                Told::Done(reply)
            }
            Err(error) => match error.outcome() {
                Some(Outcome::NotSent) => Told::NotSent,
                Some(Outcome::MayHaveRun) => {
                    self.may_have_run.fetch_add(1, Ordering::Relaxed);
                    Told::MayHaveRun
                }
                _ => Told::Other(error),
            },
        }
    }
}
