//! What a node says about itself, from `CLUSTER NODES` and `INFO`.

use std::collections::HashMap;

use super::coverage::View;

/// Reads what a node says. `find` returns the node at one of the addresses, `host:port`. `None` if
/// the text cannot be read.
pub(super) fn read<N: Copy>(
    nodes: &str,
    info: &str,
    find: impl Fn(&str) -> Option<N>,
) -> Option<View<N>> {
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"))?;
    let mut ids = HashMap::new();
    let mut myself = None;
    for line in nodes.lines() {
        let mut words = line.split(' ');
        let (id, address, flags) = (words.next()?, words.next()?, words.next()?);
        ids.insert(id, addresses(address).find_map(|address| find(&address)));
        let mut flags = flags.split(',');
        if flags.clone().any(|flag| flag == "myself") {
            // The primary, two times, and then the epoch and the state of the link.
            let epoch = words.nth(3)?.parse().ok()?;
            myself = Some((flags.any(|flag| flag == "master"), epoch, words.skip(1)));
        }
    }
    let (is_primary, epoch, slots) = myself?;
    let mut view = View {
        run: run.trim().as_bytes().to_vec(),
        is_primary,
        epoch,
        owned: Vec::new(),
        migrating: HashMap::new(),
        importing: HashMap::new(),
    };
    for range in slots.filter(|range| !range.is_empty()) {
        let moving = range
            .strip_prefix('[')
            .and_then(|range| range.strip_suffix(']'));
        if let Some((slot, id)) = moving.and_then(|moving| moving.split_once("->-")) {
            let target = ids.get(id).copied().flatten();
            view.migrating.insert(slot.parse().ok()?, target);
        } else if let Some((slot, id)) = moving.and_then(|moving| moving.split_once("-<-")) {
            let source = ids.get(id).copied().flatten();
            view.importing.insert(slot.parse().ok()?, source);
        } else {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            view.owned.push((first.parse().ok()?, last.parse().ok()?));
        }
    }
    Some(view)
}

/// Splits `ip:port@busport,hostname`.
fn addresses(text: &str) -> impl Iterator<Item = String> {
    let (address, hosts) = text.split_once('@').unwrap_or((text, ""));
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    // Further items name other properties: `shard-id=…`.
    let hosts = hosts.split(',').skip(1).filter(|host| !host.contains('='));
    let hosts = hosts.map(move |host| format!("{host}:{port}"));
    std::iter::once(address.to_owned()).chain(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
        a1 10.0.0.1:7000@17000,one myself,master - 0 1 7 connected 0-5 9 [3->-b2] [12-<-b2]\n\
        b2 10.0.0.2:7000@17000,two.example,shard-id=x master - 0 1 8 connected 10-16383\n\
        c3 :0@0 slave,fail,noaddr a1 0 1 7 disconnected\n";

    fn find(address: &str) -> Option<u8> {
        (address == "two.example:7000").then_some(2)
    }

    #[test]
    fn a_node_says_what_it_owns_gives_and_takes() {
        let view = read(NODES, "# Server\r\nrun_id:abc\r\nx:1\r\n", find).unwrap();
        let expected = View {
            run: b"abc".to_vec(),
            is_primary: true,
            epoch: 7,
            owned: vec![(0, 5), (9, 9)],
            migrating: HashMap::from([(3, Some(2))]),
            importing: HashMap::from([(12, Some(2))]),
        };
        assert_eq!(view, expected);
    }

    #[test]
    fn a_replica_owns_nothing() {
        let nodes = "a1 10.0.0.1:7000@17000 myself,slave b2 0 1 7 connected\n";
        let view = read(nodes, "run_id:abc", find).unwrap();
        assert!(!view.is_primary && view.owned.is_empty());
    }

    #[test]
    fn other_text_is_not_read() {
        for (nodes, info) in [
            (NODES, "x:1"),
            ("", "run_id:abc"),
            (
                "a1 10.0.0.1:7000@17000 master - 0 1 7 connected",
                "run_id:abc",
            ),
            (
                "a1 10.0.0.1:7000@17000 myself,master - 0 1 x connected",
                "run_id:abc",
            ),
            (
                "a1 10.0.0.1:7000@17000 myself,master - 0 1 7 connected a-b",
                "run_id:abc",
            ),
        ] {
            assert_eq!(read(nodes, info, find), None);
        }
    }
}
