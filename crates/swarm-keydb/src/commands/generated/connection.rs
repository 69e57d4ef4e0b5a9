//! `ServerCommands`, from `spec/connection.toml` by `cargo xtask codegen`; do not edit.

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

    /// Removes every key of every database (`FLUSHALL`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn flushall(&self) -> Self::Output<()> {
        self.execute(Builder::new("FLUSHALL").build_with(ok))
    }

    /// Exchanges two databases, so that each connection sees the keys of the other one (`SWAPDB`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn swapdb(&self, first: u64, second: u64) -> Self::Output<()> {
        self.execute(Builder::new("SWAPDB").arg(first).arg(second).build_with(ok))
    }

    /// Gets the time of the server (`TIME`).
    ///
    /// Returns the time, in microseconds.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn time(&self) -> Self::Output<SystemTime> {
        self.execute(Builder::new("TIME").read_only().build_with(server_time))
    }

    /// Gets the time at which the server last saved its data (`LASTSAVE`).
    ///
    /// Returns the time, in seconds.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lastsave(&self) -> Self::Output<SystemTime> {
        self.execute(Builder::new("LASTSAVE").read_only().build_with(unix_time))
    }

    /// Saves the data of the server, which runs no other command meanwhile (`SAVE`).
    ///
    /// Prefer [`bgsave`](Self::bgsave).
    ///
    /// # Errors
    ///
    /// Fails if the server is saving already.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn save(&self) -> Self::Output<()> {
        self.execute(Builder::new("SAVE").build_with(ok))
    }

    /// Starts saving the data of the server in the background (`BGSAVE`).
    ///
    /// [`lastsave`](Self::lastsave) tells when it is done.
    ///
    /// Returns a text that says so.
    ///
    /// # Errors
    ///
    /// Fails if the server is saving already.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bgsave(&self) -> Self::Output<String> {
        self.execute(Builder::new("BGSAVE").build())
    }

    /// Starts rewriting the append-only file of the server in the background (`BGREWRITEAOF`).
    ///
    /// Returns a text that says so.
    ///
    /// # Errors
    ///
    /// Fails if the server is rewriting it already.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bgrewriteaof(&self) -> Self::Output<String> {
        self.execute(Builder::new("BGREWRITEAOF").build())
    }

    /// Gets the role of the server in replication (`ROLE`).
    ///
    /// Returns a [`Role`](crate::Role).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn role(&self) -> Self::Output<Role> {
        self.execute(Builder::new("ROLE").read_only().build_with(role))
    }

    /// Gets a piece of computer art, and the version of the server (`LOLWUT`).
    ///
    /// Returns the text.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lolwut(&self) -> Self::Output<String> {
        self.execute(Builder::new("LOLWUT").read_only().build())
    }

    /// Resets the statistics that [`info`](Self::info) reports (`CONFIG RESETSTAT`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn config_resetstat(&self) -> Self::Output<()> {
        self.execute(Builder::new("CONFIG RESETSTAT").build_with(ok))
    }

    /// Writes the current settings to the configuration file of the server (`CONFIG REWRITE`).
    ///
    /// # Errors
    ///
    /// Fails if the server runs without a configuration file, or cannot write to it.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn config_rewrite(&self) -> Self::Output<()> {
        self.execute(Builder::new("CONFIG REWRITE").build_with(ok))
    }

    /// Lists the names of the server's commands (`COMMAND LIST`).
    ///
    /// Returns the names.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn command_list(&self) -> Self::Output<Vec<String>> {
        self.execute(Builder::new("COMMAND LIST").read_only().build())
    }

    /// Finds the keys in a command, without running it (`COMMAND GETKEYS`).
    ///
    /// Returns the keys.
    ///
    /// # Errors
    ///
    /// Fails if the command is unknown or has no key.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn command_getkeys(&self, command: impl ToArg, args: impl ToArgs) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("COMMAND GETKEYS")
                .read_only()
                .arg(command)
                .args(args)
                .build(),
        )
    }

    /// Gets the name of this connection (`CLIENT GETNAME`).
    ///
    /// Returns the name, `None` if the connection has none.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_getname(&self) -> Self::Output<Option<String>> {
        self.execute(Builder::new("CLIENT GETNAME").read_only().build_with(named))
    }

    /// Closes connections of the server that match all conditions, except this one (`CLIENT KILL`).
    ///
    /// Returns how many connections were closed.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_kill(&self, filter: ClientKill) -> Self::Output<u64> {
        self.execute(Builder::new("CLIENT KILL").options(filter).build())
    }

    /// Ends the wait of a connection in a blocking command, as if its time limit had passed
    /// (`CLIENT UNBLOCK`).
    ///
    /// Returns whether the connection was blocked.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_unblock(&self, id: i64) -> Self::Output<bool> {
        self.execute(Builder::new("CLIENT UNBLOCK").arg(id).build())
    }

    /// Ends the wait of a connection in a blocking command with an error (code `UNBLOCKED`)
    /// (`CLIENT UNBLOCK`).
    ///
    /// Returns whether the connection was blocked.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_unblock_error(&self, id: i64) -> Self::Output<bool> {
        self.execute(Builder::new("CLIENT UNBLOCK").arg(id).arg("ERROR").build())
    }

    /// Holds back commands of all clients for a time, in milliseconds (`CLIENT PAUSE`).
    ///
    /// Commands of this client wait, too.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_pause(&self, time: Duration, commands: ClientPause) -> Self::Output<()> {
        self.execute(
            Builder::new("CLIENT PAUSE")
                .milliseconds(time)
                .args(commands)
                .build_with(ok),
        )
    }

    /// Ends a pause (`CLIENT UNPAUSE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn client_unpause(&self) -> Self::Output<()> {
        self.execute(Builder::new("CLIENT UNPAUSE").build_with(ok))
    }
}

impl<E: Executor> ServerCommands for E {}
