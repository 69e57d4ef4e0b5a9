//! What a peer may make a decoder do.

/// Bounds on what is decoded, checked before anything is reserved.
///
/// The defaults stop the attacks named at each field, and admit what Redis sends but for two kinds of reply, on which
/// Redis itself has no bound: aggregates of more than 16,777,216 values (an LRANGE of all of a longer list), and
/// replies of more than 1 GiB (an MGET of three values of 512 MiB). To receive those, raise
/// [`max_elements`](Self::max_elements) and [`max_frame`](Self::max_frame), or ask for less at a time.
///
/// A decoder never reserves memory for a length or a count that is only announced: memory grows with what has arrived,
/// so these bounds are what a peer can make a decoder hold by really sending it.
///
/// ```
/// use swarm_resp::{Decoder, Limits};
///
/// // A server that takes small commands only.
/// let limits = Limits::new().with_max_depth(1).with_max_bulk(64 << 10);
/// let decoder = Decoder::with_limits(limits);
/// # drop(decoder);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep aggregates may nest, attributes included. Stops `*1\r\n*1\r\n…`, which overflows the stack of recursive
    /// readers. Default 128.
    pub max_depth: usize,
    /// Bytes of one bulk string, bulk error or verbatim string, all chunks of a streamed one together. Stops a peer
    /// that announces gigabytes and makes the reader wait and buffer for them. Default 512 MiB, as in Redis.
    pub max_bulk: usize,
    /// Values in one frame, nested ones included; a pair of a map is two. Stops `*2147483647\r\n` and floods of tiny
    /// values, each of which costs an index entry of 12 bytes, held twice while the frame is made. Default 16,777,216.
    pub max_elements: usize,
    /// Bytes of one line: simple strings and errors, doubles, big numbers. Stops a line without an end, which the reader
    /// would buffer for ever. Default 512 MiB, as for bulk strings: a line of MONITOR holds whole arguments, and
    /// `redis.status_reply` in a script any text.
    pub max_line: usize,
    /// Bytes of one frame on the wire. Stops a frame that stays below all other limits, yet fills the memory.
    /// Default 1 GiB; never more than 2 GiB less one byte, whatever is set, for the index counts in 32 bits.
    pub max_frame: usize,
}

impl Limits {
    /// The defaults.
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
