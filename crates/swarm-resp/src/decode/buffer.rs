//! How large the buffer is that frames are taken from: what a frame that shares it would keep.

/// Follows a buffer through the calls of a decoder, which only ever sees what is left of it.
///
/// A buffer is known by where it ends: that stays when frames are taken off its front, and when what is left of it is
/// moved to its front. Another buffer that happens to end at the same address makes the size too large, so a frame may
/// be copied that could have been shared.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    end: usize,
    start: usize,
    /// Bytes that the decoder had taken when it looked last.
    taken: u64,
    /// What the caller knows it to be at least.
    known: usize,
}

impl Buffer {
    /// Sets the size that a buffer has at least.
    pub(super) const fn set_known(&mut self, bytes: usize) {
        self.known = bytes;
    }

    /// The size of the buffer of which this is left, `taken` bytes into the stream.
    #[inline]
    pub(super) fn size(&mut self, left: *const u8, len: usize, taken: u64) -> usize {
        let at = left.addr();
        if at.wrapping_add(len) != self.end || at < self.start {
            self.look(left, len, taken);
        }
        self.end.wrapping_sub(self.start).max(self.known)
    }

    /// Looks at what is left of the buffer before the caller adds to it or replaces it.
    pub(super) fn look(&mut self, left: *const u8, len: usize, taken: u64) {
        let left = left.addr();
        let end = left.saturating_add(len);
        // Between two looks, frames were taken off this buffer.
        let since = usize::try_from(taken.saturating_sub(self.taken)).unwrap_or(usize::MAX);
        let mut start = left.saturating_sub(since);
        if end == self.end {
            start = start.min(self.start);
        }
        (self.end, self.start, self.taken) = (end, start, taken);
    }
}
