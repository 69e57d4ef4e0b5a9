//! History of one register: the commands on a key whose values are written once each, with two
//! checks.

use std::fmt;

/// Value of a register that was never written.
pub(super) const INITIAL: u64 = 0;

/// What a command does with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Write(u64),
    Read,
}

/// How a command has ended. Times are those of a logical clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Canceled or failed: the command may have run, and may still run.
    Unknown,
    NotSent,
    Written(u64),
    Read {
        value: u64,
        at: u64,
    },
}

/// One command of a history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) action: Action,
    /// When its future was first polled.
    pub(super) begun: u64,
    pub(super) end: End,
}

/// A history that no correct register has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that commands have run in the order in which they were first polled, which is the order
/// of `operations`. A write that may have run has run in its place, or never.
pub(super) fn check_order(operations: &[Operation]) -> Result<(), Violation> {
    let mut possible = vec![INITIAL];
    for Operation { action, begun, end } in operations {
        match (*action, *end) {
            (Action::Write(value), End::Written(_)) => possible = vec![value],
            (Action::Write(value), End::Unknown) => possible.push(value),
            (Action::Read, End::Read { value, .. }) => {
                if !possible.contains(&value) {
                    return Err(Violation(format!(
                        "the read polled at {begun} returned {value} instead of one of {possible:?}"
                    )));
                }
                possible = vec![value];
            }
            _ => {}
        }
    }
    Ok(())
}

/// A written value: its write, and the times in which it was the register's value.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    value: u64,
    begun: u64,
    /// When the first of its commands had ended.
    first_end: u64,
    /// When the last of its commands began.
    last_begun: u64,
}

/// Checks that the history of a register is linearizable, whoever has polled its commands.
///
/// Each value is written once, so it is known which write a read has seen, and the check takes no
/// search: P. B. Gibbons and E. Korach, "Testing Shared Memories", SIAM J. Comput. 26(4), 1997,
/// section 4. The commands of a value form a zone from the first end to the last beginning. If the
/// end is earlier, the register has certainly had the value in between (forward zone); otherwise,
/// all commands of the value overlap (backward zone). The history is linearizable if and only if no
/// read ends before its write begins, no forward zones overlap, and no backward zone lies within a
/// forward zone.
pub(super) fn check_linearizable(operations: &[Operation]) -> Result<(), Violation> {
    let clusters = clusters(operations)?;
    let (mut forward, backward): (Vec<_>, Vec<_>) = (clusters.into_iter())
        .partition(|cluster: &Cluster| cluster.first_end < cluster.last_begun);
    forward.sort_by_key(|zone| zone.first_end);
    for (zone, next) in forward.iter().zip(forward.iter().skip(1)) {
        if next.first_end < zone.last_begun {
            return Err(Violation(format!(
                "the register had two values at a time: {zone:?}, {next:?}"
            )));
        }
    }
    for inner in backward {
        // Forward zones do not overlap, so only the last that begins earlier can contain it.
        let after = forward.partition_point(|zone| zone.first_end < inner.last_begun);
        let before = after.checked_sub(1).and_then(|at| forward.get(at));
        if let Some(outer) = before.filter(|outer| inner.first_end < outer.last_begun) {
            return Err(Violation(format!(
                "a value was overwritten, and was there later: {outer:?}, {inner:?}"
            )));
        }
    }
    Ok(())
}

