//! Pub/Sub of SwarmKeyDb: names are text, and patterns become .NET expressions.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::State;
use super::super::call::{Call, Reply, count};
use super::super::link::{Local, Replies};
use super::super::pubsub;
use super::super::reject::Reject;
use super::{Naming, decoded, wrong_number};

type Subscribe = fn(&mut Local, &mut State, &[Bytes], i64) -> Replies;

/// Runs Redis's command, and returns plain arrays in RESP3 too, if the dialect says so.
fn run(subscribe: Subscribe, local: &mut Local, state: &mut State, args: &[Bytes]) -> Replies {
    let args: Vec<Bytes> = args.iter().map(decoded).collect();
    let frames = subscribe(local, state, &args, 0)?;
    let is_plain = local.client.quirks.plain_messages;
    let acknowledge = |push| acknowledgment(push, is_plain);
    Ok(frames.iter().map(acknowledge).collect())
}

/// Returns an acknowledgment as an array or a push. Without a name, it counts no subscriptions.
fn acknowledgment(push: &Frame, is_plain: bool) -> Frame {
    let mut items: Vec<Frame> = (push.items().into_iter().flatten())
        .map(|item| item.to_frame())
        .collect();
    if let [_, name, left] = items.as_mut_slice()
        && name.is_null()
    {
        *left = Frame::integer(0);
    }
    if is_plain {
        return Frame::array(&items);
    }
    Frame::build(|reply| {
        reply.push_message(|push| items.iter().for_each(|item| push.frame(item.view())));
    })
}

fn names_required(args: &[Bytes], name: &str) -> Result<(), Reject> {
    if args.len() > 1 {
        return Ok(());
    }
    Err(wrong_number(name))
}

pub(super) fn subscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    names_required(args, "subscribe")?;
    run(pubsub::subscribe, local, state, args)
}

pub(super) fn psubscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    names_required(args, "psubscribe")?;
    run(pubsub::psubscribe, local, state, args)
}

pub(super) fn unsubscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    run(pubsub::unsubscribe, local, state, args)
}

pub(super) fn punsubscribe(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    _: i64,
) -> Replies {
    run(pubsub::punsubscribe, local, state, args)
}

/// A pattern that .NET cannot compile fails every message until its subscriber leaves.
pub(super) fn publish(call: &mut Call<'_>) -> Reply {
    call.exactly(3)?;
    let (channel, message) = (decoded(call.arg(1)), call.arg(2));
    let matching: Vec<Bytes> = (call.server.pubsub.patterns())
        .filter_map(|pattern| match matches(pattern, &channel) {
            Ok(true) => Some(Ok(pattern.clone())),
            Ok(false) => None,
            Err(reject) => Some(Err(reject)),
        })
        .collect::<Result<_, _>>()?;
    Ok(count(pubsub::deliver(
        call.server,
        &channel,
        message,
        &matching,
        call.client.burst,
    )))
}

/// `PUBSUB CHANNELS [pattern] | NUMSUB [channel …] | NUMPAT`.
pub(super) fn pubsub(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let names: Vec<Bytes> = call.rest(2).iter().map(decoded).collect();
    match call.arg(1).to_ascii_uppercase().as_slice() {
        b"CHANNELS" => {
            let all: Vec<&Bytes> = call.server.pubsub.channels().collect();
            let wanted = (all.into_iter()).filter_map(|channel| {
                let wanted = names
                    .first()
                    .map_or(Ok(true), |pattern| matches(pattern, channel));
                wanted.map(|wanted| wanted.then_some(channel)).transpose()
            });
            let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
            Ok(Frame::build(|reply| {
                reply.array(|array| wanted.iter().for_each(|channel| array.bulk(channel)));
            }))
        }
        b"NUMSUB" => {
            let pubsub = &call.server.pubsub;
            Ok(Frame::build(|reply| {
                reply.array(|array| {
                    for name in &names {
                        array.bulk(name);
                        array.integer(i64::try_from(pubsub.subscribers(name)).unwrap_or(i64::MAX));
                    }
                });
            }))
        }
        b"NUMPAT" => Ok(count(call.server.pubsub.patterns().count())),
        _ => {
            let given = call.arg(1).to_ascii_uppercase();
            Err(Reject::joined(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                &given,
                b"' command",
            ]))
        }
    }
}

/// Part of a compiled pattern.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(u16),
    /// Any character but a line feed.
    Any,
    /// Any number of them.
    Star,
    Class {
        negated: bool,
        ranges: Vec<(u16, u16)>,
    },
}

