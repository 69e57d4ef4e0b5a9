//! XCLAIM and XAUTOCLAIM: transfer pending entries to another consumer.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::super::call::{Call, Reply};
use super::super::keyspace::Class;
use super::super::number;
use super::super::reject::Reject;
use super::Stream;
use super::group::{Group, Pending};
use super::id::StreamId;

/// Options of XCLAIM.
#[derive(Debug, Default)]
struct Options {
    delivered_at: Option<i64>,
    deliveries: Option<i64>,
    force: bool,
    only_ids: bool,
    last: StreamId,
}

impl Options {
    fn parse(mut args: &[Bytes], now: i64) -> Result<Self, Reject> {
        let mut options = Self::default();
        while let Some((name, rest)) = args.split_first() {
            let upper = name.to_ascii_uppercase();
            let number = |text: &Bytes| {
                let name = String::from_utf8_lossy(&upper);
                number::integer(text).map_err(|_| {
                    Reject::new(format!("ERR Invalid {name} option argument for XCLAIM"))
                })
            };
            args = match (upper.as_slice(), rest) {
                (b"FORCE", _) => {
                    options.force = true;
                    rest
                }
                (b"JUSTID", _) => {
                    options.only_ids = true;
                    rest
                }
                (b"IDLE", [idle, rest @ ..]) => {
                    options.delivered_at = Some(now.saturating_sub(number(idle)?));
                    rest
                }
                (b"TIME", [time, rest @ ..]) => {
                    options.delivered_at = Some(number(time)?);
                    rest
                }
                (b"RETRYCOUNT", [count, rest @ ..]) => {
                    options.deliveries = Some(number(count)?);
                    rest
                }
                (b"LASTID", [id, rest @ ..]) => {
                    options.last = StreamId::parse(id, 0)?;
                    rest
                }
                _ => {
                    return Err(Reject::quoting(&[
                        b"ERR Unrecognized XCLAIM option '",
                        name,
                        b"'",
                    ]));
                }
            };
        }
        Ok(options)
    }

    /// Transfers an entry.
    fn hand_over(&self, pending: &mut Pending, consumer: &Bytes, now: i64) {
        if pending.consumer != consumer {
            pending.consumer = Bytes::copy_from_slice(consumer);
        }
        let possible = |time: &i64| (0..=now).contains(time);
        pending.delivered_at = self.delivered_at.filter(possible).unwrap_or(now);
        match self.deliveries {
            Some(count @ 0..) => pending.deliveries = count,
            _ if self.only_ids => {}
            _ => pending.deliveries += 1,
        }
    }

    fn put(&self, reply: &mut FrameBuilder, id: StreamId, fields: &[Bytes]) {
        if self.only_ids {
            reply.bulk(id.to_string().as_bytes());
        } else {
            Stream::reply_entry(reply, id, fields);
        }
    }
}

fn min_idle(text: &[u8], command: &str) -> Result<i64, Reject> {
    number::integer(text)
        .map(|idle| idle.max(0))
        .map_err(|_| Reject::new(format!("ERR Invalid min-idle-time argument for {command}")))
}

pub(in super::super) fn xclaim(call: &mut Call<'_>) -> Reply {
    let (key, name, consumer, now) = (call.arg(1), call.arg(2), call.arg(3), call.now);
    call.group_mut(key, name)?;
    let min_idle = min_idle(call.arg(4), "XCLAIM")?;
    let args = call.rest(5);
    let ids: Vec<StreamId> = (args.iter())
        .map_while(|id| StreamId::parse(id, 0).ok())
        .collect();
    let options = Options::parse(args.get(ids.len()..).unwrap_or_default(), now)?;
    let (stream, name) = call.group_mut(key, name)?;
    let group = stream.groups.entry(name).or_default();
    let was_known = group.consumers.contains_key(consumer);
    group.delivered = group.delivered.max(options.last);
    let entries = &stream.entries;
    let mut claim = |id: &StreamId| {
        let Some(fields) = entries.get(id) else {
            group.pending.remove(id);
            return None;
        };
        match group.pending.get(id) {
            Some(pending) if now - pending.delivered_at < min_idle => return None,
            None if !options.force => return None,
            Some(_) => {}
            None => group.give(*id, consumer, now),
        }
        group.see(consumer, now);
        options.hand_over(group.pending.get_mut(id)?, consumer, now);
        Some((*id, fields))
    };
    let claimed: Vec<_> = ids.iter().filter_map(&mut claim).collect();
    let is_known = group.consumers.contains_key(consumer);
    let reply = Frame::build(|reply| {
        reply.array(|array| {
            for (id, fields) in claimed {
                options.put(array, id, fields);
            }
        });
    });
    if is_known && !was_known {
        (call.keyspace).notify(Class::STREAM, "xgroup-createconsumer", key);
    }
    Ok(reply)
}

