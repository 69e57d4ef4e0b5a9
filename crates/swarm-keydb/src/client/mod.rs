//! The handle that applications hold.

mod auth;
mod close;
mod consumer;
mod exclusive;
mod lease;
mod pipeline;
mod queue;
mod reply;
mod scan;
mod subscribe;
mod transact;
mod transaction;

use std::sync::Arc;

use swarm_transport::Connect;
use tokio::sync::oneshot;

pub use close::Closed;
pub use consumer::{Consumer, ConsumerBuilder, DeletedEntries, Delivery, StopHandle};
pub use exclusive::Exclusive;
pub use pipeline::Pipeline;
pub use queue::{Handles, Queued};
pub use reply::Reply;
pub use scan::ScanStream;
#[cfg(feature = "blocking")]
pub(crate) use transact::Attempts;
pub use transaction::Transaction;

use consumer::AckQueues;
use queue::Queue;

use crate::command::{Blocking, Command, Executor};
use crate::commands::{ScanOptions, Use, vet};
use crate::error::{Error, Result};
use crate::options::ClientOptions;
use crate::options::ConnectionFactory;
use crate::pubsub::Subscriptions;
use crate::request_reply::{Availability, Mailbox, RequestReply, Role, Started};
use crate::status::{State, StateWatch, Stats};
use crate::tasks::Tasks;
use lease::Leases;

/// A client of one server: cheap to clone, shared by any number of tasks.
///
/// All clones share one connection. Commands of many tasks travel pipelined; each gets its own reply, also when others
/// time out or are cancelled. When the connection is lost it is made again, and commands wait for it until
/// their timeout; one that was under way is sent again only if it merely reads.
///
/// The connection ends when [`close`](Self::close) is called or the last clone is dropped; one that owes a reply to a command that writes
/// stays open in the background until the reply comes: see [`ClientOptions::drain_timeout`](crate::ClientOptions::drain_timeout). What subscriptions hear comes
/// over another, which ends with the last of them or when `close` is called.
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
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What all clones of a client share.
#[derive(Debug)]
struct Shared {
    /// The connection that commands share.
    mailbox: Mailbox,
    /// How further connections are made: for what needs one of its own.
    factory: Arc<ConnectionFactory>,
    /// Connections that one task has to itself for a while.
    leases: Arc<Leases>,
    /// The connections that subscriptions hear from.
    subscriptions: Subscriptions,
    /// What consumers have to acknowledge.
    acks: AckQueues,
    /// How the shared connection is.
    availability: Availability,
}

impl Client {
    /// Connects to a server: to a URL, or with [`ClientOptions`].
    ///
    /// All tasks of the client run in the tokio runtime that this is called in, whoever calls its methods later. While nothing drives
    /// that runtime (one of a single thread, outside `block_on`), nothing is sent and no timeout passes, not even for callers in
    /// another runtime.
    ///
    /// **Errors:** when an option makes no sense, there is no tokio runtime, the server cannot be reached, or it refuses the password. Nothing goes on in
    /// the background after an error.
    ///
    /// **Cancel safety:** dropping the future gives the attempt up.
    pub async fn connect(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into().settled()?;
        let target = options.target()?;
        Self::start(ConnectionFactory::new(target, options, Tasks::current()?)).await
    }

    /// Connects through a transport of the caller's own: see [`swarm_transport`]. The options' URL is not
    /// looked at.
    ///
    /// **Errors** and **cancel safety:** as [`connect`](Self::connect).
    ///
    /// ```
    /// use swarm_transport::{BoxTransport, memory};
    /// use swarm_keydb::{Client, Frame, ClientOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> swarm_keydb::Result<()> {
    /// // A server in a few lines: it greets, and knows ECHO alone.
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
        Self::start(ConnectionFactory::new(target, options, Tasks::current()?)).await
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

    /// A client that connects in the background, and again until it succeeds. Commands wait for the connection until
    /// their timeout. For services that must start while their server is down.
    ///
    /// Must be called within a tokio runtime, in which all tasks of the client run.
    ///
    /// **Errors:** when an option makes no sense, or there is no tokio runtime.
    pub fn connect_lazy(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into().settled()?;
        let target = options.target()?;
        Self::spawn(
            ConnectionFactory::new(target, options, Tasks::current()?),
            None,
        )
    }

    fn spawn(factory: ConnectionFactory, started: Option<Started>) -> Result<Self> {
        let factory = Arc::new(factory);
        let mailbox = RequestReply::spawn(&factory, Role::Shared, started);
        let availability =
            Availability::new(Arc::clone(mailbox.status()), factory.target.login.clone());
        let shared = Shared {
            mailbox,
            leases: Leases::new(Arc::clone(&factory), availability.clone()),
            subscriptions: Subscriptions::new(availability.clone()),
            acks: AckQueues::default(),
            availability,
            factory,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Many commands in the time of one reply, each with a result of its own: see [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.queue())
    }

    /// Begins a transaction: commands that are sent together between `MULTI` and `EXEC`. See [`Transaction`].
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.queue())
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.shared.factory.tasks
    }

    fn queue(&self) -> Queue {
        let timeout = self.shared.factory.options.request_timeout;
        Queue::new(self.shared.mailbox.clone(), timeout)
    }

    /// All keys that match, as a stream that asks for page after page.
    ///
    /// A key may come twice when others write meanwhile; one that is there all the time comes at least once. SwarmKeyDb is
    /// an exception: if keys are deleted during the scan, it skips others. There, collect the keys before you delete them.
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

    /// As [`scan_stream`](Self::scan_stream), from where an earlier stream stopped: its [`cursor`](ScanStream::cursor).
    pub fn scan_stream_from(&self, cursor: u64, options: ScanOptions) -> ScanStream {
        ScanStream::new(self.clone(), options, cursor)
    }

    /// The state of the connection.
    pub fn state(&self) -> State {
        self.shared.mailbox.status().watch().get()
    }

    /// Follows the state of the connection.
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
        self.shared.mailbox.status().watch()
    }

    /// Figures of this moment, for all clones together: commands under way, reconnects, how long replies take.
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.mailbox.stats();
        stats.dedicated = self.shared.leases.stats();
        stats.subscriptions = self.shared.subscriptions.open();
        stats
    }
}

impl Executor for Client {
    /// A future of the reply. The command is sent when it is first polled.
    type Output<R> = Reply<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Reply<R> {
        vet(&mut command, Use::Shared);
        let shared = &self.shared;
        let blocks = command.draft.blocking != Blocking::No;
        let reply = Reply::new(
            shared.mailbox.clone(),
            command,
            shared.factory.options.request_timeout,
        );
        if blocks {
            reply.on_a_lease(&shared.leases)
        } else {
            reply
        }
    }
}
