//! Options of a consumer.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ArgSink, Frame};

use super::membership::Membership;
use super::{Client, Consumer, Running};
use crate::client::lease::SLICE;
use crate::command::{Builder, CommandOptions};
use crate::commands::{GroupRead, ReadAfter, XReadGroupOptions};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::key::{ToKey, ToKeys};
use crate::options::Bounded;

/// Policy for entries that were deleted while they were pending, by XDEL or by trimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DeletedEntries {
    /// The consumer acknowledges them and does not yield them.
    #[default]
    Acknowledge,
    /// The consumer yields them as [deliveries](crate::Delivery::is_deleted) without fields.
    Yield,
}

/// Options of a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) count: u64,
    pub(super) block: Duration,
    pub(super) min_idle: Option<Duration>,
    pub(super) claim_interval: Duration,
    pub(super) start: ReadAfter,
    pub(super) deleted: DeletedEntries,
    pub(super) drain_timeout: Duration,
    pub(super) retry_delay: Option<Duration>,
    pub(super) max_deliveries: Option<u64>,
}

impl Settings {
    /// Every duration among them. A field that is added must be named here before this compiles.
    fn durations(&mut self) -> [Bounded<'_>; 5] {
        let Self {
            count: _,
            block,
            min_idle,
            claim_interval,
            start: _,
            deleted: _,
            drain_timeout,
            retry_delay,
            max_deliveries: _,
        } = self;
        [
            // The command checks the server's limits.
            Bounded::timer("block", block).or_zero(),
            Bounded::timer("min_idle", min_idle.as_mut()).or_zero(),
            Bounded::timer("claim_interval", claim_interval),
            Bounded::timer("drain_timeout", drain_timeout).or_zero(),
            Bounded::timer("retry_delay", retry_delay.as_mut()).or_zero(),
        ]
    }
}

/// Options of a [`Consumer`]. See [`Client::consumer`](crate::Client::consumer).
#[must_use = "nothing is read until the consumer is built and polled"]
pub struct ConsumerBuilder {
    client: Client,
    group: Bytes,
    name: Bytes,
    streams: Vec<Bytes>,
    dead_letter: Option<Bytes>,
    stop_when: Option<Running<()>>,
    settings: Settings,
}

impl ConsumerBuilder {
    pub(super) fn new(client: Client, group: &[u8], name: &[u8], streams: &impl ToKeys) -> Self {
        let mut keys = Keys(Vec::new());
        streams.write_keys(&mut keys);
        Self {
            client,
            group: Bytes::copy_from_slice(group),
            name: Bytes::copy_from_slice(name),
            streams: keys.0,
            dead_letter: None,
            stop_when: None,
            settings: Settings {
                count: 100,
                block: SLICE,
                min_idle: Some(Duration::from_secs(60)),
                claim_interval: Duration::from_secs(30),
                start: ReadAfter::Id(crate::StreamId::MIN),
                deleted: DeletedEntries::default(),
                drain_timeout: Duration::from_secs(30),
                retry_delay: None,
                max_deliveries: None,
            },
        }
    }

    /// Sets the maximum number of entries per read and stream, which bounds the buffer. At least 1;
    /// default 100.
    ///
    /// A consumer first reads 10 entries, then as many as the application processes in about a
    /// second. So a slow consumer does not keep entries in its buffer that an idle one could
    /// process, and a fast one needs few reads, each of which is a write on SwarmKeyDb.
    pub const fn count(mut self, count: u64) -> Self {
        self.settings.count = count;
        self
    }

    /// Sets how long one read may block on the server. More than zero; default 2 s, to which longer
    /// times are lowered.
    ///
    /// The next read follows, so this does not limit how long [`next`](Consumer::next) waits, but
    /// [`stop`](Consumer::stop) may take this long.
    pub const fn block(mut self, time: Duration) -> Self {
        self.settings.block = time;
        self
    }

    /// Sets how long an entry may be pending for another consumer before this one claims it.
    /// Default 60 s. `None` and [`Duration::MAX`] disable claiming.
    ///
    /// Set it well above the time that processing takes: an entry that is still being processed
    /// after this time is delivered twice.
    pub fn min_idle(mut self, time: impl Into<Option<Duration>>) -> Self {
        // Times beyond the server's range mean never.
        let countable = |time: &Duration| i64::try_from(time.as_millis()).is_ok();
        self.settings.min_idle = time.into().filter(countable);
        self
    }

    /// Sets the interval between searches for entries to claim. At least 1 ms; default 30 s.
    pub const fn claim_interval(mut self, time: Duration) -> Self {
        self.settings.claim_interval = time;
        self
    }