/// Collects the commands of each value. A write that may have run and whose value was never read
/// has never run.
fn clusters(operations: &[Operation]) -> Result<Vec<Cluster>, Violation> {
    let write = |operation: &Operation| {
        let (Action::Write(value), begun) = (operation.action, operation.begun) else {
            return None;
        };
        let first_end = match operation.end {
            End::Written(at) => at,
            End::Unknown => u64::MAX,
            _ => return None,
        };
        Some(Cluster {
            value,
            begun,
            first_end,
            last_begun: begun,
        })
    };
    let mut clusters: Vec<_> = operations.iter().filter_map(write).collect();
    clusters.push(Cluster {
        value: INITIAL,
        begun: 0,
        first_end: 0,
        last_begun: 0,
    });
    clusters.sort_by_key(|cluster| cluster.value);
    for Operation { begun, end, .. } in operations {
        let End::Read { value, at } = *end else {
            continue;
        };
        let cluster = (clusters
            .binary_search_by_key(&value, |cluster| cluster.value)
            .ok())
        .and_then(|place| clusters.get_mut(place));
        let Some(cluster) = cluster.filter(|cluster| cluster.begun < at) else {
            return Err(Violation(format!(
                "the read polled at {begun} returned {value}, which had not been sent"
            )));
        };
        cluster.first_end = cluster.first_end.min(at);
        cluster.last_begun = cluster.last_begun.max(*begun);
    }
    clusters.retain(|cluster| cluster.first_end < u64::MAX);
    Ok(clusters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: u64, begun: u64, end: u64) -> Operation {
        Operation {
            action: Action::Write(value),
            begun,
            end: End::Written(end),
        }
    }

    fn lost(value: u64, begun: u64, end: End) -> Operation {
        Operation {
            end,
            ..write(value, begun, 0)
        }
    }

    fn read(value: u64, begun: u64, at: u64) -> Operation {
        Operation {
            action: Action::Read,
            begun,
            end: End::Read { value, at },
        }
    }

    /// Asserts the results of the check of order and of the check of linearizability.
    fn assert_checks(operations: &[Operation], ordered: bool, linearizable: bool) {
        assert_eq!(check_order(operations).is_ok(), ordered, "{operations:?}");
        let checked = check_linearizable(operations);
        assert_eq!(checked.is_ok(), linearizable, "{checked:?} {operations:?}");
    }

    #[test]
    fn one_command_after_another() {
        assert_checks(&[read(0, 1, 2), write(1, 3, 4), read(1, 5, 6)], true, true);
        // Written, and not there.
        assert_checks(&[write(1, 1, 2), read(0, 3, 4)], false, false);
        // Written twice, and the first value is there.
        let stale = [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)];
        assert_checks(&stale, false, false);
        // From nowhere.
        assert_checks(&[write(1, 1, 2), read(7, 3, 4)], false, false);
        // From the future.
        assert_checks(&[read(1, 1, 2), write(1, 3, 4)], false, false);
    }

    #[test]
    fn commands_in_flight_together_have_the_order_of_their_polls_or_are_linearizable_only() {
        assert_checks(&[write(1, 1, 9), read(1, 2, 8)], true, true);
        assert_checks(&[write(1, 1, 9), read(0, 2, 8)], false, true);
        let swapped = [write(1, 1, 9), write(2, 2, 8), read(1, 10, 11)];
        assert_checks(&swapped, false, true);
        let back = [write(1, 1, 9), write(2, 2, 8), read(2, 10, 11)];
        assert_checks(&back, true, true);
    }

    #[test]
    fn a_value_that_was_replaced_does_not_return() {
        let returned = [
            write(1, 1, 20),
            write(2, 2, 21),
            read(1, 3, 4),
            read(2, 5, 6),
            read(1, 7, 8),
        ];
        assert_checks(&returned, false, false);
        // A write that began and ended while another value was there throughout.
        let between = [
            write(1, 1, 2),
            read(1, 3, 20),
            write(2, 4, 5),
            read(1, 7, 8),
        ];
        assert_checks(&between, false, false);
    }

    #[test]
    fn a_write_that_may_have_run_was_there_or_not() {
        let seen = [write(1, 1, 2), lost(2, 3, End::Unknown), read(2, 4, 5)];
        assert_checks(&seen, true, true);
        let unseen = [write(1, 1, 2), lost(2, 3, End::Unknown), read(1, 4, 5)];
        assert_checks(&unseen, true, true);
        let later = [&unseen[..], &[read(2, 6, 7)]].concat();
        assert_checks(&later, false, true);
        let gone = [&seen[..], &[read(1, 6, 7)]].concat();
        assert_checks(&gone, false, false);
    }

    #[test]
    fn a_write_that_was_not_sent_is_not_there() {
        assert_checks(&[lost(1, 1, End::NotSent), read(0, 2, 3)], true, true);
        assert_checks(&[lost(1, 1, End::NotSent), read(1, 2, 3)], false, false);
    }
}
