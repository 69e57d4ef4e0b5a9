//! Redis, and the servers that behave like it: Valkey, KeyDB and Dragonfly.

use super::profile::ServerProfile;

/// Redis. It keeps every byte of a key, a channel or a value, and escapes line breaks in errors.
pub(super) const REDIS: ServerProfile = ServerProfile {
    array_errors: false,
    hello_garbage: false,
    utf8_input: false,
    cr_lf: false,
    line_breaks: false,
    empty_names: false,
    regex_patterns: false,
    fragile_incrby: false,
    write_queue: false,
    torn_writes: false,
    lost_invalidations: false,
    tracking_everything: false,
    refuses_ping: true,
};
