//! SwarmKeyDb.

use super::profile::ServerProfile;

/// SwarmKeyDb, over every transport.
pub(super) const SWARM_KEY_DB: ServerProfile = ServerProfile {
    array_errors: false,
    hello_garbage: true,
    utf8_input: true,
    cr_lf: true,
    line_breaks: true,
    empty_names: true,
    regex_patterns: true,
    fragile_incrby: true,
    write_queue: true,
    torn_writes: true,
    lost_invalidations: true,
    tracking_everything: true,
    refuses_ping: false,
};

/// A gateway that did not name a known server: one before HELLO, behind a proxy, or behind HTTP,
/// which has no handshake. Only SwarmKeyDb's gateways speak RESP over WebSocket or HTTP, so the
/// client rejects whatever could corrupt replies or affect other clients there. Names that are not
/// UTF-8 are left to the transport, which knows whether it can carry them.
pub(super) const UNNAMED_GATEWAY: ServerProfile = ServerProfile {
    hello_garbage: false,
    utf8_input: false,
    tracking_everything: false,
    refuses_ping: true,
    ..SWARM_KEY_DB
};
