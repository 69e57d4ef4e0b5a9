//! SORT and SORT_RO.

use std::cmp::Ordering;

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count};
use super::float;
use super::keyspace::{Class, Expiry, Keyspace, Value};
use super::number;
use super::reject::Reject;
use super::table::{Spec, data};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("SORT", -2, sort),
    data("SORT_RO", -2, sort_ro),
];

const NO_NUMBER: Reject = Reject::text("ERR One or more scores can't be converted into double");

/// Options of SORT.
#[derive(Debug, Default)]
struct Options<'a> {
    descending: bool,
    alpha: bool,
    start: i64,
    /// Maximum number of elements; negative is unlimited.
    most: Option<i64>,
    store: Option<&'a Bytes>,
    by: Option<&'a Bytes>,
    /// The BY pattern is constant, so the order stays as it is.
    unsorted: bool,
    get: Vec<&'a Bytes>,
}

const BY_DENIED: Reject =
    Reject::text("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: Reject =
    Reject::text("ERR GET option of SORT denied due to insufficient ACL permissions.");

impl<'a> Options<'a> {
    /// `reads_everything` is whether the user may read all keys, which patterns refer to.
    fn parse(mut args: &'a [Bytes], stores: bool, reads_everything: bool) -> Result<Self, Reject> {
        let mut options = Self::default();
        while let Some((option, rest)) = args.split_first() {
            args = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"ASC", _) => {
                    options.descending = false;
                    rest
                }
                (b"DESC", _) => {
                    options.descending = true;
                    rest
                }
                (b"ALPHA", _) => {
                    options.alpha = true;
                    rest
                }
                (b"LIMIT", [start, most, rest @ ..]) => {
                    options.start = number::integer(start)?;
                    options.most = Some(number::integer(most)?);
                    rest
                }
                (b"STORE", [key, rest @ ..]) if stores => {
                    options.store = Some(key);
                    rest
                }
                (b"BY", [pattern, rest @ ..]) => {
                    options.by = Some(pattern);
                    if star(pattern).is_some() && !reads_everything {
                        return Err(BY_DENIED);
                    }
                    options.unsorted |= star(pattern).is_none();
                    rest
                }
                (b"GET", [pattern, rest @ ..]) => {
                    if !reads_everything {
                        return Err(GET_DENIED);
                    }
                    options.get.push(pattern);
                    rest
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        Ok(options)
    }

    /// Returns the wanted part of a number of elements.
    fn range(&self, length: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.start.max(0))
            .unwrap_or(usize::MAX)
            .min(length);
        let most = self.most.and_then(|most| usize::try_from(most).ok());
        start..start.saturating_add(most.unwrap_or(length)).min(length)
    }
}

/// Returns where a pattern, up to its first NUL, has its placeholder.
fn star(pattern: &[u8]) -> Option<usize> {
    let until_nul = pattern.split(|byte| *byte == 0).next()?;
    until_nul.iter().position(|byte| *byte == b'*')
}

/// Returns the string that a pattern refers to for an element: that of a key, or of a field of a
/// hash.
fn referenced(keyspace: &Keyspace, pattern: &Bytes, element: &Bytes) -> Option<Bytes> {
    if pattern == "#" {
        return Some(element.clone());
    }
    let at = star(pattern)?;
    let (prefix, rest) = (pattern.get(..at)?, pattern.get(at + 1..)?);
    let arrow = rest.windows(2).position(|pair| pair == b"->");
    let arrow = arrow.filter(|arrow| arrow + 2 < rest.len());
    let (postfix, field) = match arrow {
        Some(arrow) => (rest.get(..arrow)?, rest.get(arrow + 2..)),
        None => (rest, None),
    };
    let key = [prefix, element, postfix].concat();
    match (keyspace.get(&key)?, field) {
        (Value::Hash(hash), Some(field)) => hash.get(field).cloned(),
        (Value::String(value), None) => Some(value.clone()),
        _ => None,
    }
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    Text(Option<Bytes>),
}

/// Compares as C strings, which end at a NUL, unless the result is stored.
fn compare_texts(left: &[u8], right: &[u8], is_stored: bool) -> Ordering {
    fn until_nul(text: &[u8]) -> &[u8] {
        text.split(|byte| *byte == 0).next().unwrap_or_default()
    }
    match is_stored {
        true => left.cmp(right),
        false => until_nul(left).cmp(until_nul(right)),
    }
}

fn sorted(
    keyspace: &Keyspace,
    elements: Vec<Bytes>,
    options: &Options<'_>,
) -> Result<Vec<Bytes>, Reject> {
    let mut weighted = Vec::with_capacity(elements.len());
    for element in elements {
        let by = match options.by {
            Some(pattern) => referenced(keyspace, pattern, &element),
            None => Some(element.clone()),
        };
        let weight = match (options.alpha, by) {
            (true, by) => Weight::Text(by),
            (false, None) => Weight::Number(0.0),
            (false, Some(by)) => Weight::Number(float::weight(&by).ok_or(NO_NUMBER)?),
        };
        weighted.push((weight, element));
    }
    let is_stored = options.store.is_some();
    let compare = |left: &(Weight, Bytes), right: &(Weight, Bytes)| match (&left.0, &right.0) {
        (Weight::Number(a), Weight::Number(b)) => {
            let by_number = a.partial_cmp(b).unwrap_or(Ordering::Equal);
            by_number.then_with(|| left.1.cmp(&right.1))
        }
        (Weight::Text(Some(a)), Weight::Text(Some(b))) => compare_texts(a, b, is_stored),
        (Weight::Text(a), Weight::Text(b)) => a.is_some().cmp(&b.is_some()),
        _ => Ordering::Equal,
    };
    weighted.sort_by(|left, right| match options.descending {
        true => compare(right, left),
        false => compare(left, right),
    });
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

fn run(call: &mut Call<'_>, stores: bool) -> Reply {
    let name = if stores { "SORT" } else { "SORT_RO" };
    let reads_everything = (call.server).reads_everything(call.client.id, name, call.args);
    let mut options = Options::parse(call.rest(2), stores, reads_everything)?;
    // Redis needs a skip list to sort a set, and keeps it.
    call.keyspace.use_skip_list(call.arg(1));
    let value = call.keyspace.get(call.arg(1));
    let elements: Vec<Bytes> = match value {
        None => Vec::new(),
        Some(Value::List(list)) if options.unsorted && options.descending => {
            list.iter().rev().cloned().collect()
        }
        Some(Value::List(list)) => list.iter().cloned().collect(),
        Some(Value::Set(set)) => set.iter().collect(),
        Some(Value::SortedSet(set)) if options.unsorted && options.descending => {
            let members = set.before(set.len());
            members.map(|scored| scored.member.clone()).collect()
        }
        Some(Value::SortedSet(set)) => {
            let members = set.from(0);
            members.map(|scored| scored.member.clone()).collect()
        }
        Some(_) => return Err(Reject::WRONG_TYPE),
    };
    // What is stored, and what a script receives, must not depend on how a set is stored.
    if options.unsorted
        && (options.store.is_some() || call.in_script)
        && matches!(value, Some(Value::Set(_)))
    {
        (options.unsorted, options.alpha, options.by) = (false, true, None);
    }
    let elements = match options.unsorted {
        true => elements,
        false => sorted(call.keyspace, elements, &options)?,
    };
    let range = options.range(elements.len());
    let mut found: Vec<Option<Bytes>> = Vec::new();
    for element in elements.get(range).unwrap_or_default() {
        if options.get.is_empty() {
            found.push(Some(element.clone()));
        }
        let values = options.get.iter();
        found.extend(values.map(|pattern| referenced(call.keyspace, pattern, element)));
    }
    let Some(target) = options.store else {
        return Ok(Frame::build(|reply| {
            reply.array(|array| {
                for value in &found {
                    match value {
                        Some(value) => array.bulk(value),
                        None => array.null(),
                    }
                }
            });
        }));
    };
    let length = found.len();
    if length > 0 {
        let list = found.into_iter().map(Option::unwrap_or_default).collect();
        call.keyspace.set(target, Value::List(list), Expiry::Never);
        call.keyspace.notify(Class::LIST, "sortstore", target);
    } else if call.keyspace.remove(target).is_some() {
        call.keyspace.notify(Class::GENERIC, "del", target);
    }
    Ok(count(length))
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern]… [ASC|DESC] [ALPHA] [STORE key]`.
fn sort(call: &mut Call<'_>) -> Reply {
    run(call, true)
}

fn sort_ro(call: &mut Call<'_>) -> Reply {
    run(call, false)
}
