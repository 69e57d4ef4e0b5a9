//! Joins the results of several parts or nodes into one.

use swarm_resp::{ConvertError, Frame, FrameRef};

use super::target::Join;
use crate::error::{Error, Result};

/// Result of a part: the positions of its keys, if it is a part of the keys.
pub(super) type Part = (Vec<usize>, Result<Frame>);

/// Joins the results of the parts of a command. `writes` tells whether a part that has run matters
/// if another one fails.
pub(super) fn join(join: Join, mut parts: Vec<Part>, writes: bool) -> Result<Frame> {
    if join == Join::OneSucceeds
        && let Some(at) = parts.iter().position(|(_, result)| result.is_ok())
    {
        return parts.swap_remove(at).1;
    }
    let total = parts.len();
    let failed = parts.iter().filter(|(_, result)| result.is_err()).count();
    let has_effect = |result: &Result<Frame>| {
        (result.as_ref()).map_or_else(|error| !error.certainly_did_not_run(), |_| true)
    };
    let has_run = writes && parts.iter().any(|(_, result)| has_effect(result));
    let mut frames = Vec::with_capacity(total);
    for (keys, result) in parts {
        match result {
            Ok(frame) => frames.push((keys, frame)),
            Err(error) if has_run && total > 1 => {
                return Err(error.partly_run(failed, total));
            }
            Err(error) => return Err(error),
        }
    }
    joined(join, &frames)
}

fn joined(join: Join, frames: &[(Vec<usize>, Frame)]) -> Result<Frame> {
    let first = || match frames.first() {
        Some((_, frame)) => Ok(frame.clone()),
        None => Err(Error::closed()),
    };
    match join {
        Join::AllSucceed | Join::OneSucceeds => first(),
        Join::Sum => {
            let mut sum = 0_i64;
            for (_, frame) in frames {
                sum = sum.saturating_add(frame.as_integer().ok_or_else(|| no("a number", frame))?);
            }
            Ok(Frame::integer(sum))
        }
        Join::AnyValue => {
            let start = fastrand::usize(..frames.len().max(1));
            let (before, after) = frames.split_at(start.min(frames.len()));
            let mut turn = after.iter().chain(before);
            turn.find(|(_, frame)| !frame.is_null())
                .map_or_else(first, |(_, frame)| Ok(frame.clone()))
        }
        Join::Concat => {
            let mut items = Vec::new();
            for (_, frame) in frames {
                items.extend(items_of(frame)?);
            }
            Ok(list(&items))
        }
        Join::MinOfItems => {
            let mut minimum: Vec<i64> = Vec::new();
            for (_, frame) in frames {
                for (at, item) in items_of(frame)?.into_iter().enumerate() {
                    let item = item.as_integer().ok_or_else(|| no("numbers", frame))?;
                    match minimum.get_mut(at) {
                        Some(least) => *least = item.min(*least),
                        None => minimum.push(item),
                    }
                }
            }
            Ok(Frame::build(|frame| {
                frame.array(|list| minimum.iter().for_each(|item| list.integer(*item)));
            }))
        }
        Join::Values => {
            let mut values = Vec::new();
            for (keys, frame) in frames {
                let items = items_of(frame)?;
                if items.len() != keys.len() {
                    return Err(no("a value for each key", frame));
                }
                values.extend(keys.iter().copied().zip(items));
            }
            values.sort_by_key(|(key, _)| *key);
            Ok(list(
                &values
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect::<Vec<_>>(),
            ))
        }
    }
}

fn items_of(frame: &Frame) -> Result<Vec<FrameRef<'_>>> {
    match frame.items() {
        Some(items) => Ok(items.collect()),
        None => Err(no("a list", frame)),
    }
}

fn list(items: &[FrameRef<'_>]) -> Frame {
    Frame::build(|frame| frame.array(|list| items.iter().for_each(|item| list.frame(*item))))
}

fn no(expected: &'static str, frame: &Frame) -> Error {
    Error::convert(ConvertError::new(expected, frame.view()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Outcome};

    fn ok(keys: &[usize], frame: Frame) -> Part {
        (keys.to_vec(), Ok(frame))
    }

    fn err(outcome: Outcome) -> Part {
        let error = Error::new(ErrorKind::Server, outcome).with_command("MSET");
        (Vec::new(), Err(error))
    }

    fn bulks(values: &[&'static str]) -> Frame {
        Frame::array(
            &values
                .iter()
                .map(|value| Frame::bulk(*value))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn replies_become_one() {
        let ints = |values: &[i64]| {
            Frame::array(
                &values
                    .iter()
                    .map(|value| Frame::integer(*value))
                    .collect::<Vec<_>>(),
            )
        };
        for (how, parts, expected) in [
            (
                Join::Values,
                vec![
                    ok(&[1, 3], bulks(&["b", "d"])),
                    ok(&[0, 2], bulks(&["a", "c"])),
                ],
                bulks(&["a", "b", "c", "d"]),
            ),
            (
                Join::Sum,
                vec![ok(&[], Frame::integer(2)), ok(&[], Frame::integer(3))],
                Frame::integer(5),
            ),
            (
                Join::Concat,
                vec![
                    ok(&[], bulks(&["a"])),
                    ok(&[], bulks(&[])),
                    ok(&[], bulks(&["b"])),
                ],
                bulks(&["a", "b"]),
            ),
            (
                Join::MinOfItems,
                vec![ok(&[], ints(&[1, 1, 0])), ok(&[], ints(&[1, 0, 1]))],
                ints(&[1, 0, 0]),
            ),
            (
                Join::AnyValue,
                vec![ok(&[], Frame::null()), ok(&[], Frame::bulk("a"))],
                Frame::bulk("a"),
            ),
            (Join::AnyValue, vec![ok(&[], Frame::null())], Frame::null()),
            (
                Join::OneSucceeds,
                vec![err(Outcome::Rejected), ok(&[], Frame::simple("OK"))],
                Frame::simple("OK"),
            ),
        ] {
            assert_eq!(join(how, parts, true).unwrap(), expected, "{how:?}");
        }
    }

    #[test]
    fn a_reply_that_is_none_of_the_command_is_an_error() {
        for (how, part) in [
            (Join::Sum, ok(&[0], Frame::bulk("x"))),
            (Join::Values, ok(&[0, 1], bulks(&["a"]))),
            (Join::Values, ok(&[0], Frame::integer(1))),
            (Join::MinOfItems, ok(&[0], bulks(&["a"]))),
        ] {
            assert!(
                join(how, vec![part], true)
                    .unwrap_err()
                    .is_unexpected_reply(),
                "{how:?}"
            );
        }
    }

    #[test]
    fn a_part_that_has_run_makes_a_failure_one_that_may_have_run() {
        let done = || ok(&[], Frame::simple("OK"));
        for (parts, writes, outcome, says) in [
            (
                vec![done(), err(Outcome::NotSent)],
                true,
                Outcome::MayHaveRun,
                true,
            ),
            (
                vec![err(Outcome::NotSent), err(Outcome::MayHaveRun)],
                true,
                Outcome::MayHaveRun,
                true,
            ),
            (
                vec![err(Outcome::NotSent), err(Outcome::Rejected)],
                true,
                Outcome::NotSent,
                false,
            ),
            (
                vec![done(), err(Outcome::NotSent)],
                false,
                Outcome::NotSent,
                false,
            ),
        ] {
            let error = join(Join::AllSucceed, parts, writes).unwrap_err();
            assert_eq!(error.outcome(), Some(outcome));
            assert_eq!(
                error.to_string().contains("of 2 parts failed"),
                says,
                "{error}"
            );
        }
    }
}
