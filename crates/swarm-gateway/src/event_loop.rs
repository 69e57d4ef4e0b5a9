//! The task that serves all connections of a gateway, in the order in which their sockets become
//! readable.
//!
//! The system reports readable sockets in the order in which data arrived, the runtime wakes their
//! tasks in that order, and [`FuturesUnordered`] polls them in the order in which they were woken.
//! Because all of them are part of one task of the runtime, no two of them run at once and none
//! overtakes another, on any runtime. A task runs commands where it reads them, so commands run in
//! the order in which they arrive, on whichever connections.
//!
//! A poll is a *turn*. A socket is read once in a turn, as in Redis: whatever arrives later waits
//! behind sockets that became readable in the meantime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream};
use tokio::task::coop::unconstrained;
use tokio::task::yield_now;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks, which may spawn others, until all have ended. Dropping the future drops the tasks.
pub(crate) async fn run(start: impl FnOnce(&Spawner)) {
    let spawner = Spawner::default();
    start(&spawner);
    let tasks = EventLoop {
        tasks: FuturesUnordered::new(),
        spawner,
    };
    // The runtime's budget would interrupt a task in the middle of its turn, and then poll it
    // behind others. The set itself yields after each round.
    unconstrained(tasks).await;
}

/// Adds tasks to the event loop. Only its own tasks may do so.
#[derive(Clone, Default)]
pub(crate) struct Spawner {
    spawned: Arc<Mutex<Spawned>>,
    turns: Turns,
}

#[derive(Default)]
struct Spawned {
    tasks: Vec<Boxed>,
    /// Tasks of accepted sockets.
    accepted: Vec<Boxed>,
}

impl Spawner {
    /// Adds a task, whose first turn follows those of the tasks that have been woken.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.lock().tasks.push(Box::pin(task));
    }

    /// Adds the task of a socket that has just been accepted, whose first turn follows the next
    /// events of the system.
    ///
    /// One of them is that the socket can be written. Data that arrives before that is reported in
    /// its place, ahead of earlier data on other sockets.
    pub(crate) fn spawn_accepted(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.lock().accepted.push(Box::pin(task));
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    fn lock(&self) -> MutexGuard<'_, Spawned> {
        self.spawned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// Number of the current turn.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<AtomicU64>);

impl Turns {
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct EventLoop {
    tasks: FuturesUnordered<Task>,
    spawner: Spawner,
}

impl Future for EventLoop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { tasks, spawner } = &mut *self;
        let mut spawned = std::mem::take(&mut *spawner.lock());
        spawned.tasks.append(&mut spawned.accepted);
        loop {
            tasks.extend(spawned.tasks.drain(..).map(|task| Task {
                task,
                turns: spawner.turns.clone(),
            }));
            let polled = Pin::new(&mut *tasks).poll_next(cx);
            spawned.tasks = std::mem::take(&mut spawner.lock().tasks);
            match polled {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if spawner.lock().accepted.is_empty() => return Poll::Ready(()),
                Poll::Ready(None) => break,
                Poll::Pending if spawned.tasks.is_empty() => break,
                Poll::Pending => {}
            }
        }
        if !spawner.lock().accepted.is_empty() {
            // Wakes this task once the runtime has fetched the next events.
            let _ = pin!(yield_now()).poll(cx);
        }
        Poll::Pending
    }
}

/// A task of the event loop.
struct Task {
    task: Boxed,
    turns: Turns,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.turns.begin();
        let task = self.task.as_mut();
        // A panic ends only this task, as in a task of the runtime.
        catch_unwind(AssertUnwindSafe(|| task.poll(cx))).unwrap_or(Poll::Ready(()))
    }
}
