//! Encodes options that have a value.

use swarm_resp::{ArgSink, ToArg};

/// Appends an option with a value.
pub(super) fn option(sink: &mut impl ArgSink, name: &str, value: impl ToArg) {
    sink.arg(name.as_bytes());
    sink.arg(&value.to_arg());
}
