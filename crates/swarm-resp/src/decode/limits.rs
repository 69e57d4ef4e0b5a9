//! Limits on decoded input.

/// Limits on the input of a decoder, checked before any memory is reserved.
///
/// The defaults stop the attack documented at each field, and admit all replies of Redis except two
/// kinds that Redis does not bound: aggregates of more than 16,777,216 values (LRANGE of a whole,
/// longer list), and replies of more than 1 GiB (MGET of three values of 512 MiB). To receive
/// those, raise [`max_elements`](Self::max_elements) and [`max_frame`](Self::max_frame), or request
/// less at a time.
///
/// A decoder never reserves memory for an announced length or count. Memory grows with received
/// data, so a peer must actually send what these limits allow.
///
/// # Examples
///
/// ```
/// use swarm_resp::{Decoder, Limits};
///
/// // A server that accepts only small commands.
/// let limits = Limits::new().with_max_depth(1).with_max_bulk(64 << 10);
/// let decoder = Decoder::with_limits(limits);
/// # drop(decoder);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum nesting depth of aggregates, including attributes. Stops `*1\r\n*1\r\n…`, which
    /// overflows the stack of recursive decoders. Default 128.
    pub max_depth: usize,
    /// Maximum size of a bulk string, bulk error or verbatim string, in bytes; for a streamed
    /// string, of all chunks together. Stops a peer that announces gigabytes and makes the receiver
    /// wait and buffer. Default 512 MiB, as in Redis.
    pub max_bulk: usize,
    /// Maximum number of values in one frame, including nested ones; a key-value pair counts as
    /// two. Stops `*2147483647\r\n` and floods of tiny values, each of which costs an index entry
    /// of 12 bytes, held twice while the frame is created. Default 16,777,216.
    pub max_elements: usize,
    /// Maximum length of a line (simple string or error, double, big number), in bytes. Stops an
    /// endless line, which the receiver would buffer. Default 512 MiB, as for bulk strings, because
    /// MONITOR sends whole arguments in a line, and `redis.status_reply` in a script any text.
    pub max_line: usize,
    /// Maximum encoded size of one frame, in bytes. Stops frames that fill the memory within all
    /// other limits. Default 1 GiB. Values above 2 GiB − 1 have no effect, because the index uses
    /// 32-bit offsets.
    pub max_frame: usize,
}

impl Limits {
    /// Creates the default limits.
    pub const fn new() -> Self {
        Self {
            max_depth: 128,
            max_bulk: 512 << 20,
            max_elements: 1 << 24,
            max_line: 512 << 20,
            max_frame: 1 << 30,
        }
    }

    /// Sets [`max_depth`](Self::max_depth).
    #[must_use]
    pub const fn with_max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }

    /// Sets [`max_bulk`](Self::max_bulk), in bytes.
    #[must_use]
    pub const fn with_max_bulk(mut self, bytes: usize) -> Self {
        self.max_bulk = bytes;
        self
    }

    /// Sets [`max_elements`](Self::max_elements).
    #[must_use]
    pub const fn with_max_elements(mut self, elements: usize) -> Self {
        self.max_elements = elements;
        self
    }

    /// Sets [`max_line`](Self::max_line), in bytes.
    #[must_use]
    pub const fn with_max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Sets [`max_frame`](Self::max_frame), in bytes.
    #[must_use]
    pub const fn with_max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
