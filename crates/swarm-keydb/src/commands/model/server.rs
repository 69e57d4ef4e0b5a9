//! What servers say of themselves.

use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, ToArgs};

use crate::command::CommandOptions;

/// What a server says of itself in its answer to HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerInfo {
    /// `swarmkeydb`, `redis`, …
    pub server: String,
    /// The server's version.
    pub version: String,
    /// The protocol that the connection speaks: 2 or 3.
    pub proto: i64,
    /// The connection's number.
    pub id: i64,
    /// `standalone`, `cluster`, …
    pub mode: String,
    /// `master` or `replica`.
    pub role: String,
}

/// Reads a map, or the flat array that stands for it in RESP2. Fields it does not know are passed over.
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

/// How much SWARM.RESYNC reads again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resync {
    /// What changed.
    Partial,
    /// Everything.
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
