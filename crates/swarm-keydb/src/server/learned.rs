//! What the client has learned about its server. Shared by all of its connections.
//!
//! A [`ServerProfile`] describes the server of one connection; this module keeps what helps the
//! next connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::detect::{Identity, ServerKind};
use super::profile::ServerProfile;
use super::write_cost::WriteCost;

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

/// Whether a script can be sent by its digest, in a transaction that proves whether it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Digests {
    /// Not known whether the server permits such a transaction.
    #[default]
    Untried,
    /// The server has run one.
    Usable,
    /// The server rejected one, or does not isolate transactions.
    Unusable,
}

/// What is known about the server. Clones share it.
///
/// Every handshake verifies this knowledge on its own connection, so the knowledge only saves
/// attempts that are known to fail. When a handshake meets another server, the client forgets what
/// it knew about the previous one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    server: Mutex<Server>,
    /// Outside the lock, because every command reads it.
    write_cost: WriteCost,
}

#[derive(Debug, Default)]
struct Server {
    /// The endpoint, if the connector chooses among several.
    endpoint: Option<u64>,
    identity: Option<Identity>,
    hello: HelloLimit,
    array_errors: Option<bool>,
    profile: Option<ServerProfile>,
    digests: Digests,
}

impl Learned {
    /// The kind of server that the last handshake found.
    pub(crate) fn kind(&self) -> Option<ServerKind> {
        self.lock().identity.as_ref()?.kind()
    }

    pub(crate) fn hello(&self) -> HelloLimit {
        self.lock().hello
    }

    /// The next handshake is with this endpoint, of several. Forgets what is known about another.
    pub(crate) fn enter(&self, endpoint: u64) {
        let mut server = self.lock();
        if server.endpoint == Some(endpoint) {
            return;
        }
        *server = Server {
            endpoint: Some(endpoint),
            ..Server::default()
        };
        self.0.write_cost.set_free(false);
    }

    /// Records the server's name and version, from the reply to HELLO.
    pub(crate) fn note_identity(&self, identity: Identity) {
        let mut server = self.lock();
        match &server.identity {
            Some(known) if *known == identity => return,
            Some(_) => {
                *server = Server {
                    endpoint: server.endpoint,
                    ..Server::default()
                };
            }
            None => {}
        }
        server.identity = Some(identity);
    }

    /// Records the profile of a connection that is ready.
    pub(crate) fn note_profile(&self, profile: ServerProfile) {
        let mut server = self.lock();
        server.profile = Some(profile);
        if server.digests == Digests::Unusable {
            // The new connection may have other permissions.
            server.digests = Digests::Untried;
        }
        drop(server);
        self.0.write_cost.set_free(!profile.write_queue);
    }

    /// Returns the profile of the last connection, for rejecting early what would be rejected when
    /// it is sent. The connection that is about to send a command decides.
    pub(crate) fn profile(&self) -> Option<ServerProfile> {
        self.lock().profile
    }

    /// Whether scripts can be sent by their digests.
    pub(crate) fn digests(&self) -> Digests {
        let server = self.lock();
        match server.profile {
            Some(profile) if !profile.torn_writes => server.digests,
            _ => Digests::Unusable,
        }
    }

    /// Records whether a transaction for a digest ran.
    pub(crate) fn note_digests(&self, digests: Digests) {
        self.lock().digests = digests;
    }

    /// Returns the time that the server takes for each key written: zero on Redis.
    #[inline]
    pub(crate) fn write_cost(&self) -> Duration {
        self.0.write_cost.get()
    }

    /// Records how long the server took to write a key.
    pub(crate) fn note_write(&self, took: Duration) {
        self.0.write_cost.observe(took);
    }

    /// Records that the server's reply to HELLO could not be read.
    pub(crate) fn note_garbled(&self, limit: HelloLimit) {
        let mut server = self.lock();
        server.hello = server.hello.min(limit);
    }

    /// Records how the server encodes errors.
    pub(crate) fn note_array_errors(&self, array_errors: bool) {
        let mut server = self.lock();
        if server
            .array_errors
            .is_some_and(|known| known != array_errors)
        {
            // Another server. The name, if any, comes from this handshake.
            server.hello = HelloLimit::default();
        }
        server.array_errors = Some(array_errors);
    }

    /// Forgets everything but the last profile. Called when the server is unreachable, because the
    /// next connection may reach another server.
    pub(crate) fn forget(&self) {
        let mut server = self.lock();
        let (profile, endpoint) = (server.profile, server.endpoint);
        *server = Server {
            profile,
            endpoint,
            ..Server::default()
        };
        self.0.write_cost.set_free(false);
    }

    fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use swarm_resp::Frame;

    use super::*;

    fn identity(name: &'static str, version: &'static str) -> Identity {
        let fields = ["server", name, "version", version].map(Frame::bulk);
        Identity::read(&Frame::array(&fields)).unwrap()
    }

    #[test]
    fn digests_are_for_servers_that_isolate_transactions() {
        let learned = Learned::default();
        learned.note_digests(Digests::Usable);
        assert_eq!(learned.digests(), Digests::Unusable, "not connected yet");
        learned.note_profile(ServerProfile::default());
        assert_eq!(learned.digests(), Digests::Unusable, "unknown server");
        learned.note_profile(ServerKind::Redis.profile());
        assert_eq!(learned.digests(), Digests::Usable);
        learned.note_digests(Digests::Unusable);
        learned.note_profile(ServerKind::Redis.profile());
        assert_eq!(learned.digests(), Digests::Untried);
    }

    #[test]
    fn nothing_leaks_from_one_endpoint_to_another() {
        let learned = Learned::default();
        learned.enter(1);
        learned.note_identity(identity("redis", "7"));
        learned.note_profile(ServerKind::Redis.profile());
        learned.note_digests(Digests::Usable);
        learned.note_garbled(HelloLimit::None);
        learned.enter(1);
        assert_eq!(learned.digests(), Digests::Usable);
        assert_eq!(learned.hello(), HelloLimit::None);
        learned.enter(2);
        assert_eq!(learned.digests(), Digests::Unusable);
        assert_eq!(learned.hello(), HelloLimit::Version3);
        assert_eq!((learned.kind(), learned.profile()), (None, None));
    }

    #[test]
    fn another_server_makes_the_client_forget_the_previous_one() {
        let learned = Learned::default();
        learned.note_garbled(HelloLimit::Version2);
        learned.note_identity(identity("redis", "7"));
        assert_eq!(learned.hello(), HelloLimit::Version2);
        learned.note_identity(identity("redis", "7"));
        assert_eq!(learned.hello(), HelloLimit::Version2);
        learned.note_identity(identity("redis", "8"));
        assert_eq!(learned.hello(), HelloLimit::Version3);

        learned.note_garbled(HelloLimit::None);
        learned.note_array_errors(true);
        assert_eq!(learned.hello(), HelloLimit::None);
        learned.note_array_errors(false);
        assert_eq!(learned.hello(), HelloLimit::Version3);

        learned.note_garbled(HelloLimit::None);
        learned.forget();
        assert_eq!(learned.hello(), HelloLimit::Version3);
        assert_eq!(learned.kind(), None);
    }
}
