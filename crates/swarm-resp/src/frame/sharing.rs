//! Decides whether a value shares the buffer it was decoded from, or is copied.
//!
//! Sharing keeps the whole buffer in memory, so a value shares a buffer only if it makes up a large
//! enough part of it.

/// A value shares a buffer of at most this many times its own size.
const SMALL_BUFFER: usize = 8;

/// A string of at least this size also shares a larger buffer, because copying it would cost more.
const LONG_TEXT: usize = 1 << 10;

/// A long string shares a buffer of at most this many times its own size.
const LARGE_BUFFER: usize = 64;

/// Returns whether a value of `len` bytes shares a buffer of `buffer` bytes.
#[inline]
pub(crate) const fn shares(len: usize, buffer: usize) -> bool {
    buffer / SMALL_BUFFER <= len
}

/// Returns whether a frame of `len` bytes that is a single string shares a buffer of `buffer`
/// bytes.
#[inline]
pub(crate) const fn text_shares(len: usize, buffer: usize) -> bool {
    if len >= LONG_TEXT {
        buffer / LARGE_BUFFER <= len
    } else {
        shares(len, buffer)
    }
}
