//! What a program holds of a gateway.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
#[cfg(feature = "control")]
use crate::control::Control;
use crate::error::{StartError, StoreError};
use crate::fault::{Connection, Faults};
use crate::instance::Instance;
use crate::snapshot::Snapshot;

/// A running gateway. Dropping it stops it immediately; [`shutdown`](Self::shutdown) stops it
/// gracefully.
pub struct Gateway {
    #[cfg(feature = "control")]
    pub(crate) control: Option<Control>,
    /// Shared with the control door, which does not keep it alive.
    pub(crate) instance: Arc<Instance>,
}

impl Gateway {
    /// Returns the URL for WebSocket clients, such as `ws://127.0.0.1:8765/`. Empty if that
    /// listener is disabled.
    pub fn ws_url(&self) -> &str {
        self.instance.ws_url()
    }

    /// Returns the URL for HTTP clients, such as `http://127.0.0.1:8080`. Empty if that listener is
    /// disabled.
    pub fn http_url(&self) -> &str {
        self.instance.http_url()
    }

    /// Returns the URL for RESP clients, such as `redis://127.0.0.1:6379`. Empty if that listener
    /// is disabled.
    pub fn tcp_url(&self) -> &str {
        self.instance.tcp_url()
    }

    /// Returns the URL of the control door, such as `http://127.0.0.1:8090`. Empty if it is
    /// disabled; see [`Builder::control`](crate::Builder::control).
    #[cfg(feature = "control")]
    #[cfg_attr(docsrs, doc(cfg(feature = "control")))]
    pub fn control_url(&self) -> &str {
        self.control.as_ref().map_or("", Control::url)
    }

    /// Returns a handle that injects faults into this gateway.
    pub fn faults(&self) -> Faults {
        self.instance.shared().faults.clone()
    }

    /// Returns how often a command has run, across all connections.
    pub fn executions(&self, command: &str) -> u64 {
        self.instance.shared().faults.executions(command)
    }

    /// Returns the clock that keys expire by. Clones share the same time.
    pub fn clock(&self) -> Clock {
        self.instance.shared().clock.clone()
    }

    /// Returns how often each command has run, across all connections. Names are in upper case; a
    /// subcommand follows after `|`, as in `CLIENT|ID`.
    pub fn all_executions(&self) -> BTreeMap<String, u64> {
        self.instance.shared().faults.counts()
    }

    /// Returns the open connections, in the order in which they were opened.
    pub fn connections(&self) -> Vec<Connection> {
        self.instance.shared().faults.connections()
    }

    /// Returns how many connections were opened so far.
    pub fn connections_opened(&self) -> u64 {
        self.instance.shared().faults.connections_opened()
    }

    /// Returns whether the gateway accepts connections, which is not the case after
    /// [`stop`](Self::stop).
    pub async fn is_running(&self) -> bool {
        self.instance.is_running().await
    }

    /// Copies all keys with their values and times to live.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::NotEmbedded`] in front of a real server.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gateway = swarm_gateway::test().await?;
    /// let snapshot = gateway.snapshot()?;
    /// let file = snapshot.to_json(); // for another test, or another process
    /// gateway.flush()?;
    /// gateway.restore(&swarm_gateway::Snapshot::from_json(file.as_bytes())?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.instance.shared().backend.snapshot()
    }

    /// Replaces all keys by those of a snapshot, which may be another gateway's. The keys get the
    /// times to live that they had when the snapshot was taken.
    ///
    /// Commands that wait for data are served from the new keys. A transaction that watches a
    /// replaced key fails, except with [`Quirk::SwarmCommands`](crate::Quirk::SwarmCommands), where
    /// WATCH follows only commands.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Invalid`] if the snapshot is contradictory; the keys are unchanged
    /// then. Returns [`StoreError::NotEmbedded`] in front of a real server.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.instance.shared().backend.restore(snapshot)
    }

    /// Deletes all keys, as FLUSHALL does, but without counting as a command.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::NotEmbedded`] in front of a real server.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.restore(&Snapshot::default())
    }

    /// Shuts the gateway down gracefully.
    ///
    /// The gateway stops accepting connections, runs the commands that it has read, sends their
    /// replies, and sends every client a close frame. A client that does not read its pending
    /// replies is disconnected after five seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the gateway immediately.
    pub async fn shutdown(self) {
        self.instance.shutdown().await;
    }

    /// Stops the gateway as a crash would: closes its ports, and cuts all connections without a
    /// close handshake. Until [`start`](Self::start), clients are refused. Does nothing if the
    /// gateway is stopped.
    ///
    /// The data, the clock, the counts of [`executions`](Self::executions), and faults outlast the
    /// stop; scripts and `CONFIG SET` do not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the gateway, but does not wait until its connections are closed.
    pub async fn stop(&mut self) {
        self.instance.stop().await;
    }

    /// Starts a [stopped](Self::stop) gateway on the same ports, with the same data. Does nothing
    /// if the gateway is running.
    ///
    /// # Errors
    ///
    /// Returns an error if another program has taken a port. The gateway remains stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the gateway stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), swarm_gateway::StartError> {
    /// let mut gateway = swarm_gateway::test().await?;
    /// gateway.stop().await;
    /// // Clients that connect now are refused.
    /// gateway.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(&mut self) -> Result<(), StartError> {
        self.instance.start().await
    }

    /// [Stops](Self::stop) the gateway and [starts](Self::start) it again: a crash that keeps the
    /// data and the ports.
    ///
    /// # Errors
    ///
    /// Same as [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the gateway stopped.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.instance.restart().await
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("ws_url", &self.ws_url())
            .field("http_url", &self.http_url())
            .field("tcp_url", &self.tcp_url())
            .finish_non_exhaustive()
    }
}
