//! The properties in which servers differ, as plain data.

/// Behavior of a connection's server. Determined once, at the end of the handshake.
///
/// Every field states a deviation from a correct Redis-compatible server, so `false` is always the
/// good case. Where the embedded gateway can reproduce the deviation, the field has the name of its
/// quirk.
///
/// Contains only properties that change what the client does. Where one form suits all servers, the
/// client always uses that form: complete stream IDs (`0-0`), inclusive ranges, one name per
/// SUBSCRIBE, `OK` as a simple or a bulk string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent property of the server"
)]
pub(crate) struct ServerProfile {
    /// `array-errors`: errors arrive as an array of their words, the first with the dash. A
    /// property of the connection: the same server sends plain errors over TCP.
    pub(crate) array_errors: bool,
    /// `hello-garbage`: over a transport that may garble RESP3, the reply to `HELLO 3` is
    /// unreadable.
    pub(crate) hello_garbage: bool,
    /// `utf8-input`: arguments other than values are decoded as UTF-8, so bytes that are not UTF-8
    /// become U+FFFD.
    pub(crate) utf8_input: bool,
    /// `cr-lf`: line breaks in error texts are not escaped, so an error may shift every later
    /// reply. Requests whose errors may contain a line break are followed by a fence.
    pub(crate) cr_lf: bool,
    /// A line break in a name is known to corrupt the replies, so a name that contains one is
    /// rejected rather than fenced.
    pub(crate) line_breaks: bool,
    /// The empty key is an error, in MSET after the keys ahead of it have been written.
    pub(crate) empty_names: bool,
    /// Patterns of channels become regular expressions, so an empty or reversed class makes every
    /// PUBLISH on the server fail.
    pub(crate) regex_patterns: bool,
    /// INCRBY with an increment that is not an integer ends the connection without a reply.
    pub(crate) fragile_incrby: bool,
    /// `write-queue`: each key written takes time, so default deadlines grow with the number of
    /// keys.
    pub(crate) write_queue: bool,
    /// `torn-writes`: commands of other connections run in the middle of a transaction.
    pub(crate) torn_writes: bool,
    /// Changes of keys may not be announced to connections that track them: SwarmKeyDb drops
    /// messages without a sign, and announces neither what scripts and HTTP clients write nor what
    /// expires.
    pub(crate) lost_invalidations: bool,
    /// `tracking-everything`: over RESP2, too, changes are announced to connections that track,
    /// as arrays among the replies. Changes of all keys are, by commands without effect as well.
    pub(crate) tracking_everything: bool,
    /// PING may be answered with an error, as Redis does while it loads data or runs a script.
    pub(crate) refuses_ping: bool,
}

impl ServerProfile {
    /// Default limit of the shared connections of a client: many for a server that runs the
    /// commands of one connection one after another, as a write queue implies.
    pub(crate) const fn max_connections(&self) -> usize {
        if self.write_queue { 64 } else { 1 }
    }
}

impl Default for ServerProfile {
    /// A server that is not recognized: assumed to keep every byte, as Redis does, but not to
    /// escape line breaks in errors.
    fn default() -> Self {
        Self {
            array_errors: false,
            hello_garbage: false,
            utf8_input: false,
            cr_lf: true,
            line_breaks: false,
            empty_names: false,
            regex_patterns: false,
            fragile_incrby: false,
            write_queue: true,
            torn_writes: true,
            lost_invalidations: true,
            tracking_everything: false,
            refuses_ping: true,
        }
    }
}
