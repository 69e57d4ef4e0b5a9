//! Test that the blocking handles have the methods of their async twins.

use std::collections::BTreeSet;

/// Names of the public methods of the inherent impl blocks of a type.
fn methods(source: &str, name: &str) -> BTreeSet<String> {
    let header = format!("impl {name} {{");
    let blocks = source
        .split("\nimpl")
        .skip(1)
        .map(|rest| format!("impl{rest}"));
    let blocks: Vec<_> = blocks.filter(|block| block.starts_with(&header)).collect();
    assert!(!blocks.is_empty(), "{name} has an impl block");
    let lines = blocks.iter().flat_map(|block| block.lines());
    let public = lines.filter_map(|line| line.strip_prefix("    pub "));
    let names = public.filter_map(|line| {
        let words = line
            .trim_start_matches("const ")
            .trim_start_matches("async ");
        words.strip_prefix("fn ")?.split(['(', '<']).next()
    });
    names.map(str::to_owned).collect()
}

#[test]
fn blocking_handles_have_the_methods_of_the_async_ones() {
    macro_rules! twins {
        ($($name:literal: $async:literal, $blocking:literal;)*) => {
            [$(($name, include_str!($async), include_str!($blocking))),*]
        };
    }
    let twins = twins! {
        "Pipeline": "../client/pipeline.rs", "pipeline.rs";
        "Bulk": "../client/bulk.rs", "bulk.rs";
        "Transaction": "../client/transaction.rs", "transaction.rs";
        "Exclusive": "../client/exclusive.rs", "exclusive.rs";
        "ConsumerBuilder": "../client/consumer/options.rs", "consumer.rs";
        "Delivery": "../client/consumer/delivery.rs", "consumer.rs";
    };
    for (name, of_async, of_blocking) in twins {
        let (wanted, found) = (methods(of_async, name), methods(of_blocking, name));
        assert!(!wanted.is_empty(), "{name}");
        let missing: Vec<_> = wanted.difference(&found).collect();
        // Reachable through `Deref`.
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|method| *method != "is_deleted")
            .collect();
        assert!(missing.is_empty(), "blocking {name} lacks {missing:?}");
    }
}
