//! `ServerCommands`, generated from `spec/connection.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands about the connection and the server.
pub trait ServerCommands: Executor {
    /// Checks that the server responds (`PING`).
    fn ping(&self) -> Self::Output<()> {
        self.execute(Builder::new("PING").read_only().build_with(pong))
    }

    /// Checks that the server responds, with a message that it returns (`PING`).
    ///
    /// Returns the message.
    fn ping_with(&self, message: impl ToArg) -> Self::Output<Bytes> {
        self.execute(Builder::new("PING").read_only().arg(message).build())
    }

    /// Sends a message that the server returns (`ECHO`).
    ///
    /// Returns the message.
    fn echo(&self, message: impl ToArg) -> Self::Output<Bytes> {
        self.execute(Builder::new("ECHO").read_only().arg(message).build())
    }

    /// Gets the server's name, version and mode (`HELLO`).
    ///
    /// The client sends `HELLO` without a protocol version, so the connection does not change, and
    /// waits until no other command is in flight, because the gateway may answer `HELLO` ahead of
    /// earlier commands.
    ///
    /// Returns a [`ServerInfo`].
    fn hello(&self) -> Self::Output<ServerInfo> {
        self.execute(
            Builder::new("HELLO")
                .read_only()
                .alone()
                .build_with(server_info),
        )
    }

    /// Gets statistics about the server: lines of `name:value` under `# Section` headings (`INFO`).
    ///
    /// Returns the report.
    fn info(&self) -> Self::Output<String> {
        self.execute(Builder::new("INFO").read_only().build())
    }

    /// Gets one section of the statistics about the server (`INFO`).
    ///
    /// Returns the section, empty if no section has that name.
    fn info_section(&self, section: impl ToArg) -> Self::Output<String> {
        self.execute(Builder::new("INFO").read_only().echoed(section).build())
    }

    /// Counts the server's commands (`COMMAND COUNT`).
    ///
    /// Returns the count.
    fn command_count(&self) -> Self::Output<u64> {
        self.execute(Builder::new("COMMAND COUNT").read_only().build())
    }

    /// Gets server settings by name or pattern (`CONFIG GET`).
    ///
    /// Returns the matching settings by name.
    fn config_get(&self, pattern: impl ToArg) -> Self::Output<BTreeMap<String, String>> {
        self.execute(
            Builder::new("CONFIG GET")
                .read_only()
                .echoed(pattern)
                .build(),
        )
    }

    /// Changes a setting of the server (`CONFIG SET`).
    fn config_set(&self, name: impl ToArg, value: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("CONFIG SET")
                .idempotent()
                .echoed(name)
                .arg(value)
                .build_with(ok),
        )
    }

    /// Gets the ID of this connection, which changes when the client reconnects (`CLIENT ID`).
    ///
    /// Returns the ID.
    fn client_id(&self) -> Self::Output<i64> {
        self.execute(Builder::new("CLIENT ID").read_only().build())
    }

    /// Lists the server's connections, one per line (`CLIENT LIST`).
    ///
    /// Returns the lines.
    fn client_list(&self) -> Self::Output<String> {
        self.execute(Builder::new("CLIENT LIST").read_only().build())
    }

    /// Gets details about this connection (`CLIENT INFO`).
    ///
    /// Returns one line of `name=value` pairs.
    fn client_info(&self) -> Self::Output<String> {
        self.execute(Builder::new("CLIENT INFO").read_only().build())
    }

    /// Counts the keys in the database (`DBSIZE`).
    ///
    /// Returns the count.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn dbsize(&self) -> Self::Output<u64> {
        self.execute(Builder::new("DBSIZE").read_only().build())
    }

    /// Removes every key (`FLUSHDB`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn flushdb(&self) -> Self::Output<()> {
        self.execute(Builder::new("FLUSHDB").build_with(ok))
    }
}

impl<E: Executor> ServerCommands for E {}