/// Compiles a glob as the server does: it escapes the text, and then turns `*`, `?`, `[`, and `[!`
/// back into their meanings. A backslash is only itself.
fn compile(pattern: &[u8]) -> Result<Vec<Part>, Reject> {
    let text: Vec<char> = String::from_utf8_lossy(pattern).chars().collect();
    let invalid = |expression: &[char], at: usize, what: &str| {
        let expression: String = expression.iter().collect();
        Reject::new(format!(
            "ERR Invalid pattern '^{expression}$' at offset {at}. {what}"
        ))
    };
    let expression: Vec<char> = String::from_utf8_lossy(pattern)
        .replace("[!", "[^")
        .chars()
        .collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(char) = text.get(at) {
        at += 1;
        match char {
            '*' => parts.push(Part::Star),
            '?' => parts.push(Part::Any),
            '[' => {
                let negated = text.get(at) == Some(&'!');
                let first = at + usize::from(negated);
                // A bracket directly behind the opening one is part of the class.
                let end = (first + 1..text.len()).find(|end| text.get(*end) == Some(&']'));
                let Some(end) = end else {
                    let length = expression.len() + 2;
                    return Err(invalid(&expression, length, "Unterminated [] set."));
                };
                let members = text.get(first..end).unwrap_or_default();
                let ranges = ranges(members).map_err(|place| {
                    let what = "[x-y] range in reverse order.";
                    invalid(&expression, first + place + 2, what)
                })?;
                parts.push(Part::Class { negated, ranges });
                at = end + 1;
            }
            literal => {
                let mut units = [0; 2];
                parts.extend(
                    literal
                        .encode_utf16(&mut units)
                        .iter()
                        .map(|unit| Part::Literal(*unit)),
                );
            }
        }
    }
    Ok(parts)
}

/// Returns the ranges of a class, or the place of one that is reversed.
fn ranges(mut members: &[char]) -> Result<Vec<(u16, u16)>, usize> {
    let length = members.len();
    let unit = |char: char| u16::try_from(u32::from(char)).unwrap_or(u16::MAX);
    let mut ranges = Vec::new();
    while let Some((first, rest)) = members.split_first() {
        members = match (first, rest) {
            (low, ['-', high, rest @ ..]) => {
                if low > high {
                    return Err(length - rest.len() - 1);
                }
                ranges.push((unit(*low), unit(*high)));
                rest
            }
            // The expression has a dot in their places, which is only itself in a class.
            ('*', _) => {
                ranges.extend([(unit('.'), unit('.')), (unit('*'), unit('*'))]);
                rest
            }
            ('?', _) => {
                ranges.push((unit('.'), unit('.')));
                rest
            }
            (single, _) => {
                ranges.push((unit(*single), unit(*single)));
                rest
            }
        };
    }
    Ok(ranges)
}

/// Returns whether a channel matches a pattern; a line feed at its end does not count.
fn matches(pattern: &[u8], channel: &[u8]) -> Result<bool, Reject> {
    let parts = compile(pattern)?;
    let channel: Vec<u16> = String::from_utf8_lossy(channel).encode_utf16().collect();
    Ok(fits(&parts, &channel)
        || (channel.split_last())
            .is_some_and(|(last, rest)| *last == u16::from(b'\n') && fits(&parts, rest)))
}

fn fits(parts: &[Part], text: &[u16]) -> bool {
    const LF: u16 = b'\n' as u16;
    let (mut parts, mut text) = (parts, text);
    // Where to resume when the parts behind the last star fail: one character further.
    let mut retry: Option<(&[Part], &[u16])> = None;
    loop {
        if let [Part::Star, rest @ ..] = parts {
            parts = rest;
            retry = Some((parts, text));
            continue;
        }
        let step = match (parts.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((part, parts)), Some((unit, text))) => part.takes(*unit).then_some((parts, text)),
            _ => None,
        };
        if let Some(step) = step {
            (parts, text) = step;
            continue;
        }
        let Some((after_star, [skipped, from @ ..])) = retry else {
            return false;
        };
        if *skipped == LF {
            return false;
        }
        (parts, text) = (after_star, from);
        retry = Some((after_star, from));
    }
}

impl Part {
    fn takes(&self, unit: u16) -> bool {
        match self {
            Self::Literal(literal) => *literal == unit,
            Self::Any => unit != u16::from(b'\n'),
            Self::Star => false,
            Self::Class { negated, ranges } => {
                let inside = |(low, high): &(u16, u16)| (low..=high).contains(&&unit);
                ranges.iter().any(inside) != *negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_on_dotnet() {
        for (pattern, text, expected) in [
            ("*", "abc", true),
            ("*", "a\nb", false),
            ("n[!x]ws*", "news.a", true),
            ("n[!e]ws*", "news.a", false),
            ("[^a]", "^", true),
            ("[^a]", "b", false),
            ("\\*", "\\abc", true),
            ("\\*", "*", false),
            ("nx", "nx\n", true),
            ("[cq]h", "qh", true),
            ("[a-c]", "b", true),
            ("a?c", "abc", true),
            ("[?]", ".", true),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, Ok(expected), "{pattern} {text:?}");
        }
    }

    #[test]
    fn a_broken_class_is_an_error() {
        for (pattern, text) in [
            (
                "[",
                "ERR Invalid pattern '^[$' at offset 3. Unterminated [] set.",
            ),
            (
                "[]",
                "ERR Invalid pattern '^[]$' at offset 4. Unterminated [] set.",
            ),
            (
                "[!",
                "ERR Invalid pattern '^[^$' at offset 4. Unterminated [] set.",
            ),
            (
                "[z-a]",
                "ERR Invalid pattern '^[z-a]$' at offset 5. [x-y] range in reverse order.",
            ),
        ] {
            let error = matches(pattern.as_bytes(), b"x").unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
