//! A script on a thread of its own: it stops at each command until it has the reply, so that the
//! store never waits for a script that does not end.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use swarm_resp::Frame;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::reject::Reject;
use super::lua::{Engine, Port};
use super::{Source, Stop};

const TOO_MANY: Reject = Reject::text("ERR too many scripts are running; wait until they end");
const PANICKED: Reject = Reject::text("ERR the interpreter of the script has failed");

/// Stack of a thread, of which deeply nested JSON takes most.
const STACK: usize = 16 << 20;

/// Threads without a script, each with an interpreter.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Threads {
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
    /// Number of threads, each of which holds a reference.
    all: Arc<()>,
}

/// Number of threads that are kept without a script.
const MAX_IDLE: usize = 4;

/// Number of threads. A script that is in a long function of a library goes on when it is killed.
const MAX_THREADS: usize = 300;

/// The thread that runs all functions of libraries, one after another. Its interpreter keeps the
/// local variables of the libraries.
#[derive(Debug, Clone, Default)]
pub(super) struct Host(Option<HostThread>);

#[derive(Debug, Clone)]
struct HostThread {
    jobs: Sender<Job>,
    /// Set once the thread is in a function that does not end.
    is_stuck: Arc<AtomicBool>,
}

/// A script for a thread.
struct Job {
    source: Source,
    stops: UnboundedSender<Stop>,
    replies: Receiver<Option<Frame>>,
    killed: Arc<AtomicBool>,
    /// Where the thread reports whether the script could be compiled, unless it does so when the
    /// script runs.
    compiled: Option<SyncSender<Result<(), Reject>>>,
}

/// A compiled script. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Script {
    stops: UnboundedReceiver<Stop>,
    /// `None` once dropped.
    replies: Option<Sender<Option<Frame>>>,
    kill: Kill,
    thread: Lent,
    threads: Threads,
    /// Whether the script runs.
    is_running: bool,
}

/// The thread of a script.
#[derive(Debug)]
enum Lent {
    /// It may run another script when this one has ended.
    Thread(Sender<Job>),
    /// It is a [`Host`], whose flag this is.
    Host(Arc<AtomicBool>),
}

/// Ends a script.
#[derive(Debug, Clone, Default)]
pub(super) struct Kill {
    killed: Arc<AtomicBool>,
    noticed: Arc<Notify>,
}

impl Kill {
    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.noticed.notify_one();
    }

    /// Waits until the script is to end.
    pub(super) async fn killed(&self) {
        self.noticed.notified().await;
    }
}

impl Threads {
    fn idle(&self) -> MutexGuard<'_, Vec<Sender<Job>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a job to a thread.
    fn start(&self, mut job: Job) -> Result<Sender<Job>, Reject> {
        while let Some(thread) = { self.idle().pop() } {
            match thread.send(job) {
                Ok(()) => return Ok(thread),
                // The thread has ended, because its interpreter has failed.
                Err(SendError(back)) => job = back,
            }
        }
        let jobs = self.spawn(Engine::end)?;
        jobs.send(job).map_err(|_| PANICKED)?;
        Ok(jobs)
    }

    /// Starts a thread that calls `end` after each script.
    fn spawn(&self, end: fn(&mut Engine)) -> Result<Sender<Job>, Reject> {
        if Arc::strong_count(&self.all) > MAX_THREADS {
            return Err(TOO_MANY);
        }
        let (jobs, wanted) = channel::<Job>();
        let alive = self.all.clone();
        let run = move || {
            let mut engine = Engine::default();
            while let Ok(job) = wanted.recv() {
                run(&mut engine, job);
                end(&mut engine);
            }
            drop(alive);
        };
        let thread = thread::Builder::new().name("script".to_owned());
        let spawned = thread.stack_size(STACK).spawn(run);
        spawned.map_err(|error| Reject::new(format!("ERR no thread for the script: {error}")))?;
        Ok(jobs)
    }
}

