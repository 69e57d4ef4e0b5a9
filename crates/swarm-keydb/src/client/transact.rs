//! Optimistic transactions: read, decide, write, and retry after a conflict.

use std::time::Duration;

use swarm_resp::Request;

use super::{Client, Exclusive};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ToKeys;
use crate::request_reply::MAX_ATTEMPTS;
use crate::runtime::{Instant, sleep};

/// Maximum delay before the first retry, or one round trip if that is longer. Doubles with each
/// further retry.
const FIRST_DELAY: Duration = Duration::from_micros(200);

/// Upper limit of the delay before a retry, or [`MAX_ROUND_TRIPS`] round trips if that is longer.
const MAX_DELAY: Duration = Duration::from_millis(20);

/// Number of round trips that the delay before a retry may take. An attempt takes at least three,
/// and fails if a contender writes in between.
const MAX_ROUND_TRIPS: u32 = 16;

/// Minimum number of attempts, unless `transact_attempts` is set.
const MIN_ATTEMPTS: u32 = 16;

impl Client {
    /// Runs an optimistic transaction: watches keys, reads, decides, writes, and retries after a
    /// conflict.
    ///
    /// Redis, Valkey and KeyDB detect every conflict. **SwarmKeyDb does not:** clients that write
    /// at the same time lose updates there, although each call returns `Ok`, and changes by HTTP,
    /// scripts and expiry are never detected. See [what each server
    /// guarantees](crate::guide::guarantees).
    ///
    /// The tasks of one client lose nothing there: while `attempt` runs, commands and transactions
    /// of this client that write a watched key wait. So inside `attempt`, write watched keys only
    /// through its handle: a write through the client would wait for `attempt` to end, until its
    /// timeout.
    ///
    /// The client leases a dedicated connection, watches the keys and calls `attempt`, which reads
    /// through the handle it is given, queues its writes in a
    /// [`transaction`](Exclusive::transaction) of that handle and runs them with
    /// [`exec`](crate::Transaction::exec). If one of the keys changed meanwhile, nothing is
    /// written, and the client calls `attempt` again after a delay that grows with the round-trip
    /// time, up to [`transact_attempts`](crate::ClientOptions::transact_attempts) times. `attempt`
    /// must have no side effects that cannot be repeated. It may return without `exec`, which
    /// writes nothing.
    ///
    /// Returns what the last call of `attempt` returned. If that is `Ok` after an `exec`, the
    /// transaction is committed.
    ///
    /// # Errors
    ///
    /// - Kind [`Conflict`](ErrorKind::Conflict) if the keys changed in every attempt.
    /// - The errors of [`exclusive`](Self::exclusive) if no connection can be leased.
    /// - Any error that `attempt` returns; [`Transaction`](crate::Transaction) lists those of
    ///   `exec`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transaction may run; either all of its commands are sent or
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.set("ann", 5).await?;
    /// let paid = client
    ///     .transact(["ann", "bob"], async |conn| {
    ///         let money: i64 = conn.get_as("ann").await?.unwrap_or(0);
    ///         if money < 3 {
    ///             return Ok(false);
    ///         }
    ///         let tx = conn.transaction();
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
    /// On a spawned task, make `attempt` own what it needs with `async move`. For a closure that
    /// borrows, the compiler cannot prove that the future is `Send` ("implementation of `Send` is
    /// not general enough").
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
    ///         .transact(watched, async move |conn| {
    ///             let stock: i64 = conn.get_as(&key).await?.unwrap_or(0);
    ///             let tx = conn.transaction();
    ///             let set = tx.set(&key, stock - amount);
    ///             tx.exec(set).await?
    ///         })
    ///         .await
    /// }
    /// tokio::spawn(take(client, "stock".to_owned(), 2)).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn transact<T>(
        &self,
        keys: impl ToKeys,
        mut attempt: impl AsyncFnMut(&mut Exclusive) -> Result<T>,
    ) -> Result<T> {
        let mut attempts = Attempts::new(self.clone(), keys);
        loop {
            let mut conn = attempts.begin().await?;
            let result = attempt(&mut conn).await;
            if let Some(result) = attempts.settle(conn, result).await {
                return result;
            }
        }
    }
}

