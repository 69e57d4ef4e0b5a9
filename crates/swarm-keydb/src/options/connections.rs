//! Options of shared connections: how many there are, and which commands stay in order.

use super::{ClientOptions, CommandOrder};
use crate::error::{Error, Result};
use crate::server::ServerProfile;

/// No client has more shared connections.
const MAX: usize = 1024;

/// # Shared connections
///
impl ClientOptions {
    /// Sets the maximum number of connections that all tasks share for their commands. From 1 to
    /// 1024; default 64, and 1 on Redis, Valkey and KeyDB.
    ///
    /// The client starts with [`min_connections`](Self::min_connections). It opens more only if the
    /// server is seen to run the commands of one connection one after another, and commands wait.
    /// A long round trip alone is no reason. The client closes connections that stay idle. On
    /// Redis, Valkey and KeyDB, where one connection is fastest, it never opens a second one,
    /// regardless of this limit.
    ///
    /// Over HTTP, this is the maximum number of concurrent requests. In a browser, there are at
    /// most 6 of them, because browsers open no more connections to a host.
    ///
    /// [`ordering`](Self::ordering) defines which commands stay in order over several connections.
    ///
    /// A client has at most `max_connections` +
    /// [`max_dedicated_connections`](Self::max_dedicated_connections) connections for commands. The
    /// two limits are separate, so commands and leases never wait for each other, but an idle
    /// connection can change its use: a lease takes one that the shared commands no longer need,
    /// and the reverse. Three kinds of connections do not count: one for all subscriptions, those
    /// that [drain](crate::Stats::draining), and one that checks a silent server.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::ClientOptions;
    ///
    /// // A gateway that allows each client 8 connections.
    /// let options = ClientOptions::new("ws://localhost:8765/").max_connections(8);
    /// ```
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// Sets the number of shared connections that the client keeps open, even if they are idle.
    /// From 1 to [`max_connections`](Self::max_connections); default 1.
    ///
    /// A larger value helps if bursts of commands must not wait until the client has opened further
    /// connections. On Redis, Valkey and KeyDB, the client has one shared connection, regardless of
    /// this option.
    pub const fn min_connections(mut self, connections: usize) -> Self {
        self.min_connections = connections;
        self
    }

    /// Sets which commands stay in order when the client has several shared connections. Default:
    /// [`CommandOrder::PerKey`].
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::{ClientOptions, CommandOrder};
    ///
    /// // Loads independent keys, none of them twice.
    /// let options = ClientOptions::new("ws://localhost:8765/").ordering(CommandOrder::None);
    /// ```
    pub const fn ordering(mut self, order: CommandOrder) -> Self {
        self.ordering = order;
        self
    }

    pub(super) fn validate_connections(&self) -> Result<()> {
        let (min, max) = (self.min_connections, self.max_connections);
        let range = |option, connections| match connections {
            1..=MAX => Ok(()),
            _ => Err(Error::config(format!(
                "{option} is {connections}; set it between 1 and {MAX}"
            ))),
        };
        range("min_connections", min)?;
        let limit = if let Some(max) = max {
            range("max_connections", max)?;
            max
        } else {
            ServerProfile::default().max_connections()
        };
        if min > limit {
            let default = if max.is_none() { ", by default" } else { "" };
            return Err(Error::config(format!(
                "min_connections is {min}, more than max_connections, which is {limit}{default}; \
                 set max_connections to at least {min}"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_connections_are_checked_and_named() {
        type Set = fn(ClientOptions) -> ClientOptions;
        let valid: [Set; 5] = [
            |options| options,
            |options| options.max_connections(1),
            |options| options.max_connections(1024).min_connections(1024),
            |options| options.min_connections(64),
            |options| options.min_connections(8).max_connections(8),
        ];
        for set in valid {
            assert!(set(ClientOptions::default()).settled().is_ok());
        }
        let invalid: [(Set, &str); 6] = [
            (
                |options| options.max_connections(0),
                "max_connections is 0; set it between 1 and 1024",
            ),
            (
                |options| options.max_connections(1025),
                "max_connections is 1025; set it between 1 and 1024",
            ),
            (
                |options| options.min_connections(0),
                "min_connections is 0; set it between 1 and 1024",
            ),
            (
                |options| options.min_connections(1025).max_connections(1024),
                "min_connections is 1025; set it between 1 and 1024",
            ),
            (
                |options| options.min_connections(3).max_connections(2),
                "min_connections is 3, more than max_connections, which is 2; set max_connections \
                 to at least 3",
            ),
            (
                |options| options.min_connections(65),
                "min_connections is 65, more than max_connections, which is 64, by default; set \
                 max_connections to at least 65",
            ),
        ];
        for (set, expected) in invalid {
            let error = set(ClientOptions::default()).settled().unwrap_err();
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
