//! Key enumeration: KEYS, SCAN, RANDOMKEY.

use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::elements;
use super::glob;
use super::keyspace::Value;
use super::number;
use super::reject::Reject;

pub(super) fn keys(call: &mut Call<'_>) -> Reply {
    let pattern = call.arg(1);
    let keys = call.keyspace.from(0);
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            keys.filter(|(_, key, _)| glob::matches_key(pattern, key))
                .for_each(|(_, key, _)| array.bulk(key));
        });
    }))
}

#[derive(Debug)]
struct Options<'a> {
    pattern: Option<&'a Bytes>,
    count: usize,
    type_name: Option<&'a Bytes>,
}

impl<'a> Options<'a> {
    fn parse(options: &'a [Bytes]) -> Result<Self, Reject> {
        let mut parsed = Self {
            pattern: None,
            count: 10,
            type_name: None,
        };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let value = options.next().ok_or(Reject::SYNTAX)?;
            match option.to_ascii_uppercase().as_slice() {
                b"MATCH" => parsed.pattern = Some(value),
                b"COUNT" => {
                    let count = number::integer(value)?;
                    parsed.count = usize::try_from(count).unwrap_or(0);
                    if parsed.count == 0 {
                        return Err(Reject::SYNTAX);
                    }
                }
                b"TYPE" => parsed.type_name = Some(value),
                _ => return Err(Reject::SYNTAX),
            }
        }
        Ok(parsed)
    }
}

/// The cursor is a creation number, so a key that persists is returned exactly once, whatever else
/// changes. Depending on the dialect, it is an offset into the sorted keys instead.
pub(super) fn scan(call: &mut Call<'_>) -> Reply {
    let cursor = elements::cursor(call.arg(1))?;
    let options = Options::parse(call.rest(2))?;
    if call.client.quirks.offset_cursors {
        let keys: BTreeMap<_, _> = (call.keyspace.from(0))
            .map(|(_, key, value)| (key, value))
            .collect();
        let start = usize::try_from(cursor).unwrap_or(usize::MAX);
        let entries = (cursor..).zip(keys.into_iter().skip(start));
        let entries = entries.map(|(place, (key, value))| (place, key, value));
        return Ok(page(entries, &options));
    }
    Ok(page(call.keyspace.from(cursor), &options))
}

/// Replies with the next of the entries, and the place behind them as the cursor.
fn page<'a>(
    mut entries: impl Iterator<Item = (u64, &'a Bytes, &'a Value)>,
    options: &Options<'_>,
) -> Frame {
    let mut found = Vec::new();
    let mut next = 0;
    for (place, key, value) in entries.by_ref().take(options.count) {
        next = place + 1;
        let named = options
            .pattern
            .is_none_or(|pattern| glob::matches_key(pattern, key));
        let typed = options
            .type_name
            .is_none_or(|name| name.eq_ignore_ascii_case(value.type_name().as_bytes()));
        if named && typed {
            found.push(key);
        }
    }
    if entries.next().is_none() {
        next = 0;
    }
    Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(next.to_string().as_bytes());
            array.array(|keys| found.iter().for_each(|key| keys.bulk(key)));
        });
    })
}

pub(super) fn randomkey(call: &mut Call<'_>) -> Reply {
    let key = call.keyspace.random().cloned();
    Ok(key.map_or_else(Frame::null, Frame::bulk))
}
