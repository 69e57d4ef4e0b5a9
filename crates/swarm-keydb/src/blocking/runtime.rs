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
use crate::status::{State, StateWatch};

/// A runtime on a thread of its own, which ends when the last clone is dropped.
///
/// The runtime is dropped on that thread, never on one that may itself belong to a runtime, where dropping it would panic.
#[derive(Debug, Clone)]
pub(super) struct Runtime(Arc<Running>);

#[derive(Debug)]
struct Running {
    handle: Handle,
    thread: ThreadId,
    /// The connection that may say goodbye before the thread ends.
    connection: OnceLock<StateWatch>,
    /// Ends the thread: at once when dropped, or after the connection is closed.
    end: Option<oneshot::Sender<StateWatch>>,
}

/// How long saying goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);

impl Runtime {
    pub(super) fn start() -> Result<Self> {
        let failed =
            |error: std::io::Error| Error::config(format!("cannot start a thread: {error}"));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<StateWatch>();
        let thread = thread::Builder::new()
            .name("swarm-keydb".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    if let Ok(mut connection) = ended.await {
                        let closed = connection.reached(State::Closed);
                        let _in_time = tokio::time::timeout(GOODBYE, closed).await;
                    }
                });
                // Not waiting for tasks that block, such as a lookup of a name.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self(Arc::new(Running {
            handle,
            thread: thread.thread().id(),
            connection: OnceLock::new(),
            end: Some(end),
        })))
    }

    /// Lets the thread end only when this connection has said goodbye.
    pub(super) fn follow(&self, connection: StateWatch) {
        let _first = self.0.connection.set(connection);
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
                next.unwrap_or_else(|_| Some(Err(Error::unheard())))
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(end), Some(connection)) = (self.end.take(), self.connection.take()) {
            let _gone = end.send(connection);
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
