//! A reusable buffer for copies of short-lived frames.

use bytes::{Bytes, BytesMut};

use crate::frame::shares;

/// Maximum length of a frame whose memory is reused.
const LARGEST: usize = 64 << 10;

/// Copies bytes into a buffer that is reused once previous copies are dropped, as most frames are
/// before the next is decoded.
#[derive(Debug, Default)]
pub(super) struct CopyBuffer {
    buffer: BytesMut,
    /// Address and size of the allocation of `buffer`.
    start: usize,
    size: usize,
}

impl CopyBuffer {
    /// Copies bytes, into an allocation that is not many times larger.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > LARGEST {
            return Bytes::copy_from_slice(bytes);
        }
        self.buffer.reserve(bytes.len());
        let at = self.buffer.as_ptr().addr();
        let is_same = at
            .checked_sub(self.start)
            .is_some_and(|offset| offset.saturating_add(bytes.len()) <= self.size);
        if !is_same {
            (self.start, self.size) = (at, self.buffer.capacity());
        }
        if !shares(bytes.len(), self.size) {
            return Bytes::copy_from_slice(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        self.buffer.split().freeze()
    }
}
