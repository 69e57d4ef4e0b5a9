//! Errors by which a cluster proves that a command did not run, and says what to do instead.

use swarm_resp::ServerError;

use super::address::Address;
use super::slot::SLOTS;

/// Why a node did not run a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The slot belongs to another node from now on.
    Moved(u16, Address),
    /// The slot is being migrated, and this command must ask another node, once.
    Ask(u16, Address),
    /// The keys of the command are on two nodes at the moment.
    TryAgain,
    /// The cluster or the node takes no commands at the moment.
    Unavailable,
}

impl Refusal {
    /// Interprets an error of a node. A redirect may leave out its host.
    pub(super) fn of(error: &ServerError, node: &Address) -> Option<Self> {
        match error.code() {
            "MOVED" => redirect(error.message(), node).map(|(slot, to)| Self::Moved(slot, to)),
            "ASK" => redirect(error.message(), node).map(|(slot, to)| Self::Ask(slot, to)),
            "TRYAGAIN" => Some(Self::TryAgain),
            "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" => Some(Self::Unavailable),
            _ => None,
        }
    }
}

/// Parses `3999 127.0.0.1:6381`.
fn redirect(text: &str, node: &Address) -> Option<(u16, Address)> {
    let (slot, address) = text.split_once(' ')?;
    let slot = slot.parse().ok().filter(|slot| *slot < SLOTS)?;
    Some((slot, Address::parse_redirect(address, node)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_as_redis_writes_them() {
        let node = Address::new("10.0.0.1", 7000);
        let to = |host: &str, port| Address::new(host, port);
        for (text, refusal) in [
            (
                "MOVED 3999 127.0.0.1:6381",
                Some(Refusal::Moved(3999, to("127.0.0.1", 6381))),
            ),
            (
                "MOVED 0 :6381",
                Some(Refusal::Moved(0, to("10.0.0.1", 6381))),
            ),
            (
                "MOVED 0 ?:6381",
                Some(Refusal::Moved(0, to("10.0.0.1", 6381))),
            ),
            (
                "ASK 16383 ::1:6381",
                Some(Refusal::Ask(16383, to("::1", 6381))),
            ),
            (
                "ASK 1 node.example:1",
                Some(Refusal::Ask(1, to("node.example", 1))),
            ),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Some(Refusal::TryAgain),
            ),
            (
                "CLUSTERDOWN The cluster is down",
                Some(Refusal::Unavailable),
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                Some(Refusal::Unavailable),
            ),
            ("MOVED 16384 127.0.0.1:6381", None),
            ("MOVED x 127.0.0.1:6381", None),
            ("MOVED 1 127.0.0.1", None),
            ("MOVED 1 127.0.0.1:0", None),
            ("MOVED", None),
            ("ERR MOVED 3999 127.0.0.1:6381", None),
            ("WRONGTYPE x", None),
        ] {
            let error = ServerError::parse(text.as_bytes());
            assert_eq!(Refusal::of(&error, &node), refusal, "{text}");
        }
    }
}
