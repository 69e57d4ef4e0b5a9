//! Record of the commands on each key, in the order in which their futures were first polled.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use swarm_keydb::{Outcome, Result};

use super::register::{Action, End, INITIAL, Operation};

/// Histories of all keys.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Logical clock. Starts after the initial values.
    clock: AtomicU64,
    keys: Vec<Mutex<Vec<Operation>>>,
}

impl Record {
    pub(super) fn new(keys: usize) -> Self {
        Self {
            clock: AtomicU64::new(1),
            keys: (0..keys).map(|_| Mutex::default()).collect(),
        }
    }

    /// Returns two different keys in ascending order.
    pub(super) fn two_keys(&self) -> (usize, usize) {
        let one = fastrand::usize(0..self.keys.len() - 1);
        (one, fastrand::usize(one + 1..self.keys.len()))
    }

    /// Sends a command, recorded with what it does with each of its keys, in ascending order.
    /// `read` returns the values that the reply contains for them.
    ///
    /// The histories are locked during the first poll, so that they have the order of the first
    /// polls even if tasks run in parallel.
    ///
    /// # Errors
    ///
    /// If the command fails.
    pub(super) async fn send<T, const N: usize>(
        &self,
        actions: [(usize, Action); N],
        reply: impl Future<Output = Result<T>>,
        read: impl FnOnce(T) -> [Option<u64>; N],
    ) -> Result<()> {
        let mut reply = pin!(reply);
        let mut places = [0; N];
        let first = poll_fn(|cx| {
            let mut histories = actions.map(|(key, _)| self.history(key));
            let places = histories.iter_mut().zip(&mut places);
            for ((history, place), (_, action)) in places.zip(actions) {
                *place = history.len();
                history.push(Operation {
                    action,
                    begun: self.now(),
                    end: End::Unknown,
                });
            }
            Poll::Ready(reply.as_mut().poll(cx))
        });
        let result = match first.await {
            Poll::Ready(result) => result,
            Poll::Pending => reply.await,
        };
        let at = self.now();
        let (ends, result) = match result {
            Ok(reply) => {
                let mut ends = [End::Written(at); N];
                for ((end, value), (_, action)) in ends.iter_mut().zip(read(reply)).zip(actions) {
                    if action == Action::Read {
                        let value = value.unwrap_or(INITIAL);
                        *end = End::Read { value, at };
                    }
                }
                (ends, Ok(()))
            }
            Err(error) if error.outcome() == Some(Outcome::NotSent) => {
                ([End::NotSent; N], Err(error))
            }
            Err(error) => ([End::Unknown; N], Err(error)),
        };
        for ((end, place), (key, _)) in ends.into_iter().zip(places).zip(actions) {
            self.history(key)[place].end = end;
        }
        result
    }

    /// Returns the histories of all keys, and begins new ones.
    pub(super) fn take(&self) -> Vec<Vec<Operation>> {
        let take = |key| std::mem::take(&mut *self.history(key));
        (0..self.keys.len()).map(take).collect()
    }

    fn history(&self, key: usize) -> MutexGuard<'_, Vec<Operation>> {
        (self.keys[key].lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }
}
