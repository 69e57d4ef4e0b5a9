//! `ScriptCommands`, from `spec/scripting.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Lua scripts that run on the server.
pub trait ScriptCommands: Executor {
    /// Runs a script (`EVAL`).
    ///
    /// The script reads the keys from `KEYS` and the arguments from `ARGV`.
    ///
    /// Returns what the script returns.
    ///
    /// # Errors
    ///
    /// Fails if the script fails.
    ///
    /// # Servers
    ///
    /// Isolated on Redis, Valkey and KeyDB. On SwarmKeyDb, commands of other clients can run during
    /// the script, writes before an error are kept, and the server answers a script that exceeds 5
    /// s with `BUSY` but keeps running it. See [what each server
    /// guarantees](crate::guide::guarantees).
    fn eval(
        &self,
        script: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("EVAL")
                .fenced()
                .arg(script)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`eval`](Self::eval), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn eval_as<T: FromFrame>(
        &self,
        script: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("EVAL")
                .fenced()
                .arg(script)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Runs a loaded script by the digest that [`script_load`](Self::script_load) returned
    /// (`EVALSHA`).
    ///
    /// Returns what the script returns.
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the script (code `NOSCRIPT`, which a script can return
    /// itself, too); the script fails.
    ///
    /// # Servers
    ///
    /// Isolated on Redis, Valkey and KeyDB. On SwarmKeyDb, commands of other clients can run during
    /// the script, writes before an error are kept, and the server answers a script that exceeds 5
    /// s with `BUSY` but keeps running it. See [what each server
    /// guarantees](crate::guide::guarantees).
    fn evalsha(
        &self,
        digest: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("EVALSHA")
                .fenced()
                .echoed(digest)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`evalsha`](Self::evalsha), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn evalsha_as<T: FromFrame>(
        &self,
        digest: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("EVALSHA")
                .fenced()
                .echoed(digest)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Loads a script without running it (`SCRIPT LOAD`).
    ///
    /// Returns its digest, for [`evalsha`](Self::evalsha).
    fn script_load(&self, script: impl ToArg) -> Self::Output<String> {
        self.execute(
            Builder::new("SCRIPT LOAD")
                .idempotent()
                .fenced()
                .arg(script)
                .build(),
        )
    }

    /// Checks which scripts are loaded (`SCRIPT EXISTS`).
    ///
    /// Returns one flag per digest, in the same order.
    fn script_exists(&self, digests: impl ToArgs) -> Self::Output<Vec<bool>> {
        self.execute(
            Builder::new("SCRIPT EXISTS")
                .read_only()
                .fenced()
                .args(digests)
                .build(),
        )
    }

    /// Removes all loaded scripts (`SCRIPT FLUSH`).
    fn script_flush(&self) -> Self::Output<()> {
        self.execute(Builder::new("SCRIPT FLUSH").fenced().build_with(ok))
    }

    /// Runs a script that only reads, also on a replica (`EVAL_RO`).
    ///
    /// The script reads the keys from `KEYS` and the arguments from `ARGV`.
    ///
    /// Returns what the script returns.
    ///
    /// # Errors
    ///
    /// Fails if the script fails or writes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn eval_ro(
        &self,
        script: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("EVAL_RO")
                .read_only()
                .fenced()
                .arg(script)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`eval_ro`](Self::eval_ro), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn eval_ro_as<T: FromFrame>(
        &self,
        script: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("EVAL_RO")
                .read_only()
                .fenced()
                .arg(script)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Runs a loaded script that only reads, also on a replica, by the digest that
    /// [`script_load`](Self::script_load) returned (`EVALSHA_RO`).
    ///
    /// Returns what the script returns.
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the script (code `NOSCRIPT`); the script fails or writes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn evalsha_ro(
        &self,
        digest: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("EVALSHA_RO")
                .read_only()
                .fenced()
                .echoed(digest)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`evalsha_ro`](Self::evalsha_ro), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn evalsha_ro_as<T: FromFrame>(
        &self,
        digest: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("EVALSHA_RO")
                .read_only()
                .fenced()
                .echoed(digest)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Stops the script that is running, if it has written nothing yet (`SCRIPT KILL`).
    ///
    /// # Errors
    ///
    /// Fails if no script is running (code `NOTBUSY`), or it has written (code `UNKILLABLE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn script_kill(&self) -> Self::Output<()> {
        self.execute(Builder::new("SCRIPT KILL").fenced().build_with(ok))
    }
}

impl<E: Executor> ScriptCommands for E {}
