//! Tracks the size of the read buffer, which a frame that shares it would retain.

/// Tracks a buffer across calls of a decoder, which sees only the unread part of it.
///
/// A buffer is identified by its end address, which does not change when frames are removed from
/// its front, or when the unread part is moved to its front. If another buffer happens to end at
/// the same address, the size is overestimated, so a frame may be copied that could have been
/// shared.
#[derive(Debug, Default)]
pub(crate) struct BufferSize {
    end: usize,
    start: usize,
    /// Stream offset at the last observation.
    taken: u64,
    /// The minimum size set by the caller.
    min_size: usize,
}

impl BufferSize {
    /// Sets the minimum size of buffers.
    pub(crate) const fn set_min_size(&mut self, bytes: usize) {
        self.min_size = bytes;
    }

    /// Returns the size of the buffer whose unread part is `left`, at offset `taken` of the stream.
    #[inline]
    pub(crate) fn size(&mut self, left: *const u8, len: usize, taken: u64) -> usize {
        let at = left.addr();
        if at.wrapping_add(len) != self.end || at < self.start {
            self.observe(left, len, taken);
        }
        self.end.wrapping_sub(self.start).max(self.min_size)
    }

    /// Observes the unread part of the buffer before the caller extends or replaces it.
    pub(crate) fn observe(&mut self, left: *const u8, len: usize, taken: u64) {
        let left = left.addr();
        let end = left.saturating_add(len);
        // Frames were removed from this buffer since the last observation.
        let since = usize::try_from(taken.saturating_sub(self.taken)).unwrap_or(usize::MAX);
        let mut start = left.saturating_sub(since);
        if end == self.end {
            start = start.min(self.start);
        }
        (self.end, self.start, self.taken) = (end, start, taken);
    }
}
