//! The tight loop against the machine alone: they must read alike, and fail alike.

use proptest::prelude::*;

use super::Limits;
use super::run;
use super::scan::{Scan, ScanError, Scanner, visible};
use crate::frame::{Node, Tag};

type Outcome = (Result<Scan, ScanError>, Vec<(Tag, u32, u32)>);

fn index(nodes: &[Node]) -> Vec<(Tag, u32, u32)> {
    nodes
        .iter()
        .map(|node| (node.tag, node.a, node.b))
        .collect()
}

fn with_loop(input: &[u8], limits: &Limits) -> Outcome {
    if let Some((node, end)) = run::leaf(visible(input, limits), 0, limits) {
        return (Ok(Scan::Complete(end)), index(&[node]));
    }
    let mut scanner = Scanner::default();
    let scan = scanner.scan_by::<true>(input, limits);
    (scan, index(&scanner.nodes))
}

fn machine_alone(input: &[u8], limits: &Limits) -> Outcome {
    let mut scanner = Scanner::default();
    let scan = scanner.scan_by::<false>(input, limits);
    (scan, index(&scanner.nodes))
}

/// The machine again, which gets the input byte by byte.
fn bytewise(input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
    let mut scanner = Scanner::default();
    for end in 0..input.len() {
        match scanner.scan_by::<true>(&input[..end], limits) {
            Ok(Scan::Incomplete) => {}
            outcome => return outcome,
        }
    }
    scanner.scan_by::<true>(input, limits)
}

fn limits() -> impl Strategy<Value = Limits> {
    (0usize..4, 0usize..6, 0usize..6, 0usize..6, 0usize..40).prop_map(
        |(depth, bulk, elements, line, frame)| {
            Limits::new()
                .with_max_depth(depth)
                .with_max_bulk(bulk)
                .with_max_elements(elements)
                .with_max_line(line)
                .with_max_frame(frame)
        },
    )
}

/// Mostly tokens, some of them wrong.
fn input() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: [&str; 34] = [
        "*0\r\n",
        "*1\r\n",
        "*2\r\n",
        "*3\r\n",
        "%1\r\n",
        "%2\r\n",
        "~1\r\n",
        ">2\r\n",
        "|1\r\n",
        "|0\r\n",
        "*?\r\n",
        "%?\r\n",
        ".\r\n",
        "$?\r\n",
        ";1\r\na\r\n",
        ";0\r\n",
        "$0\r\n\r\n",
        "$1\r\na\r\n",
        "$5\r\nhello\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "+OK\r\n",
        "-ERR\r\n",
        ":1\r\n",
        ":-12\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(12\r\n",
        "=5\r\ntxt:a\r\n",
        "!1\r\nx\r\n",
        "+a\n",
        "$1\r\nab",
        ":x\r\n",
    ];
    let token = prop_oneof![
        20 => prop::sample::select(TOKENS.as_slice()).prop_map(|token| token.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    (prop::collection::vec(token, 1..12), 0usize..4).prop_map(|(tokens, cut)| {
        let mut input = tokens.concat();
        input.truncate(input.len().saturating_sub(cut));
        input
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_loop_reads_what_the_machine_reads(input in input()) {
        let limits = Limits::new();
        prop_assert_eq!(with_loop(&input, &limits), machine_alone(&input, &limits));
    }

    #[test]
    fn the_loop_refuses_what_the_machine_refuses(input in input(), limits in limits()) {
        prop_assert_eq!(with_loop(&input, &limits), machine_alone(&input, &limits));
    }

    #[test]
    fn chunks_do_not_change_what_is_refused(input in input(), limits in limits()) {
        let whole = machine_alone(&input, &limits).0;
        prop_assert_eq!(whole, bytewise(&input, &limits));
    }
}
