//! Range queries: XRANGE and XREVRANGE.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::number;
use super::super::reject::Reject;
use super::Stream;
use super::id::StreamId;

/// Parses `[COUNT n]`; a negative number counts as 0.
fn limit(options: &[Bytes]) -> Result<Option<usize>, Reject> {
    let mut limit = None;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let number = options.next().ok_or(Reject::SYNTAX)?;
        if !option.eq_ignore_ascii_case(b"COUNT") {
            return Err(Reject::SYNTAX);
        }
        limit = Some(usize::try_from(number::integer(number)?).unwrap_or(0));
    }
    Ok(limit)
}

fn range(call: &Call<'_>, start: &[u8], stop: &[u8], reverse: bool) -> Reply {
    let start = StreamId::parse_start(start)?;
    let stop = StreamId::parse_stop(stop)?;
    let limit = limit(call.rest(4))?;
    let Some(stream) = call.stream(call.arg(1))? else {
        return Ok(Frame::array([]));
    };
    if limit == Some(0) {
        return Ok(Frame::null_array());
    }
    let limit = limit.unwrap_or(usize::MAX);
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            if start > stop {
                return;
            }
            let entries = stream.entries.range(start..=stop);
            let put = |(id, fields): (&StreamId, &Vec<Bytes>)| {
                Stream::reply_entry(array, *id, fields);
            };
            if reverse {
                entries.rev().take(limit).for_each(put);
            } else {
                entries.take(limit).for_each(put);
            }
        });
    }))
}

pub(in super::super) fn xrange(call: &mut Call<'_>) -> Reply {
    range(call, call.arg(2), call.arg(3), false)
}

pub(in super::super) fn xrevrange(call: &mut Call<'_>) -> Reply {
    range(call, call.arg(3), call.arg(2), true)
}
