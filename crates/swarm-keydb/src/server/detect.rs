//! Chooses the profile of a connection, from the handshake, the transport, and the option that pins it.

use swarm_resp::{Frame, FrameRef, Kind};
use swarm_transport::PeerIdentity;

use super::profile::ServerProfile;
use super::{redis, swarmkeydb};

/// The kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum ServerKind {
    /// SwarmKeyDb.
    SwarmKeyDb,
    /// Redis, or a server that behaves like it: Valkey, KeyDB, Dragonfly.
    Redis,
}

impl ServerKind {
    /// The kind of a server that goes by `name`. `None` if the name is not known.
    fn named(name: &[u8]) -> Option<Self> {
        const KINDS: [(&str, ServerKind); 5] = [
            ("swarmkeydb", ServerKind::SwarmKeyDb),
            ("redis", ServerKind::Redis),
            ("valkey", ServerKind::Redis),
            ("keydb", ServerKind::Redis),
            ("dragonfly", ServerKind::Redis),
        ];
        let known = KINDS
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        known.map(|(_, kind)| kind)
    }

    /// The facts about servers of this kind.
    const fn profile(self) -> ServerProfile {
        match self {
            Self::SwarmKeyDb => swarmkeydb::SWARM_KEY_DB,
            Self::Redis => redis::REDIS,
        }
    }
}

/// The server's name and version, as stated in its reply to HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    name: Box<[u8]>,
    version: Box<[u8]>,
}

impl Identity {
    /// Reads a reply to HELLO: a map, or the same fields as a flat array. `None` if the reply is neither.
    pub(crate) fn read(reply: &Frame) -> Option<Self> {
        let fields: Vec<_> = match reply.kind() {
            Kind::Map => reply.pairs()?.collect(),
            Kind::Array => pairs(reply.view())?,
            _ => return None,
        };
        let field = |name: &[u8]| {
            let value = fields
                .iter()
                .find(|(key, _)| key.as_bytes() == Some(name))?
                .1;
            value.as_bytes().map(Box::from)
        };
        match (field(b"server"), reply.kind()) {
            // An array without this field could be any reply.
            (None, Kind::Array) => None,
            (name, _) => Some(Self {
                name: name.unwrap_or_default(),
                version: field(b"version").unwrap_or_default(),
            }),
        }
    }

    pub(crate) const fn is_named(&self) -> bool {
        !self.name.is_empty()
    }

    pub(crate) fn kind(&self) -> Option<ServerKind> {
        ServerKind::named(&self.name)
    }

    /// The identity as transports take it.
    pub(crate) fn peer(&self) -> PeerIdentity {
        PeerIdentity::new().with_server(String::from_utf8_lossy(&self.name))
    }
}

/// Pairs up the elements of a flat array. `None` if one is left over.
fn pairs(array: FrameRef<'_>) -> Option<Vec<(FrameRef<'_>, FrameRef<'_>)>> {
    let mut items = array.items()?;
    let mut pairs = Vec::new();
    while let Some(key) = items.next() {
        pairs.push((key, items.next()?));
    }
    Some(pairs)
}

/// What is known about the server of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Detection {
    /// The kind that the reply to HELLO named.
    pub(crate) named: Option<ServerKind>,
    /// Whether errors arrive as arrays of words.
    pub(crate) array_errors: bool,
}

impl Detection {
    /// The profile that follows.
    pub(crate) fn profile(self) -> ServerProfile {
        let facts = self.named.map(ServerKind::profile).unwrap_or_default();
        ServerProfile {
            array_errors: self.array_errors,
            ..facts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str, version: &str) -> Identity {
        Identity {
            name: name.as_bytes().into(),
            version: version.as_bytes().into(),
        }
    }

    #[test]
    fn only_servers_known_to_escape_line_breaks_count_as_redis() {
        for (name, kind) in [
            ("swarmkeydb", Some(ServerKind::SwarmKeyDb)),
            ("SwarmKeyDb", Some(ServerKind::SwarmKeyDb)),
            ("redis", Some(ServerKind::Redis)),
            ("valkey", Some(ServerKind::Redis)),
            ("keydb", Some(ServerKind::Redis)),
            ("dragonfly", Some(ServerKind::Redis)),
            ("proxy", None),
            ("", None),
        ] {
            assert_eq!(identity(name, "1").kind(), kind, "{name}");
        }
    }

    #[test]
    fn the_server_is_named_by_a_map_or_by_a_flat_array_and_by_nothing_else() {
        let bulks = |words: &[&'static str]| {
            let words: Vec<_> = words.iter().copied().map(Frame::bulk).collect();
            Frame::array(&words)
        };
        let flat = bulks(&["version", "7.0.0", "server", "swarmkeydb"]);
        assert_eq!(Identity::read(&flat), Some(identity("swarmkeydb", "7.0.0")));
        let map = |name: &str| {
            Frame::build(|reply| {
                reply.map(|map| {
                    map.bulk(name.as_bytes());
                    map.bulk(b"redis");
                });
            })
        };
        assert_eq!(Identity::read(&map("server")), Some(identity("redis", "")));
        assert_eq!(Identity::read(&map("mode")), Some(identity("", "")));
        for garbage in [
            bulks(&["%7"]),
            bulks(&["a", "server"]),
            bulks(&["server", "redis", "version"]),
            Frame::simple("OK"),
            Frame::array([]),
        ] {
            assert_eq!(Identity::read(&garbage), None, "{garbage:?}");
        }
    }
}
