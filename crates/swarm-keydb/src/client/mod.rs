//! Async client: a handle that tasks share.

mod auth;
mod bulk;
mod by_digest;
#[cfg(feature = "cache")]
mod cache;
mod close;
mod consumer;
mod exclusive;
mod lease;
mod pipeline;
mod queue;
mod reply;
mod running;
mod scan;
mod subscribe;
#[cfg(test)]
mod tests;
mod transact;
mod transaction;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "cluster")]
use swarm_resp::Frame;
use swarm_transport::Connect;
use tokio::sync::oneshot;

pub use bulk::Bulk;
#[cfg(feature = "cache")]
pub use cache::{CacheOptions, CacheStats, Cached, CachedReply};
pub use close::Closed;
pub use consumer::{Consumer, ConsumerBuilder, DeadLetter, DeletedEntries, Delivery, StopHandle};
pub use exclusive::Exclusive;
#[cfg(feature = "cluster")]
pub(crate) use lease::TimeLimits;
pub use pipeline::Pipeline;
pub use queue::{Handles, Queued};
#[cfg(feature = "cluster")]
pub(crate) use queue::{Replies, next_id, refusal};
pub use reply::Reply;
#[cfg(feature = "cluster")]
pub(crate) use running::Running;
pub use scan::{ElementStream, ScanStream};
#[cfg(feature = "blocking")]
pub(crate) use transact::Attempts;
pub use transaction::Transaction;
#[cfg(feature = "cluster")]
pub(crate) use transaction::{decode as decode_transaction, transaction_marks};

use by_digest::ByDigest;
use consumer::{AckQueues, Consumers};
use queue::Queue;

use crate::command::{Blocking, Command, Executor};
use crate::commands::{ScanOptions, Use, vet};
use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::options::ClientOptions;
use crate::pubsub::Subscriptions;
use crate::request_reply::{Availability, ConnectionHandle, Dedicated, RequestReply, Started};
#[cfg(feature = "cluster")]
use crate::request_reply::{Requests, Retry};
use crate::runtime::Tasks;
use crate::status::{State, StateWatch, Stats};
use lease::Leases;

/// Async client of one server. Cheap to clone; any number of tasks may share it.
///
/// All clones pipeline their commands over one connection, or over several where the server runs
/// the commands of one connection one after another. Commands that name a common key stay in order:
/// see [connections and order](crate::guide::connections). Each command gets its own reply, even if
/// others time out or are cancelled. If a connection is lost, the client reconnects; commands wait
/// for the new connection within their timeout. The client resends a command that was in flight
/// only if the command is read-only.
///
/// The connections close when [`close`](Self::close) is called or the last clone is dropped. While
/// a reply to a write is pending, its connection stays open in the background, for at most
/// [`drain_timeout`](crate::ClientOptions::drain_timeout). Subscriptions use a separate connection,
/// which closes after the last of them ends or when `close` is called.
///
/// # Examples
///
/// ```
/// use swarm_keydb::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let url = gateway.ws_url();
/// let client = Client::connect(url).await?;
/// client.set("hello", "world").await?;
/// assert_eq!(client.get("hello").await?.as_deref(), Some(b"world".as_slice()));
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What all clones of a client share.
struct Shared {
    /// The shared connection for commands.
    connection: ConnectionHandle,
    /// Opens further connections: dedicated ones and those of subscriptions.
    factory: Arc<ConnectionFactory>,
    /// Pool of dedicated connections.
    leases: Arc<Leases>,
    /// Connections of subscriptions.
    subscriptions: Subscriptions,
    /// Pending acknowledgments of consumers.
    acks: AckQueues,
    /// Consumers, to stop them together.
    consumers: Consumers,
    /// Whether the shared connection can be used.
    availability: Availability,
}

