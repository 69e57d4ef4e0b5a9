//! When a value shares the buffer that it arrived in, and when it is copied out of it.
//!
//! Whoever shares a buffer keeps all of it. So a value shares one only if it is a good part of it itself.

/// A value always shares a buffer of at most this many times its own size.
const SMALL_BUFFER: usize = 8;

/// A text of at least this many bytes shares a larger buffer as well: copying it would cost more than sharing it.
const LONG_TEXT: usize = 1 << 10;

/// How many times as large as the text that buffer may be.
const LARGE_BUFFER: usize = 64;

/// Whether a value of `len` bytes shares a buffer of `buffer` bytes.
#[inline]
pub(crate) const fn shares(len: usize, buffer: usize) -> bool {
    buffer / SMALL_BUFFER <= len
}

/// Whether a frame of `len` bytes that is nothing but a text shares a buffer of `buffer` bytes.
#[inline]
pub(crate) const fn text_shares(len: usize, buffer: usize) -> bool {
    if len >= LONG_TEXT {
        buffer / LARGE_BUFFER <= len
    } else {
        shares(len, buffer)
    }
}