/// Attempts of one optimistic transaction.
pub(crate) struct Attempts<K> {
    client: Client,
    keys: K,
    /// Connection of an attempt that failed with a conflict.
    reused: Option<Exclusive>,
    /// Number of connections lost before anything was written.
    lost: u8,
    conflicts: u32,
    /// Start of the first attempt.
    began: Instant,
    /// Round-trip time of the last WATCH.
    round_trip: Duration,
}

impl<K: ToKeys> Attempts<K> {
    pub(crate) fn new(client: Client, keys: K) -> Self {
        Self {
            client,
            keys,
            reused: None,
            lost: 0,
            conflicts: 0,
            began: Instant::now(),
            round_trip: Duration::ZERO,
        }
    }

    /// Returns a connection on which the keys are watched.
    pub(crate) async fn begin(&mut self) -> Result<Exclusive> {
        let mut watch = Request::builder("WATCH");
        self.keys.write_keys(&mut watch);
        let watch = watch.build();
        let target = &self.client.shared.factory.target;
        target.check(watch.view()).map_err(Error::from_failure)?;
        loop {
            let mut conn = match self.reused.take() {
                Some(conn) => conn,
                None => self.client.exclusive().await?,
            };
            // After the lease, so that whoever holds keys never waits for a connection.
            conn.hold_keys(&self.client, &watch).await?;
            let started = Instant::now();
            match conn.watch(&self.keys).await {
                Ok(()) => {
                    self.round_trip = started.elapsed();
                    return Ok(conn);
                }
                // Nothing was written yet, so a retry on another connection is safe.
                Err(error) if error.is_connection() && self.lost < MAX_ATTEMPTS => self.lost += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn may_retry(&self) -> bool {
        let options = &self.client.shared.factory.options;
        let attempts = self.conflicts.saturating_add(1);
        match options.transact_attempts {
            Some(max) => attempts < max,
            None => attempts < MIN_ATTEMPTS || self.began.elapsed() < options.request_timeout,
        }
    }

    /// Returns the final result, or `None` after a conflict that may be retried.
    pub(crate) async fn settle<T>(
        &mut self,
        mut conn: Exclusive,
        result: Result<T>,
    ) -> Option<Result<T>> {
        match result {
            Err(error) if error.kind() == ErrorKind::Conflict && self.may_retry() => {
                self.conflicts += 1;
                conn.release_keys();
                let delay = {
                    let _context = self.client.shared.factory.tasks.timers();
                    sleep(delay_after(self.conflicts, self.round_trip))
                };
                delay.await;
                self.reused = Some(conn);
                None
            }
            result => {
                if result.is_ok() && conn.is_watching() {
                    // Lets the connection return to the pool. If UNWATCH fails, the pool closes it.
                    let _best_effort = conn.unwatch().await;
                }
                Some(result)
            }
        }
    }
}

/// Returns the delay after this many conflicts: random, so that contenders do not collide again.
fn delay_after(conflicts: u32, round_trip: Duration) -> Duration {
    let max = MAX_DELAY.max(round_trip.saturating_mul(MAX_ROUND_TRIPS));
    let first = FIRST_DELAY.max(round_trip);
    let longest = first.saturating_mul(1 << conflicts.min(10)).min(max);
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_grow_with_conflicts_and_round_trips() {
        let longest = |conflicts, round_trip| {
            let delays = (0..200).map(|_| delay_after(conflicts, round_trip));
            delays.max().unwrap_or_default()
        };
        let (near, far) = (Duration::from_micros(50), Duration::from_millis(50));
        assert!(longest(0, near) <= FIRST_DELAY);
        assert!(longest(30, near) <= MAX_DELAY);
        assert!(longest(30, near) > MAX_DELAY / 2);
        assert!(longest(0, far) > far / 2 && longest(0, far) <= far);
        assert!(longest(30, far) > far * 8 && longest(30, far) <= far * MAX_ROUND_TRIPS);
    }
}