    /// Sets the position of a group that the consumer creates: after an ID, or
    /// ([`ReadAfter::Last`]) after the last entry when the consumer starts. Default: before the
    /// first entry. If the group is destroyed later, the consumer creates it again at the same
    /// position.
    pub fn start_from(mut self, start: impl Into<ReadAfter>) -> Self {
        self.settings.start = start.into();
        self
    }

    /// Sets the policy for entries that were deleted while they were pending. Default
    /// [`DeletedEntries::Acknowledge`].
    pub const fn deleted_entries(mut self, policy: DeletedEntries) -> Self {
        self.settings.deleted = policy;
        self
    }

    /// Sets how long a stopped consumer waits until its deliveries are acknowledged or dropped.
    /// Default 30 s. Zero does not wait. Entries that are not acknowledged by then stay pending.
    pub const fn drain_timeout(mut self, time: Duration) -> Self {
        self.settings.drain_timeout = time;
        self
    }

    /// Sets the delay after which this consumer redelivers an entry whose delivery was dropped
    /// without an acknowledgment, for example because processing failed. Default: after
    /// [`min_idle`](Self::min_idle), to any consumer.
    ///
    /// The two settings serve different purposes: `retry_delay` is the delay between attempts of a
    /// running consumer, and `min_idle` decides when a consumer that does not acknowledge its
    /// entries counts as crashed. [`Delivery::nack`](crate::Delivery::nack) sets the delay for one
    /// entry.
    pub const fn retry_delay(mut self, time: Duration) -> Self {
        self.settings.retry_delay = Some(time);
        self
    }

    /// Sets how often an entry is delivered before the consumer moves it to the
    /// [dead-letter stream](Self::dead_letter), which this option requires. Default: without limit.
    ///
    /// The limit applies to each entry by itself. The consumer claims pending entries one at a
    /// time, each when [`next`](Consumer::next) returns it, so a crash while one entry is being
    /// processed does not count against the others.
    ///
    /// The exception is the first delivery: the server counts it when the entry is read, even if
    /// the entry then only waits in the buffer of a consumer that crashes. Such an entry is
    /// processed one time less. With `count(1)` and one stream, the count is exact, at the cost of
    /// one read per entry; a limit of 1 requires that. A lost reply may count as a delivery, too.
    ///
    /// All consumers of the group should use the same limit. This works on SwarmKeyDb and on Redis
    /// (6.2 or later).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_keydb::{Client, DeadLetter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.xadd("orders", [("count", "many")]).await?;
    /// let mut consumer = client
    ///     .consumer("billing", "worker-1", "orders")
    ///     .max_deliveries(3)
    ///     .dead_letter("orders:dead")
    ///     .build()?;
    /// # let (dead, stop) = (client.clone(), consumer.stop_handle());
    /// # tokio::spawn(async move {
    /// #     while dead.xlen("orders:dead").await.unwrap() == 0 {
    /// #         tokio::task::yield_now().await;
    /// #     }
    /// #     stop.stop();
    /// # });
    /// while let Some(delivery) = consumer.next().await {
    ///     let delivery = delivery?;
    ///     match delivery.fields.get_as::<u32>("count") {
    ///         Ok(_count) => delivery.ack().await?,
    ///         Err(error) => delivery.nack_with(Duration::from_millis(1), error),
    ///     }
    /// }
    /// let dead = client.xrange("orders:dead", ..).await?;
    /// let letter = DeadLetter::from_fields(&dead[0].fields).unwrap();
    /// assert_eq!(letter.deliveries, 3);
    /// assert!(letter.error.unwrap().contains("integer"));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn max_deliveries(mut self, deliveries: u64) -> Self {
        self.settings.max_deliveries = Some(deliveries);
        self
    }

    /// Sets the stream for entries that were delivered too often
    /// ([`max_deliveries`](Self::max_deliveries)) or that cannot be processed at all
    /// ([`Delivery::dead_letter`](crate::Delivery::dead_letter)). See [`DeadLetter`] for its
    /// fields.
    ///
    /// The consumer writes the entry there, and then acknowledges it. If it crashes in between, the
    /// entry is written again: it may be there twice but is never lost.
    ///
    /// [`DeadLetter`]: crate::DeadLetter
    pub fn dead_letter(mut self, stream: impl ToKey) -> Self {
        self.dead_letter = Some(Bytes::copy_from_slice(&stream.to_key()));
        self
    }

    /// Stops the consumer gracefully when a future completes, such as `tokio::signal::ctrl_c()`.
    /// See [`Consumer::stop`]. The future runs while the consumer is polled.
    pub fn stop_when<F>(mut self, signal: F) -> Self
    where
        F: Future + Send + 'static,
    {
        self.stop_when = Some(Box::pin(async move {
            signal.await;
        }));
        self
    }

    /// Creates the consumer. It sends nothing before it is polled.
    ///
    /// # Errors
    ///
    /// If an option is invalid, a stream is named twice, or no server could accept a name.
    pub fn build(self) -> Result<Consumer> {
        let mut settings = self.settings;
        for duration in settings.durations() {
            duration.settle()?;
        }
        // Validates the read that the consumer will repeat.
        let options = XReadGroupOptions::new().count(settings.count);
        let options = options.block(settings.block);
        options.validate()?;
        let streams = self.streams.iter().map(|key| (key, GroupRead::New));
        let mut read = Builder::new("XREADGROUP")
            .echoed(&self.group)
            .echoed(&self.name)
            .streams::<GroupRead, _>(streams)
            .build::<Frame>();
        if let Some(refused) = read.take_rejection() {
            return Err(refused);
        }
        // The connection checks each read when it is sent. If the kind of server is already known,
        // check the read here, before any group is created.
        if let Some(server) = self.client.shared.factory.target.settings.learned.profile() {
            let checked = server.check_marks(read.builder.marks);
            checked.map_err(|reason| {
                Error::from_failure(Failure::Unsupported(reason)).for_command("XREADGROUP".into())
            })?;
        }
        self.check_dead_letters()?;
        let mut keys: Vec<_> = self.streams.iter().collect();
        keys.sort();
        keys.dedup();
        if keys.len() < self.streams.len() {
            return Err(Error::config("a stream is named twice; name each once"));
        }
        let membership = Membership::new(
            self.client,
            self.group,
            self.name,
            self.streams,
            self.dead_letter,
            settings,
        );
        Ok(Consumer::new(membership, self.stop_when))
    }

    fn check_dead_letters(&self) -> Result<()> {
        let settings = &self.settings;
        if let Some(key) = &self.dead_letter {
            let mut write = Builder::new("XADD").key(key).build::<Frame>();
            if let Some(refused) = write.take_rejection() {
                return Err(refused);
            }
            if self.streams.contains(key) {
                return Err(Error::config(
                    "dead_letter names a stream of the consumer; name another one",
                ));
            }
        } else if settings.max_deliveries.is_some() {
            return Err(Error::config(
                "max_deliveries needs a stream for the entries; set dead_letter",
            ));
        }
        match settings.max_deliveries {
            Some(0) => Err(Error::config("max_deliveries is 0; give it at least 1")),
            Some(1) if settings.count > 1 || self.streams.len() > 1 => Err(Error::config(
                "max_deliveries is 1, which also counts entries that a crashed consumer had only \
                 buffered; raise it to 2, or set count to 1 and consume a single stream",
            )),
            _ => Ok(()),
        }
    }
}

