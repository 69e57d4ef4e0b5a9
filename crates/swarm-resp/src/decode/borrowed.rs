//! Decoding without an owner of the bytes: a view into the caller's slice and the decoder's own index.

use std::slice;

use super::{DecodeError, Decoder};
use crate::frame::FrameRef;

impl Decoder {
    /// Reads the frame at the front of `input` as a view: nothing is owned, copied or, once the decoder's index is
    /// large enough, allocated. Answers how many bytes the frame took as well: the next call gets what follows them.
    ///
    /// This is for readers that look at a reply and let go of it, such as a proxy that routes by a command's key. It
    /// spares the share of the buffer that an owned [`Frame`](crate::Frame) takes. [`FrameRef::to_frame`] and
    /// [`FrameRef::to_bytes`] copy out of such a view. A streamed string, which lies in chunks, is put together in
    /// the decoder, and any other text of its frame is copied there with it.
    ///
    /// Answers `Ok(None)` while the frame is incomplete. What was scanned is remembered: call again with the same
    /// bytes, at any address, and more behind them. [`decode`](Self::decode) and
    /// [`decode_bytes`](Self::decode_bytes) may go on with the same stream, and the other way around.
    ///
    /// The decoder holds the index of the last frame until its next call.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    ///
    /// ```
    /// use swarm_resp::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// let mut input = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n:4".as_slice();
    /// let mut keys = Vec::new();
    /// while let Some((frame, len)) = decoder.decode_ref(input)? {
    ///     keys.extend(frame.items().and_then(|mut words| words.nth(1)?.as_str()).map(String::from));
    ///     input = &input[len..];
    /// }
    /// assert_eq!(keys, ["key"]);
    /// assert_eq!(input, b":4");
    /// # Ok::<(), swarm_resp::DecodeError>(())
    /// ```
    #[inline]
    pub fn decode_ref<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(FrameRef<'a>, usize)>, DecodeError> {
        self.scanner.reclaim();
        if let Some((node, len)) = self.leaf(input) {
            self.took_leaf(len);
            let nodes = slice::from_ref(self.lone.insert(node));
            return Ok(Some((FrameRef::new(input, None, nodes), len)));
        }
        let Some(len) = self.scan(input)? else {
            return Ok(None);
        };
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.lent = true;
        let mut bytes = input;
        if self.scanner.has_joined {
            self.scanner.join(input.get(..len).unwrap_or(input));
            bytes = &self.scanner.joined;
        }
        let frame = FrameRef::new(bytes, None, &self.scanner.nodes);
        Ok(Some((frame, len)))
    }
}
