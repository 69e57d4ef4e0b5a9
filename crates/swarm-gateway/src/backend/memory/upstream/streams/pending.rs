//! XPENDING of SwarmKeyDb: entries delivered but not acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::super::super::call::{Call, Reply};
use super::super::super::reject::Reject;
use super::super::{Naming, decoded, number};
use super::id::bound;
use super::{Group, Pending, stream_of_group};

/// `XPENDING key group [[IDLE ms] start end count [consumer]]`.
pub(in super::super) fn xpending(call: &mut Call<'_>) -> Reply {
    let words = call.args.len();
    call.expects(words == 3 || words >= 6, Naming::UpperCommand)?;
    let (key, name) = (call.key(1)?, decoded(call.arg(2)));
    let stream = stream_of_group(call, &key, &name)?;
    let Some(group) = stream.groups.get(&name) else {
        return Err(Reject::no_key_or_group(&key, &name));
    };
    match call.rest(3) {
        [] => Ok(summary(group)),
        args => extended(group, args, call.now),
    }
}

fn summary(group: &Group) -> Frame {
    let ends = (group.pending.first_key_value()).zip(group.pending.last_key_value());
    let mut counts: BTreeMap<&Bytes, i64> = BTreeMap::new();
    for pending in group.pending.values() {
        *counts.entry(&pending.consumer).or_default() += 1;
    }
    Frame::build(|reply| {
        reply.array(|array| {
            array.integer(i64::try_from(group.pending.len()).unwrap_or(i64::MAX));
            match ends {
                Some(((_, first), (_, last))) => {
                    array.bulk(first.id.text());
                    array.bulk(last.id.text());
                }
                None => (0..2).for_each(|_| array.null()),
            }
            array.array(|consumers| {
                for (name, count) in counts {
                    consumers.array(|consumer| {
                        consumer.bulk(name);
                        consumer.integer(count);
                    });
                }
            });
        });
    })
}

fn extended(group: &Group, args: &[Bytes], now: i64) -> Reply {
    let (least_idle, range) = match args {
        [option, idle, range @ ..] if option.eq_ignore_ascii_case(b"IDLE") => {
            (number::integer(idle)?, range)
        }
        _ => (0, args),
    };
    let (start, stop, most, consumer) = match range {
        [start, stop, most] => (start, stop, most, None),
        [start, stop, most, consumer] => (start, stop, most, Some(decoded(consumer))),
        _ => return Err(Reject::SYNTAX),
    };
    let most = number::elements(number::at_least(1, most)?);
    let (start, stop) = (bound(start, 0)?, bound(stop, u64::MAX)?);
    let idle = |pending: &Pending| (now - pending.delivered_at).max(0);
    let in_range = (start <= stop).then(|| group.pending.range(start..=stop));
    let wanted = (in_range.into_iter().flatten())
        .map(|(_, pending)| pending)
        .filter(|pending| idle(pending) >= least_idle)
        .filter(|pending| {
            consumer
                .as_ref()
                .is_none_or(|name| pending.consumer == name)
        });
    let put = |array: &mut FrameBuilder, pending: &Pending| {
        array.array(|entry| {
            entry.bulk(pending.id.text());
            entry.bulk(&pending.consumer);
            entry.integer(idle(pending));
            entry.integer(pending.deliveries);
        });
    };
    Ok(Frame::build(|reply| {
        reply.array(|array| wanted.take(most).for_each(|pending| put(array, pending)));
    }))
}
