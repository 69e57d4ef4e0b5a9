//! Topology of a cluster, as `CLUSTER SLOTS` states it.

use swarm_resp::{Frame, FrameRef};

use super::address::Address;
use super::slot::SLOTS;

/// A range of slots and the nodes that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: Address,
    pub(super) replicas: Vec<Address>,
}

/// Reads the reply to `CLUSTER SLOTS`. `from` is the node that answered; `None` if the reply cannot
/// be read.
pub(super) fn read(reply: &Frame, from: &Address) -> Option<Vec<Range>> {
    reply
        .items()?
        .map(|range| read_range(range, from))
        .collect()
}

fn read_range(range: FrameRef<'_>, from: &Address) -> Option<Range> {
    let mut items = range.items()?;
    let mut bound = || {
        let bound = u16::try_from(items.next()?.as_integer()?).ok()?;
        (bound < SLOTS).then_some(bound)
    };
    let (first, last) = (bound()?, bound()?);
    let primary = read_node(items.next()?, from)?;
    // A replica whose address is not known yet is left out.
    let replicas = items.filter_map(|node| read_node(node, from)).collect();
    Some(Range {
        first,
        last,
        primary,
        replicas,
    })
}

/// Reads host, port, and further items that do not matter. An unknown host is that of the node that
/// answered.
fn read_node(node: FrameRef<'_>, from: &Address) -> Option<Address> {
    let mut items = node.items()?;
    let host = items.next()?;
    let port = u16::try_from(items.next()?.as_integer()?).ok()?;
    if port == 0 {
        return None;
    }
    match host.as_str() {
        None if !host.is_null() => None,
        None | Some("" | "?") => Some(Address::new(from.host(), port)),
        Some(host) => Some(Address::new(host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &Frame, port: i64) -> Frame {
        Frame::array([
            host,
            &Frame::integer(port),
            &Frame::bulk("id"),
            &Frame::array([]),
        ])
    }

    #[test]
    fn ranges_have_a_primary_and_replicas() {
        let from = Address::new("10.0.0.9", 7000);
        let range = Frame::array([
            &Frame::integer(0),
            &Frame::integer(5460),
            &node(&Frame::bulk("10.0.0.1"), 7001),
            &node(&Frame::null(), 7002),
            &node(&Frame::bulk(""), 7003),
            &node(&Frame::bulk("10.0.0.4"), 0),
        ]);
        let expected = Range {
            first: 0,
            last: 5460,
            primary: Address::new("10.0.0.1", 7001),
            replicas: vec![
                Address::new("10.0.0.9", 7002),
                Address::new("10.0.0.9", 7003),
            ],
        };
        assert_eq!(read(&Frame::array([&range]), &from), Some(vec![expected]));
        assert_eq!(read(&Frame::array([]), &from), Some(vec![]));
    }

    #[test]
    fn a_reply_that_is_no_topology_is_not_read() {
        let from = Address::new("10.0.0.9", 7000);
        let primary = node(&Frame::bulk("h"), 1);
        for range in [
            Frame::array([&Frame::integer(0), &Frame::integer(16384), &primary]),
            Frame::array([&Frame::integer(-1), &Frame::integer(3), &primary]),
            Frame::array([&Frame::integer(0), &Frame::integer(3)]),
            Frame::array([
                &Frame::integer(0),
                &Frame::integer(3),
                &node(&Frame::bulk("h"), 0),
            ]),
            Frame::integer(1),
        ] {
            assert_eq!(read(&Frame::array([&range]), &from), None);
        }
        assert_eq!(read(&Frame::simple("OK"), &from), None);
    }
}
