//! Optimistic transactions: read, decide, write, and retry after a conflict.

use std::time::Duration;

use swarm_resp::Request;
use tokio::time::{Instant, sleep};

use super::{Client, Exclusive};
use crate::error::{ErrorKind, Result};
use crate::key::ToKeys;
use crate::request_reply::MAX_ATTEMPTS;

/// Maximum wait before the first repetition, unless a round trip takes longer; it doubles with each further one.
const PAUSE: Duration = Duration::from_micros(200);

/// What the wait before a repetition grows to at the most, unless that is less than some round trips.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// How many round trips the wait before a repetition may take. An attempt takes at least three, and contenders that come in
/// between make it fail.
const MAX_ROUND_TRIPS: u32 = 16;

/// How often is tried at least, unless the option says otherwise.
const ATTEMPTS: u32 = 16;

impl Client {
    /// Runs an optimistic transaction: watches keys, reads, decides, writes, and retries after a conflict.
    ///
    /// Redis, Valkey and KeyDB detect every conflict. **SwarmKeyDb does not:** clients that write at the same time lose
    /// updates there, although each call returns `Ok`, and changes by HTTP, scripts and expiry are never detected. See
    /// [what each server guarantees](crate::guide::guarantees).
    ///
    /// On a connection of its own the keys are watched and `attempt` is called. It reads through the handle that it is given,
    /// puts its writes into a [`transaction`](Exclusive::transaction) of that handle and runs them with
    /// [`exec`](crate::Transaction::exec). If one of the keys was changed meanwhile, nothing was written, and `attempt` is called again,
    /// after a pause that grows with the round trip, and as often as [`transact_attempts`](crate::ClientOptions::transact_attempts) says. It must not act on
    /// anything else that it could not do twice.
    ///
    /// It may return without `exec`, which writes nothing.
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.set("ann", 5).await?;
    /// let paid = client
    ///     .transact(["ann", "bob"], async |own| {
    ///         let money: i64 = own.get_as("ann").await?.unwrap_or(0);
    ///         if money < 3 {
    ///             return Ok(false);
    ///         }
    ///         let tx = own.transaction();
    ///         let handles = (tx.decrby("ann", 3), tx.incrby("bob", 3));
    ///         let (ann, bob) = tx.exec(handles).await?;
    ///         (ann?, bob?);
    ///         Ok(true)
    ///     })
    ///     .await?;
    /// assert!(paid);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// On a task that is spawned, let `attempt` own what it needs, by `async move`: of one that borrows the compiler cannot tell that
    /// it may go to another thread ("implementation of `Send` is not general enough").
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// async fn take(client: Client, key: String, amount: i64) -> swarm_keydb::Result<()> {
    ///     let watched = key.clone();
    ///     client
    ///         .transact(watched, async move |own| {
    ///             let stock: i64 = own.get_as(&key).await?.unwrap_or(0);
    ///             let tx = own.transaction();
    ///             let set = tx.set(&key, stock - amount);
    ///             tx.exec(set).await?
    ///         })
    ///         .await
    /// }
    /// tokio::spawn(take(client, "stock".to_owned(), 2)).await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// **Reply:** what `attempt` returned at last. When it is `Ok` behind an `exec`, the transaction is committed.
    ///
    /// **Errors:** of kind [`Conflict`](ErrorKind::Conflict) when the keys were changed each time; else those of `attempt`, of which
    /// [`Transaction`](crate::Transaction) lists what `exec` may give: a command that was refused, by name and place, or that the
    /// transaction may have run. As [`exclusive`](Self::exclusive) when no connection can be leased.
    ///
    /// **Cancel safety:** when the future is dropped, the transaction may run; all of its commands are sent, or none.
    pub async fn transact<T>(
        &self,
        keys: impl ToKeys,
        mut attempt: impl AsyncFnMut(&mut Exclusive) -> Result<T>,
    ) -> Result<T> {
        let mut attempts = Attempts::new(self.clone(), keys);
        loop {
            let mut own = attempts.begin().await?;
            let result = attempt(&mut own).await;
            if let Some(result) = attempts.settle(own, result).await {
                return result;
            }
        }
    }
}

