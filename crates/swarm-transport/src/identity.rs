//! Identity of the server, as learned in the handshake.

use std::fmt;

use crate::Printable;

/// Identity of the server at the other end of a connection, passed to
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
    /// Creates an identity without a name, for a server that did not report one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the server's name: the field `server` of the reply to `HELLO`.
    #[must_use]
    pub fn with_server(mut self, name: impl Into<String>) -> Self {
        self.server = Some(name.into());
        self
    }

    /// Returns the server's name, or `None` if the server did not report one.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns whether the server reported its name as SwarmKeyDb.
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
