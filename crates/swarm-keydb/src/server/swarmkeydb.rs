//! SwarmKeyDb.

use super::profile::ServerProfile;

/// SwarmKeyDb, over every transport.
pub(super) const SWARM_KEY_DB: ServerProfile = ServerProfile {
    array_errors: false,
    hello_garbage: true,
    utf8_input: true,
    cr_lf: true,
    write_queue: true,
    refuses_ping: false,
};
