//! A script on a thread of its own: it stops at each command until it has the reply, so that the
//! store never waits for a script that does not end.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use swarm_resp::Frame;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::reject::Reject;
use super::lua::{Engine, Port};
use super::{Source, Stop};

const PANICKED: Reject = Reject::text("ERR the interpreter of the script has failed");

/// A compiled script. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Script {
    stops: UnboundedReceiver<Stop>,
    replies: Sender<Option<Frame>>,
    kill: Kill,
}

/// Ends a script.
#[derive(Debug, Clone, Default)]
pub(super) struct Kill(Arc<AtomicBool>);

impl Kill {
    pub(super) fn kill(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.kill.kill();
    }
}

impl Script {
    /// Compiles a script on its thread. It runs once it is [resumed](Self::resume).
    pub(super) fn compile(source: Source) -> Result<Self, Reject> {
        let (stops, received) = unbounded_channel();
        let (replies, wanted) = channel();
        let (report, compiled) = sync_channel(1);
        let kill = Kill::default();
        let killed = kill.0.clone();
        let run = move || {
            let port = Rc::new(Port {
                stops: stops.clone(),
                replies: wanted,
            });
            match Engine::new(source, &port, killed) {
                Err(reject) => drop(report.send(Err(reject))),
                Ok(engine) => {
                    drop(report.send(Ok(())));
                    // An error means that the script is not wanted.
                    if port.replies.recv().is_ok() {
                        drop(stops.send(engine.run()));
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("script".to_owned()).spawn(run);
        if let Err(error) = thread {
            return Err(Reject::new(format!(
                "ERR no thread for the script: {error}"
            )));
        }
        compiled.recv().unwrap_or(Err(PANICKED))?;
        Ok(Self {
            stops: received,
            replies,
            kill,
        })
    }

    pub(super) fn kill_switch(&self) -> Kill {
        self.kill.clone()
    }

    /// Lets the script run: from its beginning, or with the reply to the command that it stopped
    /// at.
    pub(super) fn resume(&self, reply: Option<Frame>) {
        // If the thread has ended, the next stop says so.
        drop(self.replies.send(reply));
    }

    /// Blocks until the script stops, or until a deadline.
    pub(super) fn wait(&mut self, deadline: Instant) -> Option<Stop> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(stop) = self.stops.poll_recv(&mut cx) {
                return Some(stop.unwrap_or(Stop::Done(Err(PANICKED))));
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
        stop.unwrap_or(Stop::Done(Err(PANICKED)))
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