impl Host {
    /// Gives a job to the thread. Returns its flag.
    fn start(&mut self, mut job: Job, threads: &Threads) -> Result<Arc<AtomicBool>, Reject> {
        if let Some(HostThread { jobs, is_stuck }) = &self.0
            && !is_stuck.load(Ordering::Relaxed)
        {
            match jobs.send(job) {
                Ok(()) => return Ok(is_stuck.clone()),
                // The thread has ended, because its interpreter has failed.
                Err(SendError(back)) => job = back,
            }
        }
        let jobs = threads.spawn(Engine::end_function)?;
        jobs.send(job).map_err(|_| PANICKED)?;
        let is_stuck = Arc::<AtomicBool>::default();
        self.0 = Some(HostThread {
            jobs,
            is_stuck: is_stuck.clone(),
        });
        Ok(is_stuck)
    }
}

/// Runs a script on its thread.
fn run(engine: &mut Engine, job: Job) {
    let port = Rc::new(Port {
        stops: job.stops.clone(),
        replies: job.replies,
        killed: job.killed,
    });
    let report = |result| job.compiled.map(|compiled| compiled.send(result));
    match engine.compile(job.source, &port) {
        Err(reject) => {
            drop(job.stops.send(Stop::Done(Err(reject.clone()))));
            drop(report(Err(reject)));
        }
        Ok(mut compiled) => {
            drop(report(Ok(())));
            // An error means that the script is not wanted.
            if port.replies.recv().is_ok() {
                drop(job.stops.send(compiled.run()));
            }
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.replies = None;
        if self.is_running {
            self.kill.kill();
        } else if let Lent::Thread(thread) = &self.thread {
            let mut idle = self.threads.idle();
            if idle.len() < MAX_IDLE {
                idle.push(thread.clone());
            }
        }
    }
}

impl Script {
    /// Compiles a script on its thread. It runs once it is [resumed](Self::resume).
    pub(super) fn compile(source: Source, threads: &Threads) -> Result<Self, Reject> {
        let (report, compiled) = sync_channel(1);
        let start = |job| threads.start(job).map(Lent::Thread);
        let script = Self::new(source, threads, Some(report), start)?;
        compiled.recv().unwrap_or(Err(PANICKED))?;
        Ok(script)
    }

    /// Prepares the call of a function. It runs once it is [resumed](Self::resume), after those
    /// before it.
    pub(super) fn function(
        source: Source,
        threads: &Threads,
        host: &mut Host,
    ) -> Result<Self, Reject> {
        let start = |job| host.start(job, threads).map(Lent::Host);
        Self::new(source, threads, None, start)
    }

    fn new(
        source: Source,
        threads: &Threads,
        compiled: Option<SyncSender<Result<(), Reject>>>,
        start: impl FnOnce(Job) -> Result<Lent, Reject>,
    ) -> Result<Self, Reject> {
        let (stops, received) = unbounded_channel();
        let (replies, wanted) = channel();
        let kill = Kill::default();
        let thread = start(Job {
            source,
            stops,
            replies: wanted,
            killed: kill.killed.clone(),
            compiled,
        })?;
        Ok(Self {
            stops: received,
            replies: Some(replies),
            kill,
            thread,
            threads: threads.clone(),
            is_running: false,
        })
    }

    /// Leaves the script alone, because it has been killed and does not end. If it is a function,
    /// the next one runs on another thread.
    pub(super) fn abandon(&self) {
        if let Lent::Host(is_stuck) = &self.thread {
            is_stuck.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn kill_switch(&self) -> Kill {
        self.kill.clone()
    }

    /// Lets the script run: from its beginning, or with the reply to the command that it stopped
    /// at.
    pub(super) fn resume(&mut self, reply: Option<Frame>) {
        self.is_running = true;
        if let Some(replies) = &self.replies {
            // If the thread has ended, the next stop says so.
            drop(replies.send(reply));
        }
    }

    fn stopped(&mut self, stop: Option<Stop>) -> Stop {
        let stop = stop.unwrap_or(Stop::Done(Err(PANICKED)));
        self.is_running = matches!(stop, Stop::Call { .. });
        stop
    }

    /// Blocks until the script stops, or until a deadline.
    pub(super) fn wait(&mut self, deadline: Instant) -> Option<Stop> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(stop) = self.stops.poll_recv(&mut cx) {
                return Some(self.stopped(stop));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
    }

    /// Waits until the script stops.
    pub(super) async fn stop(&mut self) -> Stop {
        let stop = self.stops.recv().await;
        self.stopped(stop)
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
