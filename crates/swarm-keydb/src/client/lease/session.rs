//! Tracks whether the session of a leased connection is unchanged since the handshake.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use swarm_resp::RequestArgs;
use swarm_transport::facts::facts;

/// Changes to the session of a connection since it was leased.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Number of WATCH commands.
    watches: AtomicU64,
    /// Number of these watches that have certainly ended.
    ended: AtomicU64,
    /// Whether a command changed the session for good.
    is_altered: AtomicBool,
}

/// The number of WATCH commands at a point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watches(u64);

impl Session {
    /// Records a WATCH that is about to be sent.
    pub(crate) fn watch(&self) {
        self.watches.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the watches until now. Call it before sending the command that ends them, because a
    /// later watch may outlive that command.
    pub(crate) fn watches(&self) -> Watches {
        Watches(self.watches.load(Ordering::Relaxed))
    }

    /// Records that the server has dropped these watches.
    pub(crate) fn unwatched(&self, Watches(count): Watches) {
        self.ended.fetch_max(count, Ordering::Relaxed);
    }

    pub(crate) fn is_watching(&self) -> bool {
        self.ended.load(Ordering::Relaxed) < self.watches.load(Ordering::Relaxed)
    }

    /// Records a request that is about to be sent, in case it changes the session. Watches are
    /// tracked separately.
    pub(crate) fn note(&self, args: &RequestArgs<'_>) {
        if !facts(args).keeps_session() {
            self.is_altered.store(true, Ordering::Relaxed);
        }
    }

    /// Records that the session is changed for good.
    #[cfg(feature = "cache")]
    pub(crate) fn alter(&self) {
        self.is_altered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_clean(&self) -> bool {
        !self.is_altered.load(Ordering::Relaxed) && !self.is_watching()
    }
}

#[cfg(test)]
mod tests {
    use swarm_resp::Request;

    use super::*;

    #[test]
    fn only_a_later_unwatch_ends_a_watch() {
        let session = Session::default();
        session.watch();
        let first = session.watches();
        session.watch();
        let both = session.watches();
        session.unwatched(first);
        assert!(session.is_watching() && !session.is_clean());
        session.unwatched(both);
        session.unwatched(first);
        assert!(!session.is_watching() && session.is_clean());
    }

    #[test]
    fn commands_that_change_the_session_make_it_unclean() {
        let altered = |name: &'static str, args: &[&str]| {
            let session = Session::default();
            session.note(&Request::new(name, args).args());
            !session.is_clean()
        };
        for (name, args) in [
            ("select", &["1"][..]),
            ("CLIENT", &["SETNAME", "x"]),
            ("CLIENT", &["NEW-SUBCOMMAND"]),
            ("CLIENT", &[]),
            ("HELLO", &["2"]),
            ("authaddr", &["x"]),
            ("AUTHDID", &["x"]),
            ("WATCH", &["k"]),
            ("NEW.COMMAND", &["x"]),
        ] {
            assert!(altered(name, args), "{name} {args:?}");
        }
        assert!(!altered("client", &["id"]));
        assert!(!altered("BLPOP", &["k", "1"]));
        assert!(!altered("GET", &["SELECT"]));
    }
}
