//! What a client knows about its server: learned in handshakes and shared by all connections of the client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_resp::{Frame, FrameRef, Kind};
use swarm_transport::PeerIdentity;

use crate::engine::ErrorShape;
use crate::write_cost::WriteCost;

/// The kind of server, from the `server` field of its reply to HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum ServerKind {
    /// The server did not name itself, or by an unknown name. The client takes the precautions that SwarmKeyDb needs.
    #[default]
    Unknown,
    /// SwarmKeyDb: error texts may contain line breaks, keys are decoded as UTF-8, replies are written in pieces.
    SwarmKeyDb,
    /// Redis or a compatible server that escapes line breaks in error texts.
    Redis,
}

impl ServerKind {
    /// The kind of a server that goes by `name`.
    fn of(name: &[u8]) -> Self {
        const ESCAPING: [&str; 4] = ["redis", "valkey", "keydb", "dragonfly"];
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("swarmkeydb") {
            Self::SwarmKeyDb
        } else if ESCAPING.into_iter().any(is) {
            Self::Redis
        } else {
            Self::Unknown
        }
    }
}

/// The highest version of HELLO whose reply from this server is readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum HelloLimit {
    /// Not even the reply to `HELLO 2`: the handshake does without HELLO.
    None,
    /// The reply to `HELLO 3` was garbled.
    Version2,
    /// No garbled reply has been seen.
    #[default]
    Version3,
}

/// The server's name and version, as its reply to HELLO states them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    name: Box<[u8]>,
    version: Box<[u8]>,
}

impl Identity {
    /// Reads a reply to HELLO: a map, or the same fields as a flat array. `None` when the reply is neither.
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
            // A list without this field could be any reply.
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

    pub(crate) fn kind(&self) -> ServerKind {
        ServerKind::of(&self.name)
    }

    /// What transports are told about the server.
    pub(crate) fn peer(&self) -> PeerIdentity {
        PeerIdentity::new().with_server(String::from_utf8_lossy(&self.name))
    }
}

/// The items of a flat array, two by two. `None` when one is left over.
fn pairs(array: FrameRef<'_>) -> Option<Vec<(FrameRef<'_>, FrameRef<'_>)>> {
    let mut items = array.items()?;
    let mut pairs = Vec::new();
    while let Some(key) = items.next() {
        pairs.push((key, items.next()?));
    }
    Some(pairs)
}

/// What is known about the server. Clones share it.
///
/// Every handshake checks it against the connection at hand, so it only saves attempts that are known to fail. When a
/// handshake meets another server, the client forgets what it knew about the previous one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    facts: Mutex<Facts>,
    /// Apart from the rest, since each command looks at it.
    write_cost: WriteCost,
}

#[derive(Debug, Default)]
struct Facts {
    identity: Option<Identity>,
    hello: HelloLimit,
    errors: Option<ErrorShape>,
}

impl Profile {
    /// The kind of server that the last handshake found.
    pub(crate) fn kind(&self) -> ServerKind {
        let facts = self.lock();
        facts
            .identity
            .as_ref()
            .map_or(ServerKind::Unknown, Identity::kind)
    }

    pub(crate) fn hello(&self) -> HelloLimit {
        self.lock().hello
    }

    /// A handshake has learned the server's name and version.
    pub(crate) fn note_identity(&self, identity: Identity) {
        let mut facts = self.lock();
        match &facts.identity {
            Some(known) if *known == identity => return,
            Some(_) => *facts = Facts::default(),
            None => {}
        }
        let writes_at_once = identity.kind() == ServerKind::Redis;
        facts.identity = Some(identity);
        self.0.write_cost.set_free(writes_at_once);
    }

    /// How long the server takes for each key that it writes: nothing on Redis.
    #[inline]
    pub(crate) fn write_cost(&self) -> Duration {
        self.0.write_cost.get()
    }

    /// A key took so long to be written.
    pub(crate) fn note_write(&self, took: Duration) {
        self.0.write_cost.observe(took);
    }

    /// The server's reply to HELLO could not be read.
    pub(crate) fn note_garbled(&self, limit: HelloLimit) {
        let mut facts = self.lock();
        facts.hello = facts.hello.min(limit);
    }

    /// A handshake has seen how the server encodes an error.
    pub(crate) fn note_errors(&self, shape: ErrorShape) {
        let mut facts = self.lock();
        if facts.errors.is_some_and(|known| known != shape) {
            // Another server. Its name, if it has one, is what this handshake has just read.
            facts.hello = HelloLimit::default();
        }
        facts.errors = Some(shape);
    }

    /// The server could not be reached: whatever answers next may be another one.
    pub(crate) fn forget(&self) {
        *self.lock() = Facts::default();
        self.0.write_cost.set_free(false);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner)
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
            ("swarmkeydb", ServerKind::SwarmKeyDb),
            ("SwarmKeyDb", ServerKind::SwarmKeyDb),
            ("redis", ServerKind::Redis),
            ("valkey", ServerKind::Redis),
            ("keydb", ServerKind::Redis),
            ("dragonfly", ServerKind::Redis),
            ("proxy", ServerKind::Unknown),
            ("", ServerKind::Unknown),
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

    #[test]
    fn another_server_makes_the_client_forget_the_previous_one() {
        let profile = Profile::default();
        profile.note_garbled(HelloLimit::Version2);
        profile.note_identity(identity("redis", "7"));
        assert_eq!(profile.hello(), HelloLimit::Version2);
        profile.note_identity(identity("redis", "7"));
        assert_eq!(profile.hello(), HelloLimit::Version2);
        profile.note_identity(identity("redis", "8"));
        assert_eq!(profile.hello(), HelloLimit::Version3);

        profile.note_garbled(HelloLimit::None);
        profile.note_errors(ErrorShape::Words);
        assert_eq!(profile.hello(), HelloLimit::None);
        profile.note_errors(ErrorShape::Real);
        assert_eq!(profile.hello(), HelloLimit::Version3);

        profile.note_garbled(HelloLimit::None);
        profile.forget();
        assert_eq!(profile.hello(), HelloLimit::Version3);
        assert_eq!(profile.kind(), ServerKind::Unknown);
    }
}
