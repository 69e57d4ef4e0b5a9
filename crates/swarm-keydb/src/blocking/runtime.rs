//! The thread behind a blocking client, and waiting for what it does.

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
use crate::tasks::Tasks;

/// A runtime on a thread of its own, which ends when the last clone is dropped.
///
/// The runtime is dropped on that thread, never on one that may itself belong to a runtime, where dropping it would panic.
#[derive(Debug, Clone)]
pub(super) struct Runtime(Arc<Running>);

#[derive(Debug)]
struct Running {
    handle: Handle,
    thread: ThreadId,
    /// The tasks that end before the thread does: they close connections, and wait for replies to commands that write.
    tasks: OnceLock<Tasks>,
    /// Ends the thread: at once when dropped, or after these tasks.
    end: Option<oneshot::Sender<Tasks>>,
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
                // Not waiting for tasks that block, such as a lookup of a name.
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

    /// Lets the thread end only after these tasks.
    pub(super) fn follow(&self, tasks: Tasks) {
        let _first = self.0.tasks.set(tasks);
    }

    /// Blocks the calling thread until a future is ready.
    ///
    /// It is polled right here, so neither it nor its result needs to be `Send`; the sockets and timers that it waits for are
    /// served by the runtime's thread. The calling thread may belong to another runtime.
    ///
    /// **Errors:** when called on the client's own thread, as from a handler of messages: nobody would be left to do
    /// what is waited for.
    pub(super) fn wait<F: Future>(&self, future: F) -> Result<F::Output> {
        if thread::current().id() == self.0.thread {
            return Err(Error::config(
                "a blocking call on the client's own thread would wait for ever; make it on another thread",
            ));
        }
        let _context = self.0.handle.enter();
        // A task of a surrounding runtime has a budget, which would never be refilled while it waits here.
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

/// A stream that a thread iterates over.
#[derive(Debug)]
pub(super) struct Iterated<S> {
    pub(super) stream: S,
    pub(super) runtime: Runtime,
    /// Set once an iteration on the client's own thread was refused: no later one can succeed either.
    refused: bool,
}

impl<S> Iterated<S> {
    pub(super) const fn new(stream: S, runtime: Runtime) -> Self {
        Self {
            stream,
            runtime,
            refused: false,
        }
    }

    /// Blocks until the stream yields its next item. A refusal is reported once, then the iterator ends.
    pub(super) fn next<'a, T, F>(
        &'a mut self,
        next: impl FnOnce(&'a mut S) -> F,
    ) -> Option<Result<T>>
    where
        F: Future<Output = Option<Result<T>>> + 'a,
    {
        if self.refused {
            return None;
        }
        self.runtime
            .wait(next(&mut self.stream))
            .unwrap_or_else(|refusal| {
                self.refused = true;
                Some(Err(refusal))
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
                let next = tokio::time::timeout(time, next).await;
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

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
