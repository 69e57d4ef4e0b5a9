//! Commands on hashes: fields, numbers, random fields, and scans.

use bytes::Bytes;
use swarm_resp::Frame;

use super::Hash;
use crate::backend::memory::call::{Call, Reply, bulk, count, ok};
use crate::backend::memory::elements::{self, Elements};
use crate::backend::memory::float::{self, Long};
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::number;
use crate::backend::memory::reject::Reject;
use crate::backend::memory::values::{Sample, put_pairs};

impl Call<'_> {
    /// Returns the hash of a key, creating it if necessary.
    fn hash_or_new(&mut self, key: &Bytes) -> Result<&mut Hash, Reject> {
        self.value_or_new(key, || Value::Hash(Box::default()))?
            .as_hash_mut()
    }

    /// Sets fields and returns how many of them are new.
    fn set_fields(
        &mut self,
        key: &Bytes,
        pairs: &[Bytes],
        event: &'static str,
    ) -> Result<usize, Reject> {
        let limits = Limits::of_hashes(&self.server.config);
        let hash = self.hash_or_new(key)?;
        let mut new = 0;
        for pair in pairs.chunks_exact(2) {
            if let [field, value] = pair {
                new += usize::from(hash.set(field, value, limits));
            }
        }
        self.changed(key, event);
        Ok(new)
    }

    /// Returns the value of a field.
    fn field(&self, key: &[u8], field: &[u8]) -> Result<Option<Bytes>, Reject> {
        let hash = self.hash(key)?;
        Ok(hash.and_then(|hash| hash.get(field)).cloned())
    }
}

/// Returns the arguments behind the key, which are pairs.
fn pairs<'a>(call: &Call<'a>, name: &str) -> Result<&'a [Bytes], Reject> {
    let pairs = call.rest(2);
    match pairs.len() % 2 {
        0 => Ok(pairs),
        _ => Err(Reject::arity(name)),
    }
}

pub(in super::super) fn hset(call: &mut Call<'_>) -> Reply {
    let pairs = pairs(call, "hset")?;
    Ok(count(call.set_fields(call.arg(1), pairs, "hset")?))
}

pub(in super::super) fn hmset(call: &mut Call<'_>) -> Reply {
    let pairs = pairs(call, "hmset")?;
    call.set_fields(call.arg(1), pairs, "hset")?;
    Ok(ok())
}

pub(in super::super) fn hsetnx(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    if call.field(key, call.arg(2))?.is_some() {
        return Ok(Frame::integer(0));
    }
    Ok(count(call.set_fields(key, call.rest(2), "hset")?))
}

pub(in super::super) fn hget(call: &mut Call<'_>) -> Reply {
    let hash = call.hash(call.arg(1))?;
    Ok(bulk(hash.and_then(|hash| hash.get(call.arg(2)))))
}

pub(in super::super) fn hmget(call: &mut Call<'_>) -> Reply {
    let hash = call.hash(call.arg(1))?;
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for field in call.rest(2) {
                match hash.and_then(|hash| hash.get(field)) {
                    Some(value) => array.bulk(value),
                    None => array.null(),
                }
            }
        });
    }))
}

pub(in super::super) fn hgetall(call: &mut Call<'_>) -> Reply {
    let hash = call.hash(call.arg(1))?;
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            for (field, value) in hash.into_iter().flat_map(Hash::iter) {
                map.bulk(field);
                map.bulk(value);
            }
        });
    }))
}

pub(in super::super) fn hkeys(call: &mut Call<'_>) -> Reply {
    let hash = call.hash(call.arg(1))?;
    let fields = hash.into_iter().flat_map(Hash::iter);
    Ok(Frame::build(|reply| {
        reply.array(|array| fields.for_each(|(field, _)| array.bulk(field)));
    }))
}