/// `[COUNT n] [JUSTID]`.
fn auto_options(mut args: &[Bytes]) -> Result<(usize, Options), Reject> {
    let (mut count, mut options) = (100, Options::default());
    while let Some((name, rest)) = args.split_first() {
        args = match (name.to_ascii_uppercase().as_slice(), rest) {
            (b"COUNT", [number, rest @ ..]) => {
                let wrong = Reject::text("ERR COUNT must be > 0");
                let number = number::integer(number).map_err(|_| wrong.clone())?;
                count = usize::try_from(number).unwrap_or(0);
                if count == 0 || number > i64::MAX / 10 {
                    return Err(wrong);
                }
                rest
            }
            (b"JUSTID", _) => {
                options.only_ids = true;
                rest
            }
            _ => return Err(Reject::SYNTAX),
        };
    }
    Ok((count, options))
}

pub(in super::super) fn xautoclaim(call: &mut Call<'_>) -> Reply {
    let (key, name, consumer, now) = (call.arg(1), call.arg(2), call.arg(3), call.now);
    let min_idle = min_idle(call.arg(4), "XAUTOCLAIM")?;
    let start = StreamId::parse_start(call.arg(5))?;
    let (count, options) = auto_options(call.rest(6))?;
    let is_endless = call.client.quirks.endless_autoclaim;
    let (stream, name) = call.group_mut(key, name)?;
    let group = stream.groups.entry(name).or_default();
    let was_known = group.consumers.contains_key(consumer);
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    let mut next = StreamId::MIN;
    let ids: Vec<StreamId> = group.pending.range(start..).map(|(id, _)| *id).collect();
    for (looked_at, id) in ids.into_iter().enumerate() {
        // Like Redis, scans at most ten times as many entries as may be claimed.
        let enough = looked_at == count * 10;
        if enough || claimed.len() + deleted.len() == count {
            next = id;
            break;
        }
        if is_endless {
            next = id;
        }
        match stream.entries.get(&id) {
            None => {
                group.pending.remove(&id);
                deleted.push(id);
            }
            Some(fields) if claim_idle(group, id, min_idle, consumer, now, &options) => {
                claimed.push((id, fields));
            }
            Some(_) => {}
        }
    }
    let is_known = group.consumers.contains_key(consumer);
    let reply = Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(next.to_string().as_bytes());
            array.array(|entries| {
                for (id, fields) in claimed {
                    options.put(entries, id, fields);
                }
            });
            array.array(|ids| {
                for id in deleted {
                    ids.bulk(id.to_string().as_bytes());
                }
            });
        });
    });
    if is_known && !was_known {
        (call.keyspace).notify(Class::STREAM, "xgroup-createconsumer", key);
    }
    Ok(reply)
}

/// Transfers an entry if it has been idle long enough.
fn claim_idle(
    group: &mut Group,
    id: StreamId,
    min_idle: i64,
    consumer: &Bytes,
    now: i64,
    options: &Options,
) -> bool {
    let idle = |pending: &Pending| now - pending.delivered_at >= min_idle;
    if !group.pending.get(&id).is_some_and(idle) {
        return false;
    }
    group.see(consumer, now);
    if let Some(pending) = group.pending.get_mut(&id) {
        options.hand_over(pending, consumer, now);
    }
    true
}
