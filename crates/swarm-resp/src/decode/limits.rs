//! What a peer may make a decoder do.

/// Bounds on what is decoded, checked before anything is reserved.
///
/// The defaults admit what Redis sends by default and stop the attacks named at each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep aggregates may nest. Stops `*1\r\n*1\r\n…`, which overflows the stack of recursive readers.
    /// Default 128.
    pub max_depth: usize,
    /// Bytes of one bulk string, bulk error or verbatim string, all chunks of a streamed one together. Stops a peer that announces gigabytes
    /// and makes the reader wait and buffer for them. Default 512 MiB, as in Redis.
    pub max_bulk: usize,
    /// Values in one frame, nested ones included. Stops `*2147483647\r\n` and floods of tiny values, each of which
    /// costs an index entry of 12 bytes. Default 16,777,216.
    pub max_elements: usize,
    /// Bytes of one line: simple strings and errors, big numbers, headers. Stops a line without an end.
    /// Default 64 KiB.
    pub max_line: usize,
    /// Bytes of one frame on the wire. Stops a frame that stays below all other limits, yet fills the memory.
    /// Default 1 GiB; at most 4 GiB less one byte, whatever is set.
    pub max_frame: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 128,
            max_bulk: 512 << 20,
            max_elements: 1 << 24,
            max_line: 64 << 10,
            max_frame: 1 << 30,
        }
    }
}