impl Client {
    /// Connects to a server given by a URL or by [`ClientOptions`].
    ///
    /// All tasks of the client run in the current tokio runtime, whichever runtime later calls its
    /// methods. While nothing drives that runtime (such as a current-thread runtime outside
    /// `block_on`), the client sends nothing and no timeout expires, even for callers in another
    /// runtime.
    ///
    /// # Errors
    ///
    /// - Kind [`Config`](crate::ErrorKind::Config) if an option is invalid or there is no tokio
    ///   runtime.
    /// - Kind [`Connection`](crate::ErrorKind::Connection) if the server cannot be reached.
    /// - Kind [`Auth`](crate::ErrorKind::Auth) if the server rejects the credentials.
    ///
    /// After an error, nothing continues in the background.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client abandons the attempt.
    pub async fn connect(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into().settled()?;
        let target = options.target()?;
        Self::start(ConnectionFactory::new(
            target,
            options,
            Tasks::current().map_err(Error::config)?,
        ))
        .await
    }

    /// Connects through a custom transport: see [`swarm_transport`].
    ///
    /// Of the options, the client ignores the URL with its credentials, the
    /// [transport options](ClientOptions::transport) and the
    /// [HTTP fallback](ClientOptions::fallback). It detects the server as on any other connection.
    ///
    /// # Errors
    ///
    /// The errors of [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client abandons the attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_transport::{BoxTransport, memory};
    /// use swarm_keydb::{Client, Frame, ClientOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> swarm_keydb::Result<()> {
    /// // A minimal server that supports only ECHO.
    /// let connect = || async {
    ///     let (transport, peer) = memory::pair();
    ///     tokio::spawn(peer.serve(|request| match request.args().nth(1) {
    ///         Some(text) if request.name() == b"ECHO" => Frame::bulk(text.to_vec()),
    ///         _ => Frame::error("ERR unknown command"),
    ///     }));
    ///     Ok(Box::new(transport) as BoxTransport)
    /// };
    /// let client = Client::connect_with(connect, ClientOptions::default()).await?;
    /// assert_eq!(client.raw("ECHO", "hello").await?.as_str(), Some("hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_with(
        connector: impl Connect,
        options: impl Into<ClientOptions>,
    ) -> Result<Self> {
        let options = options.into().settled()?;
        let target = options.target_through(Arc::new(connector));
        Self::start(ConnectionFactory::new(
            target,
            options,
            Tasks::current().map_err(Error::config)?,
        ))
        .await
    }

    pub(crate) async fn start(factory: ConnectionFactory) -> Result<Self> {
        let (started, outcome) = oneshot::channel();
        let client = Self::spawn(factory, Some(started))?;
        match outcome.await {
            Ok(Ok(())) => Ok(client),
            Ok(Err(failure)) => Err(Error::connect(failure)),
            Err(_) => Err(Error::closed()),
        }
    }

    /// Creates a client that connects in the background and retries until it succeeds. Commands
    /// wait for the connection within their timeout. Use it in services that must start while the
    /// server is down.
    ///
    /// All tasks of the client run in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Kind [`Config`](crate::ErrorKind::Config) if an option is invalid or there is no tokio
    /// runtime.
    pub fn connect_lazy(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into().settled()?;
        let target = options.target()?;
        Self::spawn(
            ConnectionFactory::new(target, options, Tasks::current().map_err(Error::config)?),
            None,
        )
    }

    fn spawn(factory: ConnectionFactory, started: Option<Started>) -> Result<Self> {
        let factory = Arc::new(factory);
        let dedicated = Dedicated::new(Arc::clone(&factory));
        let connection = RequestReply::spawn_shared(&factory, Arc::clone(&dedicated), started);
        Self::keep_up(&factory, &connection);
        let availability = Availability::new(
            Arc::clone(connection.status()),
            factory.target.login.clone(),
        );
        let shared = Shared {
            connection,
            leases: Leases::new(Arc::clone(&factory), dedicated, availability.clone()),
            subscriptions: Subscriptions::new(availability.clone()),
            acks: AckQueues::default(),
            consumers: Consumers::default(),
            availability,
            factory,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Runs what the connector does between attempts to connect.
    fn keep_up(factory: &ConnectionFactory, connection: &ConnectionHandle) {
        if !cfg!(feature = "failover") {
            return;
        }
        if let Some(upkeep) = factory.target.connector.upkeep() {
            let mut state = connection.status().watch();
            factory.tasks.spawn(async move {
                tokio::select! {
                    () = upkeep => {}
                    _closed = state.reached(State::Closed) => {}
                }
            });
        }
    }

    /// Creates a pipeline: commands that are sent together, each with its own result. See
    /// [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.queue())
    }

    /// Creates a bulk: independent commands, each with its own result, over all connections. See
    /// [`Bulk`].
    pub fn bulk(&self) -> Bulk {
        let timeout = self.shared.factory.options.request_timeout;
        Bulk::new(self.shared.connection.clone(), timeout)
    }

    /// Creates a transaction: commands that are sent together between `MULTI` and `EXEC`. See
    /// [`Transaction`].
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.queue())
    }

    /// Returns the shared connection.
    #[cfg(feature = "cluster")]
    pub(crate) fn connection(&self) -> &ConnectionHandle {
        &self.shared.connection
    }

    /// Runs a blocking command on a leased connection.
    #[cfg(feature = "cluster")]
    pub(crate) async fn run_blocking(
        &self,
        requests: Requests,
        limits: TimeLimits,
        retry: Retry,
    ) -> Result<Frame> {
        let via = lease::Via::Pool(Arc::clone(&self.shared.leases));
        let call = lease::BlockingCall {
            via,
            requests,
            limits,
            retry,
        };
        call.run().await
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.shared.factory.tasks
    }

    fn queue(&self) -> Queue {
        let timeout = self.shared.factory.options.request_timeout;
        Queue::new(self.shared.connection.clone(), timeout)
    }

    /// Returns a stream of all keys that match, which requests one page after another.
    ///
    /// The stream may yield a key twice if keys are written during the scan. A key that exists
    /// throughout is yielded at least once, except on SwarmKeyDb: if keys are deleted during the
    /// scan, SwarmKeyDb skips others. There, collect the keys before you delete them.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::{Client, ScanOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.mset([("user:1", "ann"), ("user:2", "bob"), ("other", "")]).await?;
    /// let mut keys = client.scan_stream(ScanOptions::new().matching("user:*"));
    /// let mut found = 0;
    /// while let Some(key) = keys.next().await {
    ///     assert!(key?.starts_with(b"user:"));
    ///     found += 1;
    /// }
    /// assert_eq!(found, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan_stream(&self, options: ScanOptions) -> ScanStream {
        self.scan_stream_from(0, options)
    }

    /// Like [`scan_stream`](Self::scan_stream), but resumes at the [`cursor`](ScanStream::cursor)
    /// of an earlier stream.
    pub fn scan_stream_from(&self, cursor: u64, options: ScanOptions) -> ScanStream {
        ScanStream::new(self.clone(), options, cursor)
    }

    /// Returns the state of the shared connection.
    pub fn state(&self) -> State {
        self.shared.connection.status().watch().get()
    }

    /// Returns a watcher of the state of the shared connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{Client, State};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// let client = Client::connect_lazy(gateway.ws_url())?;
    /// let mut states = client.watch_state();
    /// assert!(states.reached(State::Connected).await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_state(&self) -> StateWatch {
        self.shared.connection.status().watch()
    }

    /// Returns current statistics of the client, summed over all clones: commands in flight,
    /// reconnects, round-trip times.
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.connection.stats();
        stats.dedicated = self.shared.leases.stats();
        stats.subscriptions = self.shared.subscriptions.open();
        stats.dropped_messages = self.shared.subscriptions.dropped_messages();
        stats
    }
}

impl fmt::Debug for Client {
    /// Shows the address without the password, and the state of the shared connection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.shared.connection.status().address();
        f.debug_struct("Client")
            .field("address", &address.as_deref().unwrap_or("custom"))
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Executor for Client {
    /// A future that resolves to the reply. The command is sent when the future is first polled.
    type Output<R> = Reply<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Reply<R> {
        vet(&mut command, Use::Shared);
        let shared = &self.shared;
        let digest = command.builder.digest.take();
        let blocks = command.builder.blocking != Blocking::No;
        let reply = Reply::new(
            shared.connection.clone(),
            command,
            shared.factory.options.request_timeout,
        );
        if let Some(digest) = digest {
            let learned = &shared.factory.target.settings.learned;
            return reply.by_digest(ByDigest::new(digest, learned));
        }
        if blocks {
            reply.on_leased_connection(&shared.leases)
        } else {
            reply
        }
    }
}
