//! Detection of a connection's server profile, from the handshake, the transport, and the option
//! that pins it.

use swarm_resp::{Frame, FrameRef, Kind};
use swarm_transport::PeerIdentity;

use super::profile::ServerProfile;
use super::{redis, swarmkeydb};

/// Kind of server, for [`ClientOptions::server`](crate::ClientOptions::server).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerKind {
    /// SwarmKeyDb. The client rejects what this server would corrupt: names with line breaks or
    /// invalid UTF-8, empty keys, and patterns with empty or reversed classes.
    SwarmKeyDb,
    /// Redis, or a compatible server: Valkey, KeyDB, Dragonfly. Keys, channels and values may
    /// contain any bytes.
    Redis,
}

impl ServerKind {
    /// Returns the kind of the server with this name, or `None` for an unknown name.
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

    /// Returns the profile of servers of this kind.
    pub(crate) const fn profile(self) -> ServerProfile {
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
    /// Parses a reply to HELLO: a map, or the same fields as a flat array. Returns `None` for any
    /// other reply.
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

    /// Returns the identity in the form that transports take.
    pub(crate) fn peer(&self) -> PeerIdentity {
        PeerIdentity::new().with_server(String::from_utf8_lossy(&self.name))
    }
}

/// Pairs up the elements of a flat array. Returns `None` for an odd number.
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
    /// The kind pinned by the options, which takes precedence.
    pub(crate) pinned: Option<ServerKind>,
    /// The kind named by the reply to HELLO.
    pub(crate) named: Option<ServerKind>,
    /// Whether the connection goes through a SwarmKeyDb gateway: the transport is WebSocket or
    /// HTTP, errors arrive as arrays, or a reply to HELLO was garbled.
    pub(crate) gateway: bool,
    /// Whether errors arrive as arrays.
    pub(crate) array_errors: bool,
}

impl Detection {
    /// Returns what is known about a server behind HTTP, where there is no handshake.
    pub(crate) fn over_http(pinned: Option<ServerKind>) -> Self {
        Self {
            pinned,
            gateway: true,
            ..Self::default()
        }
    }

    /// Returns the resulting profile.
    pub(crate) fn profile(self) -> ServerProfile {
        let facts = match (self.pinned.or(self.named), self.gateway) {
            (Some(kind), _) => kind.profile(),
            (None, true) => swarmkeydb::UNNAMED_GATEWAY,
            (None, false) => ServerProfile::default(),
        };
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
    fn only_servers_that_may_run_a_connection_serially_get_several_connections() {
        for (profile, connections) in [
            (redis::REDIS, 1),
            (swarmkeydb::SWARM_KEY_DB, 64),
            (swarmkeydb::UNNAMED_GATEWAY, 64),
            (ServerProfile::default(), 64),
        ] {
            assert_eq!(profile.max_connections(), connections);
        }
    }

    #[test]
    fn the_identity_is_parsed_from_a_map_or_a_flat_array_only() {
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

    #[test]
    fn the_pinned_kind_precedes_the_name_and_the_name_precedes_the_transport() {
        let detect = |pinned, named, gateway| {
            let detection = Detection {
                pinned,
                named,
                gateway,
                array_errors: false,
            };
            detection.profile()
        };
        let (swarm, redis) = (Some(ServerKind::SwarmKeyDb), Some(ServerKind::Redis));
        for gateway in [false, true] {
            assert_eq!(detect(None, swarm, gateway), swarmkeydb::SWARM_KEY_DB);
            assert_eq!(detect(None, redis, gateway), redis::REDIS);
            for named in [None, swarm, redis] {
                assert_eq!(detect(swarm, named, gateway), swarmkeydb::SWARM_KEY_DB);
                assert_eq!(detect(redis, named, gateway), redis::REDIS);
            }
        }
        assert_eq!(detect(None, None, true), swarmkeydb::UNNAMED_GATEWAY);
        assert_eq!(detect(None, None, false), ServerProfile::default());
        assert_eq!(
            Detection::over_http(None).profile(),
            swarmkeydb::UNNAMED_GATEWAY
        );
        assert_eq!(Detection::over_http(redis).profile(), redis::REDIS);
    }
}