/// The attempts at one optimistic transaction.
pub(crate) struct Attempts<K> {
    client: Client,
    keys: K,
    /// The connection of an attempt that met a conflict.
    held: Option<Exclusive>,
    /// Connections lost before anything was written.
    lost: u8,
    conflicts: u32,
    /// When the first attempt began.
    began: Instant,
    /// How long the last WATCH took.
    round_trip: Duration,
}

impl<K: ToKeys> Attempts<K> {
    pub(crate) fn new(client: Client, keys: K) -> Self {
        Self {
            client,
            keys,
            held: None,
            lost: 0,
            conflicts: 0,
            began: Instant::now(),
            round_trip: Duration::ZERO,
        }
    }

    /// A connection on which the keys are watched.
    pub(crate) async fn begin(&mut self) -> Result<Exclusive> {
        let mut watch = Request::builder("WATCH");
        self.keys.write_keys(&mut watch);
        self.client
            .shared
            .factory
            .target
            .check(watch.build().view())?;
        loop {
            let mut own = match self.held.take() {
                Some(own) => own,
                None => self.client.exclusive().await?,
            };
            let asked = Instant::now();
            match own.watch(&self.keys).await {
                Ok(()) => {
                    self.round_trip = asked.elapsed();
                    return Ok(own);
                }
                // Nothing was written yet, so another connection will do.
                Err(error) if error.is_connection() && self.lost < MAX_ATTEMPTS => self.lost += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn may_try_again(&self) -> bool {
        let options = &self.client.shared.factory.options;
        let attempts = self.conflicts.saturating_add(1);
        match options.transact_attempts {
            Some(most) => attempts < most,
            None => attempts < ATTEMPTS || self.began.elapsed() < options.request_timeout,
        }
    }

    /// What came of an attempt; `None` when it met a conflict and may be made again.
    pub(crate) async fn settle<T>(
        &mut self,
        mut own: Exclusive,
        result: Result<T>,
    ) -> Option<Result<T>> {
        match result {
            Err(error) if error.kind() == ErrorKind::Conflict && self.may_try_again() => {
                self.conflicts += 1;
                let pause = {
                    let _context = self.client.shared.factory.tasks.timers();
                    sleep(pause(self.conflicts, self.round_trip))
                };
                pause.await;
                self.held = Some(own);
                None
            }
            result => {
                if result.is_ok() && own.is_watching() {
                    // So that the connection serves again. When it fails, it does not.
                    let _best_effort = own.unwatch().await;
                }
                Some(result)
            }
        }
    }
}

/// How long to wait after so many conflicts: drawn at random, so that those who met once do not meet again.
fn pause(conflicts: u32, round_trip: Duration) -> Duration {
    let most = MAX_PAUSE.max(round_trip.saturating_mul(MAX_ROUND_TRIPS));
    let first = PAUSE.max(round_trip);
    let longest = first.saturating_mul(1 << conflicts.min(10)).min(most);
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_conflicts_and_with_the_round_trip() {
        let longest = |conflicts, round_trip| {
            let pauses = (0..200).map(|_| pause(conflicts, round_trip));
            pauses.max().unwrap_or_default()
        };
        let (near, far) = (Duration::from_micros(50), Duration::from_millis(50));
        assert!(longest(0, near) <= PAUSE);
        assert!(longest(30, near) <= MAX_PAUSE);
        assert!(longest(30, near) > MAX_PAUSE / 2);
        assert!(longest(0, far) > far / 2 && longest(0, far) <= far);
        assert!(longest(30, far) > far * 8 && longest(30, far) <= far * MAX_ROUND_TRIPS);
    }
}
