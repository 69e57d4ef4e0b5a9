//! `HyperLogLogCommands`, from `spec/hyperloglog.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on HyperLogLogs: estimates of the number of different elements, in 12 KB at most.
pub trait HyperLogLogCommands: Executor {
    /// Adds elements to a HyperLogLog, which estimates how many different elements it has seen
    /// (`PFADD`).
    ///
    /// Creates it if it does not exist; without elements (`()`), does only that.
    ///
    /// Returns whether the estimate may have changed.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pfadd(&self, key: impl ToKey, elements: impl ToArgs) -> Self::Output<bool> {
        self.execute(Builder::new("PFADD").key(key).args(elements).build())
    }

    /// Estimates how many different elements these HyperLogLogs have seen together, with a standard
    /// error of 0.81% (`PFCOUNT`).
    ///
    /// Returns the estimate, 0 for missing keys.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pfcount(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("PFCOUNT").read_only().keys(keys).build())
    }

    /// Merges HyperLogLogs into another one, which keeps what it has seen (`PFMERGE`).
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pfmerge(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<()> {
        self.execute(
            Builder::new("PFMERGE")
                .idempotent()
                .key(destination)
                .keys(keys)
                .build_with(ok),
        )
    }
}

impl<E: Executor> HyperLogLogCommands for E {}
