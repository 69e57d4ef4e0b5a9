//! Copies of short-lived frames, in memory that is used again for the next once a frame is dropped.

use bytes::{Bytes, BytesMut};

use crate::frame::shares;

/// How long a frame may be whose memory is kept for the next.
const LARGEST: usize = 64 << 10;

/// Copies bytes. Most frames are dropped before the next one is decoded, and then nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct Copies {
    buffer: BytesMut,
    /// Where the memory behind `buffer` begins, and how long it is.
    start: usize,
    size: usize,
}

impl Copies {
    /// A copy, whose memory is not many times as large.
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
