//! Conversion of replies that several families share.

use swarm_resp::{ConvertError, Frame, FromFrame};

/// Reads a list, or null if the key does not exist.
pub(in crate::commands) fn or_empty<T: FromFrame + Default>(
    reply: &Frame,
) -> Result<T, ConvertError> {
    reply.convert::<Option<T>>().map(Option::unwrap_or_default)
}

/// Reads a position, or -1 if there is none.
pub(in crate::commands) fn position(reply: &Frame) -> Result<Option<u64>, ConvertError> {
    match reply.as_integer() {
        Some(-1) => Ok(None),
        _ => reply.convert().map(Some),
    }
}

/// Reads a name; null or empty if there is none.
pub(in crate::commands) fn named(reply: &Frame) -> Result<Option<String>, ConvertError> {
    let name: Option<String> = reply.convert()?;
    Ok(name.filter(|name| !name.is_empty()))
}
