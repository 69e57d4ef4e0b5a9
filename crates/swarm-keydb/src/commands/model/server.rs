//! Information about servers.

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, ToArgs};

use crate::command::CommandOptions;

/// Server's description of itself, from the reply to HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Name of the server: `swarmkeydb`, `redis`, …
    pub server: String,
    /// Version of the server.
    pub version: String,
    /// RESP version of the connection: 2 or 3.
    pub proto: i64,
    /// ID of the connection.
    pub id: i64,
    /// Mode of the server: `standalone`, `cluster`, …
    pub mode: String,
    /// Replication role: `master` or `replica`.
    pub role: String,
}

/// Reads a map, or the flat array that represents it in RESP2. Ignores unknown fields.
pub(in crate::commands) fn server_info(reply: &Frame) -> Result<ServerInfo, ConvertError> {
    let mut items = reply
        .items()
        .ok_or_else(|| ConvertError::new("a map", reply.view()))?;
    let mut info = ServerInfo::default();
    let text = |value: FrameRef<'_>| value.as_str().unwrap_or_default().to_owned();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        match name.as_str() {
            Some("server") => info.server = text(value),
            Some("version") => info.version = text(value),
            Some("proto") => info.proto = value.as_integer().unwrap_or_default(),
            Some("id") => info.id = value.as_integer().unwrap_or_default(),
            Some("mode") => info.mode = text(value),
            Some("role") => info.role = text(value),
            _ => {}
        }
    }
    if info.server.is_empty() {
        return Err(ConvertError::new(
            "a map that names the server",
            reply.view(),
        ));
    }
    Ok(info)
}

/// Scope of SWARM.RESYNC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resync {
    /// Reloads changes only.
    Partial,
    /// Reloads all data.
    Full,
}

impl ToArgs for Resync {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::Partial => b"PARTIAL",
            Self::Full => b"FULL",
        });
    }
}

impl CommandOptions for Resync {}

/// Reads the names and values of a map, or of the flat array that represents it in RESP2.
pub(super) fn fields(reply: FrameRef<'_>) -> Result<Vec<(Bytes, FrameRef<'_>)>, ConvertError> {
    let mut items = (reply.items()).ok_or_else(|| ConvertError::new("a map", reply))?;
    let mut fields = Vec::with_capacity(items.len() / 2);
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        fields.push((name.convert()?, value));
    }
    Ok(fields)
}
