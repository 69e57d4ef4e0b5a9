//! The background thread of a blocking client, and blocking waits for its work.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::coop::unconstrained;

use crate::error::{Error, Result};
use crate::runtime::{Tasks, timeout};

/// Runtime on a dedicated thread, which ends when the last clone is dropped.
///
/// The runtime is dropped on that thread, because dropping it inside another runtime would panic.
#[derive(Clone)]
pub(super) struct Runtime(Arc<Running>);

struct Running {
    handle: Handle,
    thread: ThreadId,
    /// Tasks that the thread outlives: they close connections and wait for replies to writes.
    tasks: OnceLock<Tasks>,
    /// Ends the thread: immediately if dropped, or after the tasks that are sent.
    end: Option<oneshot::Sender<Tasks>>,
}

impl fmt::Debug for Runtime {
    /// Shows nothing of tokio's handle, whose output is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

impl Runtime {
    pub(super) fn start() -> Result<Self> {
        let failed =
            |error: std::io::Error| Error::config(format!("cannot start a thread: {error}"));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<Tasks>();
        let thread = thread::Builder::new()
            .name("swarm-keydb".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    if let Ok(tasks) = ended.await {
                        tasks.ended().await;
                    }
                });
                // Does not wait for blocking tasks such as a DNS lookup.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self(Arc::new(Running {
            handle,
            thread: thread.thread().id(),
            tasks: OnceLock::new(),
            end: Some(end),
        })))
    }

    /// Makes the thread outlive these tasks.
    pub(super) fn follow(&self, tasks: Tasks) {
        let _first = self.0.tasks.set(tasks);
    }

    /// Blocks the calling thread until a future completes.
    ///
    /// The calling thread polls the future, so neither the future nor its output needs to be
    /// `Send`. The runtime's thread drives the sockets and timers. The calling thread may belong to
    /// another runtime.
    ///
    /// # Errors
    ///
    /// If called on the client's own thread, for example in a message handler: the future could
    /// never complete.
    pub(super) fn wait<F: Future>(&self, future: F) -> Result<F::Output> {
        if thread::current().id() == self.0.thread {
            return Err(Error::config(
                "blocking call on the client's own thread would deadlock; use another thread",
            ));
        }
        let _context = self.0.handle.enter();
        // A task of a surrounding runtime has a cooperative budget, which would never be refilled
        // while the thread is parked here.
        let mut future = pin!(unconstrained(future));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(output) => return Ok(output),
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Iterator over a stream that blocks the calling thread.
#[derive(Debug)]
pub(super) struct Iterated<S> {
    pub(super) stream: S,
    pub(super) runtime: Runtime,
    /// Set once an iteration on the client's own thread was rejected. Later ones would be, too.
    was_rejected: bool,
}

impl<S> Iterated<S> {
    pub(super) const fn new(stream: S, runtime: Runtime) -> Self {
        Self {
            stream,
            runtime,
            was_rejected: false,
        }
    }

    /// Blocks until the stream yields its next item. After a rejection, returns the error once and
    /// then `None`.
    pub(super) fn next<'a, T, F>(
        &'a mut self,
        next: impl FnOnce(&'a mut S) -> F,
    ) -> Option<Result<T>>
    where
        F: Future<Output = Option<Result<T>>> + 'a,
    {
        if self.was_rejected {
            return None;
        }
        self.runtime
            .wait(next(&mut self.stream))
            .unwrap_or_else(|rejection| {
                self.was_rejected = true;
                Some(Err(rejection))
            })
    }

    /// Blocks until the stream yields its next item, for at most `time`.
    pub(super) fn next_within<'a, T, F>(
        &'a mut self,
        time: Duration,
        next: impl FnOnce(&'a mut S) -> F,
    ) -> Option<Result<T>>
    where
        F: Future<Output = Option<Result<T>>> + 'a,
    {
        self.next(|stream| {
            let next = next(stream);
            async move {
                let next = timeout(time, next).await;
                next.unwrap_or_else(|_| Some(Err(Error::no_event())))
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(end), Some(tasks)) = (self.end.take(), self.tasks.take()) {
            let _gone = end.send(tasks);
        }
    }
}

/// Unparks the waiting thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