pub(in super::super) fn hvals(call: &mut Call<'_>) -> Reply {
    let hash = call.hash(call.arg(1))?;
    let fields = hash.into_iter().flat_map(Hash::iter);
    Ok(Frame::build(|reply| {
        reply.array(|array| fields.for_each(|(_, value)| array.bulk(value)));
    }))
}

pub(in super::super) fn hdel(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    if call.hash(key)?.is_none() {
        return Ok(Frame::integer(0));
    }
    let fields = call.rest(2);
    let hash = call.hash_mut(key)?.ok_or(Reject::NO_KEY)?;
    let removed = fields.iter().filter(|field| hash.remove(field)).count();
    if removed > 0 {
        call.changed(key, "hdel");
    }
    Ok(count(removed))
}

pub(in super::super) fn hexists(call: &mut Call<'_>) -> Reply {
    let value = call.field(call.arg(1), call.arg(2))?;
    Ok(Frame::integer(i64::from(value.is_some())))
}

pub(in super::super) fn hlen(call: &mut Call<'_>) -> Reply {
    Ok(count(call.hash(call.arg(1))?.map_or(0, Hash::len)))
}

pub(in super::super) fn hstrlen(call: &mut Call<'_>) -> Reply {
    let value = call.field(call.arg(1), call.arg(2))?;
    Ok(count(value.map_or(0, |value| value.len())))
}

pub(in super::super) fn hincrby(call: &mut Call<'_>) -> Reply {
    let by = call.integer(3)?;
    let (key, field) = (call.arg(1), call.arg(2));
    let before = match call.field(key, field)? {
        Some(value) => {
            number::integer(&value).map_err(|_| Reject::text("ERR hash value is not an integer"))?
        }
        None => 0,
    };
    let sum = before.checked_add(by).ok_or(Reject::OVERFLOW)?;
    call.set_fields(key, &[field.clone(), sum.to_string().into()], "hincrby")?;
    Ok(Frame::integer(sum))
}

pub(in super::super) fn hincrbyfloat(call: &mut Call<'_>) -> Reply {
    let by = Long::parse(call.arg(3)).ok_or(float::INVALID)?;
    if !by.is_finite() {
        return Err(Reject::text("ERR value is NaN or Infinity"));
    }
    let (key, field) = (call.arg(1), call.arg(2));
    let before = match call.field(key, field)? {
        Some(value) => Long::parse(&value).ok_or(Reject::text("ERR hash value is not a float"))?,
        None => Long::ZERO,
    };
    let sum = Bytes::from(before.sum(by)?);
    call.set_fields(key, &[field.clone(), sum.clone()], "hincrbyfloat")?;
    Ok(Frame::bulk(sum))
}

/// `HRANDFIELD key [count [WITHVALUES]]`.
pub(in super::super) fn hrandfield(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    if call.rest(2).is_empty() {
        let hash = call.hash(key)?;
        return Ok(bulk(hash.and_then(Hash::random).map(|(field, _)| field)));
    }
    let (sample, with_values) = Sample::with_option(call, b"WITHVALUES")?;
    let Some(hash) = call.hash(key)? else {
        return Ok(Frame::array(&[]));
    };
    let fields = sample.take(hash.len(), hash.iter(), || hash.random())?;
    Ok(Frame::build(|reply| {
        if !with_values {
            return reply.array(|array| fields.iter().for_each(|(field, _)| array.bulk(field)));
        }
        put_pairs(reply, call.protocol, fields, |pair, (field, value)| {
            pair.bulk(field);
            pair.bulk(value);
        });
    }))
}

pub(in super::super) fn hscan(call: &mut Call<'_>) -> Reply {
    elements::scan(
        call,
        |call, place| {
            Ok(call.hash(call.arg(1))?.map(|hash| match hash.is_large() {
                false => Elements::Small(hash.iter()),
                true => Elements::Large(hash.from(place)),
            }))
        },
        |array, field, value| {
            array.bulk(field);
            array.bulk(value);
        },
    )
}
