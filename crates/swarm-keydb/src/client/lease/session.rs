//! Whether a leased connection is as the handshake left it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use swarm_resp::RequestArgs;
use swarm_transport::facts::facts;

/// What was done to the session of a connection since it was leased.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// How often keys were watched.
    watches: AtomicU64,
    /// How many of these watches are certainly over.
    over: AtomicU64,
    /// Something was changed that is not changed back.
    altered: AtomicBool,
}

/// The watches up to some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watches(u64);

impl Session {
    /// Keys are about to be watched.
    pub(crate) fn watch(&self) {
        self.watches.fetch_add(1, Ordering::Relaxed);
    }

    /// The watches until now. Taken before the command is sent that ends them: a later one may outlive it.
    pub(crate) fn watches(&self) -> Watches {
        Watches(self.watches.load(Ordering::Relaxed))
    }

    /// The server has forgotten watches.
    pub(crate) fn unwatched(&self, Watches(count): Watches) {
        self.over.fetch_max(count, Ordering::Relaxed);
    }

    pub(crate) fn is_watching(&self) -> bool {
        self.over.load(Ordering::Relaxed) < self.watches.load(Ordering::Relaxed)
    }

    /// Notes what a request that is about to be sent may leave behind. Tracked watches are counted instead.
    pub(crate) fn note(&self, args: &RequestArgs<'_>) {
        if !facts(args).keeps_session() {
            self.altered.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        !self.altered.load(Ordering::Relaxed) && !self.is_watching()
    }
}

#[cfg(test)]
mod tests {
    use swarm_resp::Request;

    use super::*;

    #[test]
    fn a_watch_is_over_when_one_that_was_not_earlier_has_ended() {
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
    fn what_stays_behind_is_known() {
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
