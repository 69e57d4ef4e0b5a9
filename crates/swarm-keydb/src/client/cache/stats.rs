//! Metrics of a cache.

/// Metrics of a cache since it was created: see [`Cached::stats`](crate::Cached::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Reads that were answered from the cache.
    pub hits: u64,
    /// Reads that were not. Several that wait for the same request count once each.
    pub misses: u64,
    /// Values that were removed, or not stored, to stay within the
    /// [budget](crate::CacheOptions::max_bytes).
    pub evictions: u64,
    /// Keys that the server has announced as changed.
    pub invalidations: u64,
    /// How often all values were dropped: the server announced that, the tracked connection was
    /// lost, or a command that may change any key was sent through the handle.
    pub flushes: u64,
    /// Values that were given to their callers and not stored, because their key was changed while
    /// they were on their way.
    pub poisoned: u64,
    /// Values that are stored, including those that have become invalid and were not removed yet.
    pub entries: usize,
    /// Approximate size of what is stored, in bytes.
    pub bytes: usize,
    /// Whether the server announces changes now. If not, nothing is cached.
    pub is_tracking: bool,
}
