//! LCS: the longest common subsequence of two strings.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count};
use super::keyspace::Value;
use super::number;
use super::ranges::MAX_STRING;
use super::reject::Reject;

const NO_STRINGS: Reject = Reject::text("ERR The specified keys must contain string values");
const AMBIGUOUS: Reject =
    Reject::text("ERR If you want both the length and indexes, please just use IDX.");
const TOO_LARGE: Reject =
    Reject::text("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");

#[derive(Debug, Default)]
struct Options {
    length: bool,
    places: bool,
    /// Minimum length of the matches to return.
    least: usize,
    with_lengths: bool,
}

impl Options {
    fn parse(args: &[Bytes]) -> Result<Self, Reject> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(option) = args.next() {
            match option.to_ascii_uppercase().as_slice() {
                b"IDX" => options.places = true,
                b"LEN" => options.length = true,
                b"WITHMATCHLEN" => options.with_lengths = true,
                b"MINMATCHLEN" => {
                    let least = number::integer(args.next().ok_or(Reject::SYNTAX)?)?;
                    options.least = usize::try_from(least).unwrap_or(0);
                }
                _ => return Err(Reject::SYNTAX),
            }
        }
        match options.places && options.length {
            true => Err(AMBIGUOUS),
            false => Ok(options),
        }
    }
}

/// Lengths of the longest common subsequences of all prefixes.
struct Lengths {
    width: usize,
    lengths: Vec<u32>,
}

impl Lengths {
    fn new(a: &[u8], b: &[u8]) -> Result<Self, Reject> {
        let width = b.len() + 1;
        let size = (a.len() + 1).saturating_mul(width);
        if size.saturating_mul(size_of::<u32>()) > MAX_STRING {
            return Err(TOO_LARGE);
        }
        let mut table = Self {
            width,
            lengths: vec![0; size],
        };
        for (i, left) in a.iter().enumerate() {
            for (j, right) in b.iter().enumerate() {
                let length = match left == right {
                    true => table.at(i, j) + 1,
                    false => table.at(i, j + 1).max(table.at(i + 1, j)),
                };
                if let Some(place) = table.lengths.get_mut((i + 1) * width + j + 1) {
                    *place = length;
                }
            }
        }
        Ok(table)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        let length = self.lengths.get(i * self.width + j);
        length.copied().unwrap_or(0)
    }
}

/// A match: where it starts in both strings, and its length.
#[derive(Debug, Clone, Copy)]
struct Match {
    a: usize,
    b: usize,
    length: usize,
}

/// Returns the subsequence, and its matches from the last to the first.
fn trace(a: &[u8], b: &[u8], table: &Lengths) -> (Vec<u8>, Vec<Match>) {
    let (mut i, mut j) = (a.len(), b.len());
    let (mut common, mut matches) = (Vec::new(), Vec::new());
    let mut current: Option<Match> = None;
    while let (Some(before_i), Some(before_j)) = (i.checked_sub(1), j.checked_sub(1)) {
        match (a.get(before_i), b.get(before_j)) {
            (Some(left), Some(right)) if left == right => {
                common.push(*left);
                match &mut current {
                    Some(found) => {
                        found.a -= 1;
                        found.b -= 1;
                        found.length += 1;
                    }
                    None => {
                        current = Some(Match {
                            a: before_i,
                            b: before_j,
                            length: 1,
                        });
                    }
                }
                (i, j) = (before_i, before_j);
            }
            _ => {
                if table.at(before_i, j) > table.at(i, before_j) {
                    i = before_i;
                } else {
                    j = before_j;
                }
                matches.extend(current.take());
            }
        }
    }
    matches.extend(current);
    common.reverse();
    (common, matches)
}

/// `LCS key key [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]`.
pub(super) fn lcs(call: &mut Call<'_>) -> Reply {
    let string = |key: &Bytes| match call.keyspace.get(key) {
        None => Ok(Bytes::new()),
        Some(Value::String(value)) => Ok(value.clone()),
        Some(_) => Err(NO_STRINGS),
    };
    let (a, b) = (string(call.arg(1))?, string(call.arg(2))?);
    let options = Options::parse(call.rest(3))?;
    let table = Lengths::new(&a, &b)?;
    let length = usize::try_from(table.at(a.len(), b.len())).unwrap_or(usize::MAX);
    if options.length {
        return Ok(count(length));
    }
    let (common, matches) = trace(&a, &b, &table);
    if !options.places {
        return Ok(Frame::bulk(common));
    }
    let integer = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"matches");
            map.array(|array| {
                let wanted = matches.iter().filter(|found| found.length >= options.least);
                for found in wanted {
                    array.array(|parts| {
                        for start in [found.a, found.b] {
                            parts.array(|range| {
                                range.integer(integer(start));
                                range.integer(integer(start + found.length - 1));
                            });
                        }
                        if options.with_lengths {
                            parts.integer(integer(found.length));
                        }
                    });
                }
            });
            map.bulk(b"len");
            map.integer(integer(length));
        });
    }))
}
