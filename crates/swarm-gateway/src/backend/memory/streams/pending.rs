//! XPENDING: entries delivered but not acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::number;
use super::super::reject::Reject;
use super::group::Group;
use super::id::StreamId;

/// `[IDLE ms] start end count [consumer]`.
#[derive(Debug)]
struct Options<'a> {
    idle: i64,
    start: StreamId,
    stop: StreamId,
    count: usize,
    consumer: Option<&'a Bytes>,
}

impl<'a> Options<'a> {
    fn parse(args: &'a [Bytes]) -> Result<Self, Reject> {
        let (idle, range) = match args {
            [name, idle, rest @ ..] if name.eq_ignore_ascii_case(b"IDLE") => {
                (number::integer(idle)?, rest)
            }
            _ => (0, args),
        };
        let (start, stop, count, consumer) = match range {
            [start, stop, count] => (start, stop, count, None),
            [start, stop, count, consumer, ..] => (start, stop, count, Some(consumer)),
            _ => return Err(Reject::SYNTAX),
        };
        let count = number::integer(count)?;
        Ok(Self {
            idle,
            start: StreamId::parse_start(start)?,
            stop: StreamId::parse_stop(stop)?,
            count: usize::try_from(count).unwrap_or(0),
            consumer,
        })
    }
}

pub(in super::super) fn xpending(call: &mut Call<'_>) -> Reply {
    let options = match call.rest(3) {
        [] => None,
        args if (3..=6).contains(&args.len()) => Some(Options::parse(args)?),
        _ => return Err(Reject::SYNTAX),
    };
    let (key, name, now) = (call.arg(1), call.arg(2), call.now);
    let (stream, _) = call.group_mut(key, name)?;
    let group = stream.groups.entry(name.clone()).or_default();
    Ok(match options {
        None => summary(group),
        Some(options) => extended(group, &options, now),
    })
}

fn summary(group: &Group) -> Frame {
    let ends = (group.pending.first_key_value()).zip(group.pending.last_key_value());
    let mut counts: BTreeMap<&Bytes, usize> = BTreeMap::new();
    for pending in group.pending.values() {
        *counts.entry(&pending.consumer).or_default() += 1;
    }
    Frame::build(|reply| {
        reply.array(|array| {
            array.integer(i64::try_from(group.pending.len()).unwrap_or(i64::MAX));
            let Some(((first, _), (last, _))) = ends else {
                array.null();
                array.null();
                array.null_array();
                return;
            };
            array.bulk(first.to_string().as_bytes());
            array.bulk(last.to_string().as_bytes());
            array.array(|consumers| {
                for (name, count) in counts {
                    consumers.array(|consumer| {
                        consumer.bulk(name);
                        consumer.bulk(count.to_string().as_bytes());
                    });
                }
            });
        });
    })
}

fn extended(group: &Group, options: &Options<'_>, now: i64) -> Frame {
    let in_range = options.start <= options.stop;
    let range = in_range.then(|| group.pending.range(options.start..=options.stop));
    Frame::build(|reply| {
        reply.array(|array| {
            let wanted = (range.into_iter().flatten())
                .map(|(id, pending)| (id, pending, (now - pending.delivered_at).max(0)))
                .filter(|(_, pending, idle)| {
                    *idle >= options.idle
                        && options.consumer.is_none_or(|name| pending.consumer == name)
                });
            for (id, pending, idle) in wanted.take(options.count) {
                array.array(|entry| {
                    entry.bulk(id.to_string().as_bytes());
                    entry.bulk(&pending.consumer);
                    entry.integer(idle);
                    entry.integer(pending.deliveries);
                });
            }
        });
    })
}
