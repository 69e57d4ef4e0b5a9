//! `DiagnosticCommands`, from `spec/diagnostics.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands that find out why a server is slow: slow commands, latency, and memory.
pub trait DiagnosticCommands: Executor {
    /// Gets the newest commands that took longer than the server's limit for slow ones, at most
    /// `count` (`SLOWLOG GET`).
    ///
    /// Returns a [`SlowCommand`](crate::SlowCommand) for each, the newest first.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn slowlog_get(&self, count: u64) -> Self::Output<Vec<SlowCommand>> {
        self.execute(
            Builder::new("SLOWLOG GET")
                .read_only()
                .arg(count)
                .build_with(slow_commands),
        )
    }

    /// Counts the slow commands that the server keeps (`SLOWLOG LEN`).
    ///
    /// Returns the count.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn slowlog_len(&self) -> Self::Output<u64> {
        self.execute(Builder::new("SLOWLOG LEN").read_only().build())
    }

    /// Removes the slow commands that the server keeps (`SLOWLOG RESET`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn slowlog_reset(&self) -> Self::Output<()> {
        self.execute(Builder::new("SLOWLOG RESET").build_with(ok))
    }

    /// Gets the latest sample of each kind of event that took long (`LATENCY LATEST`).
    ///
    /// Returns a [`LatencyEvent`](crate::LatencyEvent) for each.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn latency_latest(&self) -> Self::Output<Vec<LatencyEvent>> {
        self.execute(
            Builder::new("LATENCY LATEST")
                .read_only()
                .build_with(latency_events),
        )
    }

    /// Gets the samples of one kind of event (`LATENCY HISTORY`).
    ///
    /// Returns when it took long, in seconds, and how long, in milliseconds.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn latency_history(&self, event: impl ToArg) -> Self::Output<Vec<(SystemTime, Duration)>> {
        self.execute(
            Builder::new("LATENCY HISTORY")
                .read_only()
                .echoed(event)
                .build_with(latency_samples),
        )
    }

    /// Removes the samples of these kinds of events, or all of them for `()` (`LATENCY RESET`).
    ///
    /// Returns how many kinds were removed.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn latency_reset(&self, events: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("LATENCY RESET").args(events).build())
    }

    /// Gets a report about what took long, with advice (`LATENCY DOCTOR`).
    ///
    /// Returns the report.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn latency_doctor(&self) -> Self::Output<String> {
        self.execute(Builder::new("LATENCY DOCTOR").read_only().build())
    }

    /// Draws the samples of one kind of event as text (`LATENCY GRAPH`).
    ///
    /// Returns the drawing.
    ///
    /// # Errors
    ///
    /// Fails if the server has no samples of the event.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn latency_graph(&self, event: impl ToArg) -> Self::Output<String> {
        self.execute(
            Builder::new("LATENCY GRAPH")
                .read_only()
                .echoed(event)
                .build(),
        )
    }

    /// Estimates the memory of a key and its value, from five elements of a large value
    /// (`MEMORY USAGE`).
    ///
    /// Returns the number of bytes, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_usage(&self, key: impl ToKey) -> Self::Output<Option<u64>> {
        self.execute(Builder::new("MEMORY USAGE").read_only().key(key).build())
    }

    /// Estimates the memory of a key and its value, from this many elements of a large value; 0
    /// means all (`MEMORY USAGE`).
    ///
    /// Returns the number of bytes, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_usage_samples(&self, key: impl ToKey, samples: u64) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("MEMORY USAGE")
                .read_only()
                .key(key)
                .arg("SAMPLES")
                .arg(samples)
                .build(),
        )
    }

    /// Gets details about the server's use of memory (`MEMORY STATS`).
    ///
    /// Returns the values by name.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_stats(&self) -> Self::Output<HashMap<String, Frame>> {
        self.execute(Builder::new("MEMORY STATS").read_only().build())
    }

    /// Gets a report about the server's use of memory, with advice (`MEMORY DOCTOR`).
    ///
    /// Returns the report.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_doctor(&self) -> Self::Output<String> {
        self.execute(Builder::new("MEMORY DOCTOR").read_only().build())
    }

    /// Gets statistics of the server's allocator (`MEMORY MALLOC-STATS`).
    ///
    /// Returns the report.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_malloc_stats(&self) -> Self::Output<String> {
        self.execute(Builder::new("MEMORY MALLOC-STATS").read_only().build())
    }

    /// Asks the server's allocator to return unused memory (`MEMORY PURGE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn memory_purge(&self) -> Self::Output<()> {
        self.execute(Builder::new("MEMORY PURGE").build_with(ok))
    }
}

impl<E: Executor> DiagnosticCommands for E {}
