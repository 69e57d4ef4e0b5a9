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

/// A script for a thread.
struct Job {
    source: Source,
    stops: UnboundedSender<Stop>,
    replies: Receiver<Option<Frame>>,
    killed: Arc<AtomicBool>,
    /// Where the thread reports whether the script could be compiled.
    compiled: SyncSender<Result<(), Reject>>,
}

/// A compiled script. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Script {
    stops: UnboundedReceiver<Stop>,
    /// `None` once dropped.
    replies: Option<Sender<Option<Frame>>>,
    kill: Kill,
    /// The thread, and where it goes when the script has ended.
    thread: Option<Sender<Job>>,
    threads: Threads,
    /// Whether the script runs.
    is_running: bool,
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
        if Arc::strong_count(&self.all) > MAX_THREADS {
            return Err(TOO_MANY);
        }
        let (jobs, wanted) = channel::<Job>();
        let alive = self.all.clone();
        let run = move || {
            let mut engine = Engine::default();
            while let Ok(job) = wanted.recv() {
                run(&mut engine, job);
                engine.end();
            }
            drop(alive);
        };
        let spawned = thread::Builder::new().name("script".to_owned()).spawn(run);
        spawned.map_err(|error| Reject::new(format!("ERR no thread for the script: {error}")))?;
        jobs.send(job).map_err(|_| PANICKED)?;
        Ok(jobs)
    }
}

/// Runs a script on its thread.
fn run(engine: &mut Engine, job: Job) {
    let port = Rc::new(Port {
        stops: job.stops.clone(),
        replies: job.replies,
        killed: job.killed,
    });
    match engine.compile(job.source, &port) {
        Err(reject) => drop(job.compiled.send(Err(reject))),
        Ok(compiled) => {
            drop(job.compiled.send(Ok(())));
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
        } else if let Some(thread) = self.thread.take() {
            let mut idle = self.threads.idle();
            if idle.len() < MAX_IDLE {
                idle.push(thread);
            }
        }
    }
}

impl Script {
    /// Compiles a script on its thread. It runs once it is [resumed](Self::resume).
    pub(super) fn compile(source: Source, threads: &Threads) -> Result<Self, Reject> {
        let (stops, received) = unbounded_channel();
        let (replies, wanted) = channel();
        let (report, compiled) = sync_channel(1);
        let kill = Kill::default();
        let thread = threads.start(Job {
            source,
            stops,
            replies: wanted,
            killed: kill.killed.clone(),
            compiled: report,
        })?;
        let script = Self {
            stops: received,
            replies: Some(replies),
            kill,
            thread: Some(thread),
            threads: threads.clone(),
            is_running: false,
        };
        compiled.recv().unwrap_or(Err(PANICKED))?;
        Ok(script)
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
