//! Tests of the queue of names for which a request may be due.

use super::*;

fn name(text: impl Into<String>) -> Name {
    Name {
        kind: Kind::Channel,
        text: Bytes::from(text.into()),
    }
}

/// Returns a table with this many names that a subscription wants.
fn table(names: u64) -> SubscriptionTable {
    let mut table = SubscriptionTable::default();
    for n in 0..names {
        assert!(!table.add(&name(format!("kept {n}")), n));
    }
    table
}

/// Adds names that are removed at once.
fn churn(table: &mut SubscriptionTable, names: usize) {
    for n in 0..names {
        let name = name(format!("gone {n}"));
        table.add(&name, 1);
        table.remove(&name, 1);
    }
}

/// Takes all requests. Returns their number, and checks that each has another name.
fn requests(table: &mut SubscriptionTable) -> usize {
    let changes: Vec<_> = std::iter::from_fn(|| table.next()).collect();
    let names: HashSet<_> = changes.iter().map(|change| &change.name).collect();
    assert_eq!(names.len(), changes.len());
    changes.len()
}

/// Guards against memory that grows with every subscription while there is no connection, and
/// against names that are lost.
#[test]
fn names_that_leave_do_not_pile_up_in_the_queue() {
    for restarts in [0, 3] {
        let mut table = table(10);
        for _ in 0..restarts {
            churn(&mut table, 5);
            assert_eq!(requests(&mut table), 10);
            churn(&mut table, 5);
            table.reset();
            assert_eq!((table.queue.len(), table.stale), (10, 0));
        }
        for _ in 0..10 {
            churn(&mut table, 1000);
            assert!(table.queue.len() < 10 + 64);
        }
        assert_eq!(requests(&mut table), 10);
        assert_eq!((table.queue.len(), table.stale), (0, 0));
    }
}

#[test]
fn the_queue_is_swept_when_half_of_it_has_left_and_at_least_64_names() {
    for (kept, most) in [(10, 63), (64, 63), (1000, 998)] {
        let mut table = table(kept);
        let kept = usize::try_from(kept).unwrap();
        churn(&mut table, most);
        assert_eq!((table.queue.len(), table.stale), (kept + most, most));
        churn(&mut table, 1);
        assert_eq!((table.queue.len(), table.stale), (kept, 0));
        assert_eq!(requests(&mut table), kept);
    }
}

#[test]
fn a_name_that_returns_is_requested_once() {
    let mut table = table(0);
    for _ in 0..20 {
        table.add(&name("a"), 1);
        table.remove(&name("a"), 1);
    }
    table.add(&name("a"), 1);
    churn(&mut table, 44);
    assert_eq!(table.queue.len(), 1, "swept");
    assert_eq!(requests(&mut table), 1);
}

#[test]
fn only_names_with_a_request_that_is_due_are_queued() {
    let mut table = table(1);
    let kept = name("kept 0");
    table.add(&kept, 1);
    assert_eq!(table.queue.len(), 1, "it is in the queue already");
    assert_eq!(requests(&mut table), 1);
    table.add(&kept, 2);
    table.remove(&kept, 2);
    table.subscribed(kept.kind, &kept.text);
    assert_eq!(table.queue.len(), 0, "no request is due");
    table.remove(&kept, 0);
    table.remove(&kept, 1);
    assert_eq!(requests(&mut table), 1);
    table.unsubscribed(kept.kind, &kept.text);
    assert!(table.is_empty());
    assert_eq!(table.stale, 0, "it was not in the queue");
}
