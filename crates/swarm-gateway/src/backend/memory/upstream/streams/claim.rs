//! XCLAIM and XAUTOCLAIM of SwarmKeyDb: transfer pending entries to another consumer.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::super::call::{Call, Reply};
use super::super::super::reject::Reject;
use super::super::{Naming, decoded, number};
use super::id::{Id, Place};
use super::{Entry, Pending, Stream, put_entries, store, stream_of_group};

/// New owner of pending entries.
struct Claim {
    group: Bytes,
    consumer: Bytes,
    least_idle: i64,
    now: i64,
}

impl Claim {
    /// Records that the consumer has claimed, whether or not it gets anything.
    fn enter(&self, stream: &mut Stream) {
        if let Some(group) = stream.groups.get_mut(&self.group) {
            group.consumers.insert(self.consumer.clone(), self.now);
        }
    }

    /// Transfers an entry if it has been idle long enough.
    fn take(&self, stream: &mut Stream, place: Place) -> Option<Arc<Entry>> {
        let entry = stream.entries.get(&place)?.clone();
        let group = stream.groups.get_mut(&self.group)?;
        let pending = group.pending.get_mut(&place)?;
        if self.now - pending.delivered_at < self.least_idle {
            return None;
        }
        *pending = Pending {
            id: pending.id.clone(),
            consumer: self.consumer.clone(),
            delivered_at: self.now,
            deliveries: pending.deliveries + 1,
        };
        Some(entry)
    }
}

/// Parses the arguments that both commands begin with.
fn claim(call: &Call<'_>) -> Result<Claim, Reject> {
    call.expects(call.args.len() >= 6, Naming::UpperCommand)?;
    Ok(Claim {
        group: decoded(call.arg(2)),
        consumer: decoded(call.arg(3)),
        least_idle: number::at_least(0, call.arg(4))?,
        now: call.now,
    })
}

/// Every word after the idle time is an ID; a word that is none claims nothing.
pub(in super::super) fn xclaim(call: &mut Call<'_>) -> Reply {
    let claim = claim(call)?;
    let key = call.key(1)?;
    let mut stream = stream_of_group(call, &key, &claim.group)?;
    let writing = Arc::make_mut(&mut stream);
    claim.enter(writing);
    let mut claimed = Vec::new();
    for text in call.rest(5) {
        let id = Id::parse(text).ok();
        claimed.extend(id.and_then(|id| claim.take(writing, id.place())));
    }
    store(call, &key, stream);
    Ok(Frame::build(|reply| put_entries(reply, &claimed)))
}

/// `XAUTOCLAIM key group consumer min-idle start [COUNT n]`. Replies with the ID to continue at; at
/// the end, that is the last one seen.
pub(in super::super) fn xautoclaim(call: &mut Call<'_>) -> Reply {
    let claim = claim(call)?;
    let start = Id::parse(call.arg(5))?.place();
    let most = match call.rest(6) {
        [] => 100,
        [_, most] if call.is(6, "COUNT") => {
            number::elements(number::at_least(1, most).map_err(|_| Reject::SYNTAX)?)
        }
        _ => return Err(Reject::SYNTAX),
    };
    let key = call.key(1)?;
    let mut stream = stream_of_group(call, &key, &claim.group)?;
    let writing = Arc::make_mut(&mut stream);
    claim.enter(writing);
    let group = writing.groups.get(&claim.group);
    let pending = group.map(|group| group.pending.range(start..));
    let pending: Vec<(Place, Id)> = (pending.into_iter().flatten())
        .map(|(place, pending)| (*place, pending.id.clone()))
        .collect();
    let (mut next, mut claimed) = (Id::default(), Vec::new());
    let mut is_end = true;
    for (place, id) in pending {
        next = id;
        if claimed.len() >= most {
            is_end = false;
            break;
        }
        claimed.extend(claim.take(writing, place));
    }
    store(call, &key, stream);
    if is_end && !call.client.quirks.endless_autoclaim {
        next = Id::default();
    }
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(next.text());
            put_entries(array, &claimed);
            array.array(|_| {});
        });
    }))
}
