//! Decoding to a view that borrows the caller's slice and the decoder's index.

use std::slice;

use super::{DecodeError, Decoder};
use crate::frame::FrameRef;

impl Decoder {
    /// Decodes the frame at the front of `input` as a borrowed view, and returns it with its
    /// encoded length. Nothing is copied, and nothing is allocated once the decoder's index is
    /// large enough. Pass the data after the frame to the next call.
    ///
    /// Use this method to inspect a frame and drop it, for example in a proxy that routes by a
    /// command's key: it avoids sharing the buffer with an owned [`Frame`](crate::Frame).
    /// [`FrameRef::to_frame`] and [`FrameRef::to_bytes`] copy data out of the view. A streamed
    /// string, which arrives in chunks, is assembled in the decoder, and all other text of its
    /// frame is copied there, too.
    ///
    /// Returns `Ok(None)` while the frame is incomplete. Then call again with the same data, at any
    /// address, followed by more. Calls of this method, [`decode`](Self::decode) and
    /// [`decode_bytes`](Self::decode_bytes) may alternate on one stream.
    ///
    /// The decoder retains the index of the last frame until its next call.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode).
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_resp::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// let mut input = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n:4".as_slice();
    /// let mut keys = Vec::new();
    /// while let Some((frame, len)) = decoder.decode_ref(input)? {
    ///     let key = frame.items().and_then(|mut args| args.nth(1)?.as_str());
    ///     keys.extend(key.map(String::from));
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
            self.record_leaf(len);
            let nodes = slice::from_ref(self.borrowed_leaf.insert(node));
            return Ok(Some((FrameRef::new(input, None, nodes), len)));
        }
        let Some(len) = self.scan(input)? else {
            return Ok(None);
        };
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.borrowed = true;
        let mut bytes = input;
        if self.scanner.has_joined {
            self.scanner.join(input.get(..len).unwrap_or(input));
            bytes = &self.scanner.joined;
        }
        let frame = FrameRef::new(bytes, None, &self.scanner.nodes);
        Ok(Some((frame, len)))
    }
}
