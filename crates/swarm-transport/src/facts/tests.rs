//! Tests of the table of facts and of what follows from arguments.

use swarm_resp::Request;

use super::*;

fn of(words: &str) -> (&'static Facts, Vec<usize>, bool) {
    let request = Request::new(words, ());
    let args = request.view().args();
    let facts = facts(&args);
    let mut keys: Vec<_> = facts.keys(&args).iter().collect();
    assert_eq!(facts.keys(&args).count(), keys.len(), "{words}");
    for at in 0..args.clone().count() + 2 {
        assert_eq!(
            facts.keys(&args).contains(at),
            keys.contains(&at),
            "{words}"
        );
    }
    keys.sort_unstable();
    (facts, keys, facts.blocks(&args))
}

#[test]
fn every_row_is_found_by_its_words_in_any_case() {
    let order = |row: &Facts| (row.words.0, std::cmp::Reverse(row.words.1));
    assert!(all().is_sorted_by_key(order));
    for row in all() {
        let (first, second) = row.words;
        let lower = [first, second].map(str::to_ascii_lowercase);
        for (first, second) in [(first, second), (&lower[0], &lower[1])] {
            let found = named(first.as_bytes(), second.as_bytes());
            assert_eq!(found.words, row.words);
        }
        assert!(row.keys.len() <= positions::MAX_PLACES);
        assert!(row.names.len() <= positions::MAX_PLACES);
    }
}

#[test]
fn an_unknown_command_is_unknown_and_an_unknown_subcommand_is_its_command() {
    let long = "A".repeat(100);
    for words in ["", "NOSUCH", "GETX", "GE", "ZZZ", "AAA", &*long] {
        assert!(!named(words.as_bytes(), b"x").is_known(), "{words}");
    }
    let client = named(b"client", b"new-subcommand");
    assert_eq!(client.words, ("CLIENT", ""));
    assert_eq!(client.session, Session::State);
    assert!(!Facts::UNKNOWN.keeps_session());
}

#[test]
fn keys_follow_from_the_arguments() {
    for (words, expected) in [
        ("GET k", &[1][..]),
        ("GET", &[]),
        ("PING x", &[]),
        ("mset a 1 b 2", &[1, 3]),
        ("DEL a b c", &[1, 2, 3]),
        ("BLPOP a b 0", &[1, 2]),
        ("BLPOP", &[]),
        ("EVAL s 2 a b c", &[3, 4]),
        ("EVAL s 9 a b", &[3, 4]),
        ("EVAL s x a b", &[]),
        ("EVAL s 18446744073709551615 a", &[3]),
        ("ZUNIONSTORE to 2 a b WEIGHTS 1 2", &[1, 3, 4]),
        ("XREAD COUNT 1 STREAMS a b 0 0", &[4, 5]),
        ("XREAD STREAMS a", &[]),
        ("XREADGROUP GROUP streams c STREAMS k >", &[5]),
        ("XREADGROUP COUNT 1 GROUP g c streams k >", &[7]),
        ("SORT k BY STORE GET store STORE to", &[1, 7]),
        ("MIGRATE h 1 k 0 9", &[3]),
        ("GEORADIUS k 1 2 3 km COUNT 1 STORE to", &[1, 9]),
        ("XGROUP CREATE k g $", &[2]),
        ("MEMORY USAGE k", &[2]),
    ] {
        assert_eq!(of(words).1, expected, "{words}");
    }
}

/// Catches rows that state an order without need, and changes that are in order with nothing.
#[test]
fn a_command_without_keys_is_in_order_with_everything_unless_it_reads() {
    let mut stated = Vec::new();
    for row in all() {
        let (first, second) = row.words;
        // Without keys, whatever the row says about them.
        let request = match second {
            "" => Request::new(first, ()),
            second => Request::new(first, second),
        };
        let order = row.order(&request.view().args());
        if row.order != Order::Keys {
            assert_eq!(order, row.order);
            stated.push((first, second, order));
            continue;
        }
        let changes = row.access != Access::Read || row.script;
        let expected = match changes {
            true => Order::Everything,
            false => Order::Nothing,
        };
        assert_eq!(order, expected, "{first} {second}");
    }
    let nothing = |first, second| (first, second, Order::Nothing);
    let expected = [
        nothing("CLIENT", "UNPAUSE"),
        nothing("CLIENT", "UNBLOCK"),
        nothing("CLIENT", "KILL"),
        nothing("DISCARD", ""),
        nothing("EXEC", ""),
        nothing("FUNCTION", "KILL"),
        nothing("MULTI", ""),
        ("PUBLISH", "", Order::Channel),
        nothing("SCRIPT", "KILL"),
        ("SPUBLISH", "", Order::Channel),
    ];
    assert_eq!(stated, expected);
    let order = |words| of(words).0.order(&Request::new(words, ()).view().args());
    assert_eq!(order("NOSUCH k"), Order::Everything);
}

#[test]
fn a_command_is_in_order_with_those_that_name_its_keys() {
    for (words, expected) in [
        ("GET k", Order::Keys),
        ("MSET a 1 b 2", Order::Keys),
        ("EVAL s 1 k", Order::Keys),
        ("EVAL s 0 k", Order::Everything),
        ("EVAL_RO s 0", Order::Everything),
        ("XREAD STREAMS s 0", Order::Keys),
        ("PUBLISH c m", Order::Channel),
        ("SPUBLISH c m", Order::Channel),
        ("DBSIZE", Order::Nothing),
        ("FLUSHALL", Order::Everything),
    ] {
        let order = of(words).0.order(&Request::new(words, ()).view().args());
        assert_eq!(order, expected, "{words}");
    }
}

#[test]
fn blocking_follows_from_the_arguments() {
    for (words, expected) in [
        ("BLPOP k 0", true),
        ("wait 0 0", true),
        ("XREAD block 0 STREAMS s $", true),
        ("XREAD COUNT 1 BLOCK 0 STREAMS s $", true),
        ("XREAD STREAMS BLOCK $", false),
        ("XREADGROUP GROUP block c STREAMS s >", false),
        ("XREADGROUP GROUP streams c BLOCK 0 STREAMS s >", true),
        ("XREADGROUP BLOCK 0 GROUP g c STREAMS s >", true),
        ("GET BLOCK", false),
    ] {
        assert_eq!(of(words).2, expected, "{words}");
    }
}