/// Collects arguments as keys.
struct Keys(Vec<Bytes>);

impl ArgSink for Keys {
    fn arg(&mut self, key: &[u8]) {
        self.0.push(Bytes::copy_from_slice(key));
    }
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("streams", &self.streams.len())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientOptions, ErrorKind};

    type Set = fn(ConsumerBuilder, Duration) -> ConsumerBuilder;

    /// The setter of every duration. [`Settings::durations`] does not compile without a new field,
    /// and the test below fails without its setter.
    const SETTERS: [(&str, Set); 5] = [
        ("block", ConsumerBuilder::block),
        ("min_idle", |builder, value| builder.min_idle(value)),
        ("claim_interval", ConsumerBuilder::claim_interval),
        ("drain_timeout", ConsumerBuilder::drain_timeout),
        ("retry_delay", ConsumerBuilder::retry_delay),
    ];

    /// Catches durations without a bound, which would fail late, without the option's name, or by a
    /// panic.
    #[tokio::test]
    async fn every_duration_works_or_is_refused_by_name() {
        let gateway = swarm_gateway::test().await.unwrap();
        let client = Client::connect(ClientOptions::new(gateway.ws_url()))
            .await
            .unwrap();
        let builder = || client.consumer("group", "me", "jobs");
        let mut settings = builder().settings;
        assert_eq!(settings.durations().len(), SETTERS.len());
        for (option, set) in SETTERS {
            for value in [Duration::ZERO, Duration::from_nanos(1)] {
                match set(builder(), value).build() {
                    Ok(_) => assert_ne!(option, "claim_interval"),
                    Err(error) => {
                        assert!(matches!(
                            error.kind(),
                            ErrorKind::Config | ErrorKind::Argument
                        ));
                        assert!(error.to_string().contains(option), "{option}: {error}");
                    }
                }
            }
            for value in [Duration::from_secs(u64::MAX / 2), Duration::MAX] {
                client.xadd("jobs", [("k", "v")]).await.unwrap();
                let mut consumer = set(builder(), value).build().unwrap();
                let delivery = consumer.next().await.unwrap().unwrap();
                delivery.ack().await.unwrap();
            }
        }
    }
}
