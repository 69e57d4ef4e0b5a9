//! Adding and removing stream entries: XADD, XTRIM, XDEL, XLEN.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count};
use super::super::keyspace::Class;
use super::super::number;
use super::super::reject::Reject;
use super::id::{NewId, StreamId};
use super::nodes::NodeSize;
use super::{Stream, Trim};

/// Options of XADD and XTRIM.
#[derive(Debug, Default)]
struct Options {
    trim: Option<Trim>,
    only_existing: bool,
    approximate: bool,
    limit: Option<i64>,
}

impl Options {
    /// Parses options and returns the remaining arguments. Options of XADD end at the ID, those of
    /// XTRIM at the end.
    fn parse(mut args: &[Bytes], xadd: bool) -> Result<(Self, &[Bytes]), Reject> {
        let mut options = Self::default();
        while let Some((name, rest)) = args.split_first() {
            args = match (name.to_ascii_uppercase().as_slice(), rest) {
                (b"*", _) if xadd => break,
                (b"MAXLEN" | b"MINID", [_, ..]) if options.trim.is_some() => {
                    return Err(Reject::text(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not \
                         compatible",
                    ));
                }
                (name @ (b"MAXLEN" | b"MINID"), [_, ..]) => options.threshold(name, rest)?,
                (b"LIMIT", [limit, rest @ ..]) => {
                    let limit = number::integer(limit)?;
                    if limit < 0 {
                        return Err(Reject::text("ERR The LIMIT argument must be >= 0."));
                    }
                    options.limit = Some(limit);
                    rest
                }
                (b"NOMKSTREAM", _) if xadd => {
                    options.only_existing = true;
                    rest
                }
                _ if xadd => break,
                _ => return Err(Reject::SYNTAX),
            };
        }
        // Before the other checks, because Redis parses the ID together with the options.
        if let (true, Some(id)) = (xadd, args.first()) {
            NewId::parse(id)?;
        }
        options.check(xadd)?;
        Ok((options, args))
    }

    /// Parses `[~|=] number` after MAXLEN, or an ID after MINID.
    fn threshold<'a>(&mut self, name: &[u8], args: &'a [Bytes]) -> Result<&'a [Bytes], Reject> {
        let (how, value, rest) = match args {
            [how, value, rest @ ..] if matches!(how.as_ref(), b"~" | b"=") => (how, value, rest),
            [value, rest @ ..] => (&Bytes::new(), value, rest),
            [] => return Err(Reject::SYNTAX),
        };
        self.approximate = how.as_ref() == b"~";
        self.trim = Some(if name == b"MINID" {
            Trim::Before(StreamId::parse(value, 0)?)
        } else {
            let length = usize::try_from(number::integer(value)?);
            Trim::Length(length.map_err(|_| Reject::text("ERR The MAXLEN argument must be >= 0."))?)
        });
        Ok(rest)
    }

    fn check(&self, xadd: bool) -> Result<(), Reject> {
        if self.limit.is_some_and(|limit| limit > 0) && self.trim.is_none() {
            return Err(Reject::text(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if !xadd && self.trim.is_none() {
            return Err(Reject::text(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        if self.limit.is_some() && !self.approximate {
            return Err(Reject::text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        Ok(())
    }

    fn apply(&self, stream: &mut Stream, node: NodeSize) -> usize {
        let limit = match self.limit {
            _ if !self.approximate => usize::MAX,
            None => node.limit(),
            Some(0) => usize::MAX,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let trim = |trim| stream.trim(trim, self.approximate, limit);
        self.trim.map_or(0, trim)
    }
}

pub(in super::super) fn xadd(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let (options, rest) = Options::parse(call.rest(2), true)?;
    let (id, fields) = match rest {
        [id, fields @ ..] if !fields.is_empty() && fields.len() % 2 == 0 => (id, fields),
        _ => return Err(Reject::arity("xadd")),
    };
    let id = NewId::parse(id)?;
    if matches!(id, NewId::Given(StreamId::MIN)) {
        return Err(Reject::text(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    let now = call.now;
    let before = call.stream(key)?.map(|stream| stream.last);
    if before.is_none() && options.only_existing {
        return Ok(Frame::null());
    }
    if before == Some(StreamId::MAX) {
        return Err(Reject::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = id
        .after(before.unwrap_or_default(), now)
        .ok_or(Reject::text(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ))?;
    let fields = fields.iter().map(|field| Bytes::copy_from_slice(field));
    let node = call.node_size();
    let stream = call.stream_or_new(key)?;
    stream.append(id, fields.collect(), node);
    let trimmed = options.apply(stream, node);
    call.keyspace.touch(key);
    call.keyspace.notify(Class::STREAM, "xadd", key);
    if trimmed > 0 {
        call.keyspace.notify(Class::STREAM, "xtrim", key);
    }
    Ok(Frame::bulk(id.to_bytes()))
}

pub(in super::super) fn xtrim(call: &mut Call<'_>) -> Reply {
    let (options, _) = Options::parse(call.rest(2), false)?;
    let key = call.arg(1);
    let node = call.node_size();
    let removed = call
        .stream_mut(key)?
        .map_or(0, |stream| options.apply(stream, node));
    if removed > 0 {
        call.keyspace.touch(key);
        call.keyspace.notify(Class::STREAM, "xtrim", key);
    }
    Ok(count(removed))
}

pub(in super::super) fn xdel(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    if call.stream(key)?.is_none() {
        return Ok(Frame::integer(0));
    }
    let ids = call.ids(2)?;
    let removed = call.stream_mut(key)?.map_or(0, |stream| {
        let mut removed = |id: &StreamId| {
            let removed = stream.delete(*id);
            if removed {
                stream.deleted = stream.deleted.max(*id);
            }
            removed
        };
        ids.iter().filter(|id| removed(id)).count()
    });
    if removed > 0 {
        call.keyspace.touch(key);
        call.keyspace.notify(Class::STREAM, "xdel", key);
    }
    Ok(count(removed))
}

pub(in super::super) fn xlen(call: &mut Call<'_>) -> Reply {
    let stream = call.stream(call.arg(1))?;
    Ok(count(stream.map_or(0, |stream| stream.entries.len())))
}
