//! Options of a cache.

use std::time::Duration;

use bytes::Bytes;
use swarm_resp::ArgSink;

use crate::error::{Error, Result};
use crate::key::ToKeys;

/// Default of [`CacheOptions::max_bytes`].
const DEFAULT_BYTES: usize = 64 << 20;

/// Smallest budget: below, hardly any value would fit beside the bookkeeping.
const MIN_BYTES: usize = 64 << 10;

/// Options of a cache: see [`Client::cached`](crate::Client::cached).
#[derive(Debug, Clone)]
#[must_use = "options do nothing until they are passed to `cached`"]
pub struct CacheOptions {
    pub(super) max_bytes: usize,
    pub(super) max_age: Option<Duration>,
    /// Prefixes of the keys that the server announces. `None` if it announces the keys that were
    /// read.
    pub(super) prefixes: Option<Vec<Bytes>>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_BYTES,
            max_age: None,
            prefixes: None,
        }
    }
}

impl CacheOptions {
    /// Creates default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the approximate memory of the cache, in bytes: values, requests and bookkeeping. At
    /// least 64 KiB; default 64 MiB. When it is full, values that are rarely used are removed. A
    /// value that is larger than a few percent of the budget may not be stored at all.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how long a value may be used after its request was sent, even if nothing was announced.
    /// Default: until a change is announced, or the key expires.
    ///
    /// Required for SwarmKeyDb and for servers that the client does not recognize, because they do
    /// not announce every change.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Makes the server announce every change of keys with one of these prefixes, instead of keys
    /// that were read through the cache (`BCAST`). Only such keys are cached. The server then
    /// remembers nothing, but sends a message for each write to such a key.
    ///
    /// Prefixes must not overlap. Redis only: SwarmKeyDb announces all keys.
    pub fn broadcast(mut self, prefixes: impl ToKeys) -> Self {
        let mut list = Prefixes::default();
        prefixes.write_keys(&mut list);
        self.prefixes = Some(list.0);
        self
    }

    /// Checks the options.
    pub(super) fn validate(&self) -> Result<()> {
        if self.max_bytes < MIN_BYTES {
            return Err(Error::config(
                "CacheOptions::max_bytes is below 64 KiB, so hardly any value would fit; give more",
            ));
        }
        if self.max_age.is_some_and(|age| age.is_zero()) {
            return Err(Error::config(
                "CacheOptions::max_age is zero, so nothing would be cached; give a longer time",
            ));
        }
        let Some(prefixes) = &self.prefixes else {
            return Ok(());
        };
        if prefixes.is_empty() {
            return Err(Error::config(
                "CacheOptions::broadcast got no prefix; give one, or an empty prefix for all keys",
            ));
        }
        let overlap = prefixes.iter().enumerate().any(|(at, one)| {
            let others = prefixes.iter().enumerate();
            others
                .clone()
                .any(|(other_at, other)| at != other_at && other.starts_with(one))
        });
        if overlap {
            return Err(Error::config(
                "CacheOptions::broadcast got a prefix of another prefix, which Redis rejects; give \
                 the shorter one only",
            ));
        }
        Ok(())
    }

    /// Whether the server announces changes of a key.
    #[inline]
    pub(super) fn covers<'a>(&self, key: impl FnOnce() -> &'a [u8]) -> bool {
        self.prefixes.as_ref().is_none_or(|prefixes| {
            let key = key();
            prefixes.iter().any(|prefix| key.starts_with(prefix))
        })
    }
}

/// Collects prefixes.
#[derive(Default)]
struct Prefixes(Vec<Bytes>);

impl ArgSink for Prefixes {
    fn arg(&mut self, prefix: &[u8]) {
        self.0.push(Bytes::copy_from_slice(prefix));
    }
}
