//! What a handshake learned about the server, for transports that adapt to it.

use std::fmt;

use crate::Printable;

/// What the layer above learned about the server in its handshake, passed to
/// [`Transport::peer_identified`](crate::Transport::peer_identified).
///
/// ```
/// use swarm_transport::PeerIdentity;
///
/// let peer = PeerIdentity::new().with_server("swarmkeydb");
/// assert!(peer.is_swarmkeydb());
/// assert!(!PeerIdentity::new().is_swarmkeydb());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PeerIdentity {
    server: Option<String>,
}

impl PeerIdentity {
    /// An identity with no known fields: the server did not say what it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the server's name, as `HELLO` replies it in the field `server`.
    #[must_use]
    pub fn with_server(mut self, name: impl Into<String>) -> Self {
        self.server = Some(name.into());
        self
    }

    /// Returns the server's name, or `None` if the server did not give one.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Whether the server named itself SwarmKeyDb.
    pub fn is_swarmkeydb(&self) -> bool {
        self.server()
            .is_some_and(|name| name.eq_ignore_ascii_case("swarmkeydb"))
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server().map(|name| Printable(name).to_string());
        f.debug_struct("PeerIdentity")
            .field("server", &server)
            .finish()
    }
}
