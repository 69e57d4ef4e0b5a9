//! Iteration over the elements of a key: HSCAN, SSCAN, ZSCAN.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::call::{Call, Reply};
use super::glob;
use super::number;
use super::reject::Reject;

/// Options of HSCAN, SSCAN, and ZSCAN.
#[derive(Debug)]
struct Options<'a> {
    pattern: &'a [u8],
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(mut options: &'a [Bytes]) -> Result<Self, Reject> {
        let mut parsed = Self {
            pattern: b"*",
            count: 10,
        };
        while let Some((option, rest)) = options.split_first() {
            let (value, rest) = rest.split_first().ok_or(Reject::SYNTAX)?;
            match option.to_ascii_uppercase().as_slice() {
                b"MATCH" => parsed.pattern = value,
                b"COUNT" => {
                    let count = number::integer(value)?;
                    let count = usize::try_from(count).ok().filter(|count| *count > 0);
                    parsed.count = count.ok_or(Reject::SYNTAX)?;
                }
                _ => return Err(Reject::SYNTAX),
            }
            options = rest;
        }
        Ok(parsed)
    }
}

/// Parses a cursor as `strtoul` of C does, which accepts signs and an empty text.
pub(super) fn cursor(text: &[u8]) -> Result<u64, Reject> {
    let invalid = Reject::text("ERR invalid cursor");
    let (negative, digits) = match text.split(|byte| *byte == 0).next().unwrap_or_default() {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid);
    }
    let number: Option<u64> = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    let number = number.ok_or(invalid)?;
    Ok(if negative {
        number.wrapping_neg()
    } else {
        number
    })
}

/// Elements of a key: all at once, or in their order from a cursor on.
pub(super) enum Elements<A, B> {
    Small(A),
    Large(B),
}

/// Replies to a scan with the next cursor and the elements that match. `find` returns them, a large
/// collection from a cursor on, with creation numbers. A small collection is returned as a whole,
/// whatever the cursor.
pub(super) fn scan<'a, N, T, A, B>(
    call: &'a Call<'_>,
    find: impl FnOnce(&'a Call<'_>, u64) -> Result<Option<Elements<A, B>>, Reject>,
    put: impl Fn(&mut FrameBuilder, &[u8], T),
) -> Reply
where
    N: AsRef<[u8]>,
    A: Iterator<Item = (N, T)>,
    B: Iterator<Item = (u64, N, T)>,
{
    let place = cursor(call.arg(2))?;
    let Some(elements) = find(call, place)? else {
        return Ok(reply(0, |_| {}));
    };
    let options = Options::parse(call.rest(3))?;
    let put = |array: &mut FrameBuilder, name: N, value: T| {
        if glob::matches_key(options.pattern, name.as_ref()) {
            put(array, name.as_ref(), value);
        }
    };
    match elements {
        Elements::Small(all) => Ok(reply(0, |array| {
            all.for_each(|(name, value)| put(array, name, value));
        })),
        Elements::Large(mut rest) => {
            let part: Vec<_> = rest.by_ref().take(options.count).collect();
            let next = rest.next().map_or(0, |(place, ..)| place);
            Ok(reply(next, |array| {
                (part.into_iter()).for_each(|(_, name, value)| put(array, name, value));
            }))
        }
    }
}

fn reply(next: u64, fill: impl FnOnce(&mut FrameBuilder)) -> Frame {
    Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(next.to_string().as_bytes());
            array.array(fill);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::cursor;

    #[test]
    fn a_cursor_is_what_c_parses() {
        assert_eq!(cursor(b""), Ok(0));
        assert_eq!(cursor(b"12"), Ok(12));
        assert_eq!(cursor(b"+012"), Ok(12));
        assert_eq!(cursor(b"-1"), Ok(u64::MAX));
        assert_eq!(cursor(b"1\0x"), Ok(1));
        for text in ["-", "x", "1x", " 1", "18446744073709551616"] {
            assert!(cursor(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
