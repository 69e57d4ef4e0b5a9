//! Commands on the connection and the server. Generated from `spec/connection.toml`.

use crate::commands::scope::*;

/// Commands on the connection and the server.
pub trait ServerCommands: Executor {
    /// Asks whether the server is there (`PING`).
    ///
    /// Returns nothing: that it came is the answer.
    fn ping(&self) -> Self::Output<()> {
        self.execute(Builder::new("PING").read_only().build_with(pong))
    }

    /// Asks whether the server is there, with a message that comes back (`PING`).
    ///
    /// Returns the message.
    fn ping_with(&self, message: impl ToArg) -> Self::Output<Bytes> {
        self.execute(Builder::new("PING").read_only().arg(message).build())
    }

    /// Sends a message that comes back (`ECHO`).
    ///
    /// Returns the message.
    fn echo(&self, message: impl ToArg) -> Self::Output<Bytes> {
        self.execute(Builder::new("ECHO").read_only().arg(message).build())
    }

    /// What the server says of itself. Sent without a version, so that it changes nothing, and with nothing else in flight, for the gateway answers it ahead of replies that are still owed (`HELLO`).
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

    /// The server's report on itself: lines of `name:value` under headings of `# Section` (`INFO`).
    ///
    /// Returns the report.
    fn info(&self) -> Self::Output<String> {
        self.execute(Builder::new("INFO").read_only().build())
    }

    /// One section of the server's report on itself (`INFO`).
    ///
    /// Returns the section, empty when there is none of that name.
    fn info_section(&self, section: impl ToArg) -> Self::Output<String> {
        self.execute(
            Builder::new("INFO")
                .read_only()
                .echoed("section", section)
                .build(),
        )
    }

    /// How many commands the server has (`COMMAND COUNT`).
    ///
    /// Returns the count.
    fn command_count(&self) -> Self::Output<u64> {
        self.execute(Builder::new("COMMAND COUNT").read_only().build())
    }

    /// Settings of the server, by name or pattern (`CONFIG GET`).
    ///
    /// Returns the settings that match, by name.
    fn config_get(&self, pattern: impl ToArg) -> Self::Output<BTreeMap<String, String>> {
        self.execute(
            Builder::new("CONFIG GET")
                .read_only()
                .echoed("pattern", pattern)
                .build(),
        )
    }

    /// Changes a setting of the server (`CONFIG SET`).
    fn config_set(&self, name: impl ToArg, value: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("CONFIG SET")
                .idempotent()
                .echoed("name", name)
                .arg(value)
                .build_with(ok),
        )
    }

    /// The number that the server gave this connection; a reconnect gets another (`CLIENT ID`).
    ///
    /// Returns the number.
    fn client_id(&self) -> Self::Output<i64> {
        self.execute(Builder::new("CLIENT ID").read_only().build())
    }

    /// The server's connections, a line each (`CLIENT LIST`).
    ///
    /// Returns the lines.
    fn client_list(&self) -> Self::Output<String> {
        self.execute(Builder::new("CLIENT LIST").read_only().build())
    }

    /// What the server knows of this connection (`CLIENT INFO`).
    ///
    /// Returns one line of `name=value` pairs.
    fn client_info(&self) -> Self::Output<String> {
        self.execute(Builder::new("CLIENT INFO").read_only().build())
    }

    /// How many keys there are (`DBSIZE`).
    ///
    /// Returns the count.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn dbsize(&self) -> Self::Output<u64> {
        self.execute(Builder::new("DBSIZE").read_only().build())
    }

    /// Removes every key (`FLUSHDB`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn flushdb(&self) -> Self::Output<()> {
        self.execute(Builder::new("FLUSHDB").build_with(ok))
    }
}

impl<E: Executor> ServerCommands for E {}
