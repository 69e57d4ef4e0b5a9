//! BITOP.

use bytes::{Bytes, BytesMut};
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count};
use super::super::keyspace::{Class, Expiry, Origin, Value};
use super::super::reject::Reject;

const ONE_SOURCE: Reject = Reject::text("ERR BITOP NOT must be called with a single source key.");

/// Returns the bytes of all sources combined. Shorter ones are padded with zeros.
fn combined(sources: &[Bytes], length: usize, combine: impl Fn(u8, u8) -> u8) -> BytesMut {
    let (first, others) = sources
        .split_first()
        .map_or((&[][..], sources), |(first, others)| {
            (first.as_ref(), others)
        });
    let mut result = BytesMut::zeroed(length);
    for (place, byte) in result.iter_mut().zip(first) {
        *place = *byte;
    }
    for source in others {
        let padded = source.iter().copied().chain(std::iter::repeat(0));
        for (place, byte) in result.iter_mut().zip(padded) {
            *place = combine(*place, byte);
        }
    }
    result
}

/// `BITOP AND|OR|XOR|NOT target source …`.
pub(super) fn bitop(call: &mut Call<'_>) -> Reply {
    let operation = call.arg(1).to_ascii_uppercase();
    if !matches!(operation.as_slice(), b"AND" | b"OR" | b"XOR" | b"NOT") {
        return Err(Reject::SYNTAX);
    }
    if operation == b"NOT" && call.args.len() != 4 {
        return Err(ONE_SOURCE);
    }
    let mut sources = Vec::new();
    for key in call.rest(3) {
        let source = call.keyspace.string(key)?;
        sources.push(source.cloned().unwrap_or_default());
    }
    let length = sources.iter().map(Bytes::len).max().unwrap_or(0);
    let result = match operation.as_slice() {
        b"AND" => combined(&sources, length, |left, right| left & right),
        b"OR" => combined(&sources, length, |left, right| left | right),
        b"XOR" => combined(&sources, length, |left, right| left ^ right),
        _ => {
            let mut result = combined(&sources, length, |left, _| left);
            result.iter_mut().for_each(|byte| *byte = !*byte);
            result
        }
    };
    let target = call.arg(2);
    if length > 0 {
        let result = Value::String(result.freeze());
        call.keyspace.set(target, result, Expiry::Never);
        call.keyspace.set_origin(target, Origin::Modified);
        call.keyspace.notify(Class::STRING, "set", target);
    } else if call.keyspace.remove(target).is_some() {
        call.keyspace.notify(Class::GENERIC, "del", target);
    }
    Ok::<Frame, _>(count(length))
}
