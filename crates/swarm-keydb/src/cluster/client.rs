//! What a program holds: the client of a cluster.

use std::fmt;
use std::sync::Arc;

use super::address::Address;
use super::follow::Subscriptions;
use super::handle::Handle;
use super::machine::NodeId;
use super::options::Options;
use super::pipeline::Pipeline;
use super::reply::Reply;
use super::router::Router;
use super::slot::slot_of;
use super::transaction::Transaction;
use crate::command::{Command, Executor};
use crate::error::{Error, Result};
use crate::key::ToKey;

/// Async client of a Redis Cluster. Cheap to clone; any number of tasks may share it.
///
/// The client learns from any node which node owns which slots, and has one shared connection to
/// each node that it needs. Commands go to the node that owns the slot of their keys. Commands that
/// name a common key stay in order, as with [`crate::Client`], also while their slot moves.
///
/// | command | runs on |
/// |---|---|
/// | with keys of one slot | the node that owns the slot |
/// | `MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS`, `TOUCH` with keys of several slots | each of the nodes, in parts: **not atomic** |
/// | any other with keys of several slots | none: an error of kind [`Argument`](crate::ErrorKind::Argument) |
/// | `PING`, `PUBLISH`, scripts without keys, and others that any node can answer | one node |
/// | `FLUSHALL`, `FLUSHDB`, `DBSIZE`, `KEYS`, `RANDOMKEY`, `SCRIPT`, `FUNCTION LOAD` and others | all primaries, or all nodes, as Redis recommends |
/// | those that concern one node, such as `INFO` | none: use [`node`](Self::node) |
///
/// # Redirects
///
/// If a node answers that the slot has moved (`MOVED`) or is being moved (`ASK`), or that it cannot
/// run the command at the moment (`TRYAGAIN`, `CLUSTERDOWN`, `LOADING`), the command did not run.
/// The client sends it again, to the right node, within the timeout of the command. A command that
/// may have run is never sent to another node, unless it only reads or
/// [the options allow it](crate::ClientOptions::retry).
///
/// A command that was refused fails with the node's error if a later command on the same key, which
/// was sent before the refusal was known, has run meanwhile. Running the earlier one after it would
/// change the order.
///
/// # Errors
///
/// Those of [`crate::Client`]. If a command that is sent in parts fails, the error has the outcome
/// [`MayHaveRun`](crate::Outcome::MayHaveRun) if another part may have run.
#[derive(Clone)]
pub struct Client {
    pub(super) handle: Arc<Handle>,
}

impl Client {
    /// Connects to a cluster, given by a URL or by [`Options`].
    ///
    /// Asks the nodes of the URL for the topology, one after the other, until one answers. All
    /// tasks of the client run in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// - Kind [`Config`](crate::ErrorKind::Config) if an option is invalid or there is no tokio
    ///   runtime.
    /// - The error of the last node if none answers: kind
    ///   [`Connection`](crate::ErrorKind::Connection) if it cannot be reached,
    ///   [`Auth`](crate::ErrorKind::Auth) if it rejects the credentials, and
    ///   [`Server`](crate::ErrorKind::Server) if it is no node of a cluster.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client abandons the attempt.
    pub async fn connect(options: impl Into<Options>) -> Result<Self> {
        let router = Router::connect(options.into().settled()?).await?;
        let handle = Arc::new(Handle {
            router,
            subscriptions: Subscriptions::default(),
        });
        Ok(Self { handle })
    }

    /// Returns the client of the node at an address, `host:port` as the cluster announces it. See
    /// [`primaries`](Self::primaries). Its commands run on this node whatever their keys; the node
    /// answers `MOVED` for those of other nodes.
    ///
    /// # Errors
    ///
    /// Kind [`Argument`](crate::ErrorKind::Argument) if the cluster has no such node, and
    /// [`Closed`](crate::ErrorKind::Closed) if the client is closed.
    pub fn node(&self, address: &str) -> Result<crate::Client> {
        let router = &self.handle.router;
        let known = Address::parse(address);
        let known = known.and_then(|address| router.look(|machine| machine.find(&address)));
        let node = known.ok_or_else(|| {
            Error::argument("no node of the cluster has this address; see primaries and replicas")
        })?;
        router.client(node).ok_or_else(Error::closed)
    }

    /// Returns the client of the node that owns the slot of a key at the moment, for what this
    /// client does not offer: [exclusive handles](crate::Client::exclusive), [transactions with
    /// watched keys](crate::Client::transact), [consumers](crate::Client::consumer), commands of
    /// modules. That client does not follow the slot: if it moves, commands fail with `MOVED`, so
    /// they did not run, and another call of this method returns the new node.
    ///
    /// # Errors
    ///
    /// Kind [`Server`](crate::ErrorKind::Server) with `CLUSTERDOWN` if no node owns the slot, and
    /// [`Closed`](crate::ErrorKind::Closed) if the client is closed.
    pub fn node_of(&self, key: impl ToKey) -> Result<crate::Client> {
        let slot = Self::slot_of(key);
        let router = &self.handle.router;
        let owner = router.look(|machine| machine.owner(slot));
        let owner = owner.ok_or_else(|| Error::no_owner(slot))?;
        router.client(owner).ok_or_else(Error::closed)
    }

    /// Returns the hash slot of a key, 0 to 16383. Keys with a common hash tag, as `user` in
    /// `{user}:name`, have a common slot.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::cluster::Client;
    ///
    /// assert_eq!(Client::slot_of("{user1}:name"), Client::slot_of("{user1}:mail"));
    /// assert_eq!(Client::slot_of("foo"), 12182);
    /// ```
    pub fn slot_of(key: impl ToKey) -> u16 {
        slot_of(&key.to_key())
    }

    /// Returns the addresses of the primaries that own slots.
    pub fn primaries(&self) -> Vec<String> {
        self.addresses(|shards| shards.iter().map(|(primary, _)| *primary).collect())
    }

    /// Returns the addresses of the replicas.
    pub fn replicas(&self) -> Vec<String> {
        self.addresses(|shards| {
            shards
                .iter()
                .flat_map(|(_, replicas)| replicas.clone())
                .collect()
        })
    }

    fn addresses(&self, nodes: impl Fn(&[(NodeId, Vec<NodeId>)]) -> Vec<NodeId>) -> Vec<String> {
        self.handle.router.look(|machine| {
            let nodes = nodes(machine.shards());
            let address = |node| machine.address(node).map(ToString::to_string);
            nodes.into_iter().filter_map(address).collect()
        })
    }

    /// Creates a pipeline: commands that are sent together, each to its node. See [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(&self.handle)
    }

    /// Creates a transaction: commands on keys of one slot. See [`Transaction`].
    pub fn transaction(&self) -> Transaction {
        Transaction::new(&self.handle)
    }

    /// Closes the client, for this handle and all clones, once all commands that were sent are
    /// answered or have timed out. Commands that wait for a node fail with kind
    /// [`Closed`](crate::ErrorKind::Closed), and so do later ones. Clients that [`node`](Self::node)
    /// has returned close, too.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client still closes.
    pub async fn close(&self) {
        self.handle.router.close().await;
    }
}

impl Executor for Client {
    /// A future that resolves to the reply. The command is sent when the future is first polled.
    type Output<R> = Reply<R>;

    fn execute<R>(&self, command: Command<R>) -> Reply<R> {
        Reply::new(&self.handle, command)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("cluster::Client")
            .field("primaries", &self.primaries())
            .finish_non_exhaustive()
    }
}
