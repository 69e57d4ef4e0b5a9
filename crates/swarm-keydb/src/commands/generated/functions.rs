//! `FunctionCommands`, from `spec/functions.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Functions that the server keeps in libraries, and runs by name. Redis 7.0 and later.
pub trait FunctionCommands: Executor {
    /// Loads a library of functions (`FUNCTION LOAD`).
    ///
    /// Returns the name of the library.
    ///
    /// # Errors
    ///
    /// Fails if the server has a library with this name; the code is invalid.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_load(&self, code: impl ToArg) -> Self::Output<String> {
        self.execute(Builder::new("FUNCTION LOAD").fenced().arg(code).build())
    }

    /// Loads a library of functions, and replaces one with the same name (`FUNCTION LOAD`).
    ///
    /// Returns the name of the library.
    ///
    /// # Errors
    ///
    /// Fails if the code is invalid; the library stays as it is then.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_load_replace(&self, code: impl ToArg) -> Self::Output<String> {
        self.execute(
            Builder::new("FUNCTION LOAD")
                .idempotent()
                .fenced()
                .arg("REPLACE")
                .arg(code)
                .build(),
        )
    }

    /// Removes a library of functions (`FUNCTION DELETE`).
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the library.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_delete(&self, library: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("FUNCTION DELETE")
                .fenced()
                .echoed(library)
                .build_with(ok),
        )
    }

    /// Removes all libraries of functions (`FUNCTION FLUSH`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_flush(&self) -> Self::Output<()> {
        self.execute(Builder::new("FUNCTION FLUSH").fenced().build_with(ok))
    }

    /// Lists all libraries with their functions (`FUNCTION LIST`).
    ///
    /// Returns one map per library: `library_name`, `engine` and `functions`.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_list(&self) -> Self::Output<Vec<HashMap<String, Frame>>> {
        self.execute(Builder::new("FUNCTION LIST").read_only().fenced().build())
    }

    /// Gets all libraries in a form for [`function_restore`](Self::function_restore)
    /// (`FUNCTION DUMP`).
    ///
    /// Returns the bytes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_dump(&self) -> Self::Output<Bytes> {
        self.execute(Builder::new("FUNCTION DUMP").read_only().fenced().build())
    }

    /// Loads the libraries that [`function_dump`](Self::function_dump) returned
    /// (`FUNCTION RESTORE`).
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not those of a compatible server; a library exists and is not to be
    /// replaced.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_restore(&self, dump: impl ToArg, policy: FunctionRestore) -> Self::Output<()> {
        self.execute(
            Builder::new("FUNCTION RESTORE")
                .fenced()
                .arg(dump)
                .args(policy)
                .build_with(ok),
        )
    }

    /// Gets the function or script that is running, and the number of libraries and functions by
    /// engine (`FUNCTION STATS`).
    ///
    /// Returns `running_script` and `engines`.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_stats(&self) -> Self::Output<HashMap<String, Frame>> {
        self.execute(Builder::new("FUNCTION STATS").read_only().fenced().build())
    }

    /// Stops the function that is running, if it has written nothing yet (`FUNCTION KILL`).
    ///
    /// # Errors
    ///
    /// Fails if no function is running (code `NOTBUSY`), or it has written (code `UNKILLABLE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn function_kill(&self) -> Self::Output<()> {
        self.execute(Builder::new("FUNCTION KILL").fenced().build_with(ok))
    }

    /// Runs a function (`FCALL`).
    ///
    /// The function gets the keys and the arguments as two lists.
    ///
    /// Returns what the function returns.
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the function; the function fails.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn fcall(
        &self,
        function: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("FCALL")
                .fenced()
                .echoed(function)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`fcall`](Self::fcall), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn fcall_as<T: FromFrame>(
        &self,
        function: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("FCALL")
                .fenced()
                .echoed(function)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Runs a function that only reads, also on a replica (`FCALL_RO`).
    ///
    /// Returns what the function returns.
    ///
    /// # Errors
    ///
    /// Fails if the server does not have the function; the function fails or writes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn fcall_ro(
        &self,
        function: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<Frame> {
        self.execute(
            Builder::new("FCALL_RO")
                .read_only()
                .fenced()
                .echoed(function)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }

    /// Like [`fcall_ro`](Self::fcall_ro), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn fcall_ro_as<T: FromFrame>(
        &self,
        function: impl ToArg,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        self.execute(
            Builder::new("FCALL_RO")
                .read_only()
                .fenced()
                .echoed(function)
                .counted_keys(keys)
                .args(args)
                .build(),
        )
    }
}

impl<E: Executor> FunctionCommands for E {}
