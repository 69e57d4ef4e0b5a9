//! HyperLogLogs: PFADD, PFCOUNT, PFMERGE. A HyperLogLog is a string in the format of Redis.

mod estimate;
mod sparse;

use bytes::{Bytes, BytesMut};
use swarm_resp::Frame;

use super::call::{Call, Reply, ok};
use super::keyspace::{Class, Expiry, Origin, Value};
use super::reject::Reject;
use super::table::{Reads, Spec, data};
use estimate::{Counts, estimate, murmur};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("PFADD", -2, pfadd),
    data("PFCOUNT", -2, pfcount).reads(Reads::All),
    data("PFDEBUG", 3, pfdebug),
    data("PFMERGE", -2, pfmerge),
];

/// Parameter of CONFIG with the largest size of a sparse value.
const SPARSE_SIZE: &str = "hll-sparse-max-bytes";

const INVALID: Reject = Reject::text("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPTED: Reject = Reject::text("INVALIDOBJ Corrupted HLL object detected");

/// Bits of a hash that select a register.
const INDEX_BITS: u32 = 14;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of a hash that are counted.
const COUNTED_BITS: usize = 64 - INDEX_BITS as usize;
const HEADER: usize = 16;
const DENSE_SIZE: usize = HEADER + REGISTERS * 6 / 8;
/// Place of the encoding in the header.
const ENCODING: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Place of the byte of the cached count that tells whether the count is outdated.
const OUTDATED: usize = 15;

/// Returns whether a value is dense, after a check of its header.
fn is_dense(value: &[u8]) -> Result<bool, Reject> {
    match value.get(..HEADER) {
        Some([b'H', b'Y', b'L', b'L', DENSE, ..]) if value.len() == DENSE_SIZE => Ok(true),
        Some([b'H', b'Y', b'L', b'L', SPARSE, ..]) => Ok(false),
        _ => Err(INVALID),
    }
}

/// Returns the value of a register in the dense encoding.
fn dense_register(value: &[u8], index: usize) -> u8 {
    let (at, shift) = (HEADER + index * 6 / 8, index * 6 % 8);
    let byte = |at: usize| u16::from(value.get(at).copied().unwrap_or(0));
    u8::try_from((byte(at) | byte(at + 1) << 8) >> shift & 63).unwrap_or(0)
}

/// Raises a register in the dense encoding. Returns whether it was lower.
fn dense_raise(value: &mut BytesMut, index: usize, count: u8) -> bool {
    if dense_register(value, index) >= count {
        return false;
    }
    let (at, shift) = (HEADER + index * 6 / 8, index * 6 % 8);
    let clear = (63_u16 << shift).to_le_bytes();
    let set = (u16::from(count) << shift).to_le_bytes();
    for (part, (clear, set)) in clear.into_iter().zip(set).enumerate() {
        if let Some(byte) = value.get_mut(at + part) {
            *byte = *byte & !clear | set;
        }
    }
    true
}

/// Returns all registers.
fn registers(value: &[u8]) -> Result<Vec<u8>, Reject> {
    match is_dense(value)? {
        true => Ok((0..REGISTERS)
            .map(|index| dense_register(value, index))
            .collect()),
        false => sparse::registers(value).ok_or(CORRUPTED),
    }
}

/// Returns how many registers have each value.
fn counts(value: &[u8]) -> Result<Counts, Reject> {
    if !is_dense(value)? {
        return sparse::counts(value).ok_or(CORRUPTED);
    }
    let mut counts = Counts::new();
    (0..REGISTERS).for_each(|index| counts.add(dense_register(value, index), 1));
    Ok(counts)
}

/// Returns a value without elements.
fn empty() -> BytesMut {
    let mut value = BytesMut::from(&b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0"[..]);
    value.extend_from_slice(&sparse::zeros(REGISTERS));
    value
}

/// Converts a sparse value to a dense one.
fn make_dense(value: &mut BytesMut) -> Result<(), Reject> {
    let registers = registers(value)?;
    let mut dense = BytesMut::zeroed(DENSE_SIZE);
    for (place, byte) in dense.iter_mut().zip(value.iter().take(HEADER)) {
        *place = *byte;
    }
    if let Some(encoding) = dense.get_mut(ENCODING) {
        *encoding = DENSE;
    }
    for (index, register) in registers.into_iter().enumerate() {
        dense_raise(&mut dense, index, register);
    }
    *value = dense;
    Ok(())
}

/// Raises a register. Returns whether it was lower. A value of more than `most` bytes becomes
/// dense.
fn raise(value: &mut BytesMut, index: usize, count: u8, most: usize) -> Result<bool, Reject> {
    if is_dense(value)? {
        return Ok(dense_raise(value, index, count));
    }
    match sparse::raise(value, index, count, most).ok_or(CORRUPTED)? {
        sparse::Raised::Yes => Ok(true),
        sparse::Raised::No => Ok(false),
        sparse::Raised::TooLarge => {
            make_dense(value)?;
            Ok(dense_raise(value, index, count))
        }
    }
}

/// Adds an element. Returns whether a register has changed.
fn add(value: &mut BytesMut, element: &[u8], most: usize) -> Result<bool, Reject> {
    let hash = murmur(element);
    let index = usize::try_from(hash % REGISTERS as u64).unwrap_or(0);
    let rest = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    let count = u8::try_from(rest.trailing_zeros() + 1).unwrap_or(0);
    raise(value, index, count, most)
}

/// Marks the cached count as outdated.
fn invalidate(value: &mut BytesMut) {
    if let Some(outdated) = value.get_mut(OUTDATED) {
        *outdated |= 1 << 7;
    }
}

/// Returns the count that a value contains, unless it is outdated.
fn cached(value: &[u8]) -> Option<u64> {
    let bytes = value.get(OUTDATED - 7..=OUTDATED)?;
    let count = u64::from_le_bytes(bytes.try_into().ok()?);
    (count >> 63 == 0).then_some(count)
}

impl Call<'_> {
    fn save(&mut self, key: &Bytes, value: BytesMut) {
        let value = Value::String(value.freeze());
        self.keyspace.set(key, value, Expiry::Keep);
        self.keyspace.set_origin(key, Origin::Modified);
    }

    /// Returns the highest value of each register in several keys, and whether one is dense.
    fn merged(&self, keys: &[Bytes]) -> Result<(Vec<u8>, bool), Reject> {
        let (mut highest, mut any_dense) = (vec![0; REGISTERS], false);
        for key in keys {
            let Some(value) = self.keyspace.string(key)? else {
                continue;
            };
            any_dense |= is_dense(value)?;
            for (highest, register) in highest.iter_mut().zip(registers(value)?) {
                *highest = register.max(*highest);
            }
        }
        Ok((highest, any_dense))
    }
}

/// `PFADD key [element …]`: replies whether the count may have changed.
fn pfadd(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let known = call.keyspace.string(key)?;
    let mut changed = known.is_none();
    let most = call.server.config.number(SPARSE_SIZE);
    let mut value = match known {
        None => empty(),
        Some(value) => {
            is_dense(value)?;
            BytesMut::from(&value[..])
        }
    };
    for element in call.rest(2) {
        changed |= add(&mut value, element, most)?;
    }
    if changed {
        invalidate(&mut value);
        call.save(key, value);
        call.keyspace.notify(Class::STRING, "pfadd", key);
    }
    Ok(Frame::integer(changed.into()))
}

fn counted(count: u64) -> Frame {
    Frame::integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `PFCOUNT key …`. The count of a single key is cached in its value.
fn pfcount(call: &mut Call<'_>) -> Reply {
    let [key] = call.rest(1) else {
        let (highest, _) = call.merged(call.rest(1))?;
        let mut counts = Counts::new();
        highest.iter().for_each(|register| counts.add(*register, 1));
        return Ok(counted(estimate(&counts)));
    };
    let Some(value) = call.keyspace.string(key)? else {
        return Ok(Frame::integer(0));
    };
    is_dense(value)?;
    if let Some(count) = cached(value) {
        return Ok(counted(count));
    }
    let count = estimate(&counts(value)?);
    let mut value = BytesMut::from(&value[..]);
    if let Some(place) = value.get_mut(OUTDATED - 7..=OUTDATED) {
        place.copy_from_slice(&count.to_le_bytes());
    }
    call.save(key, value);
    Ok(counted(count))
}

/// `PFMERGE target [source …]`.
fn pfmerge(call: &mut Call<'_>) -> Reply {
    let (highest, any_dense) = call.merged(call.rest(1))?;
    let key = call.arg(1);
    let most = call.server.config.number(SPARSE_SIZE);
    let known = call.keyspace.string(key)?;
    let mut value = known.map_or_else(empty, |value| BytesMut::from(&value[..]));
    if any_dense && !is_dense(&value)? {
        make_dense(&mut value)?;
    }
    for (index, count) in highest.into_iter().enumerate() {
        if count > 0 {
            raise(&mut value, index, count, most)?;
        }
    }
    invalidate(&mut value);
    call.save(key, value);
    call.keyspace.notify(Class::STRING, "pfadd", key);
    Ok(ok())
}

/// `PFDEBUG ENCODING|GETREG|TODENSE key`: the encoding, the registers, or whether the value was
/// converted.
fn pfdebug(call: &mut Call<'_>) -> Reply {
    let (subcommand, key) = (call.arg(1), call.arg(2));
    let Some(value) = call.keyspace.string(key)? else {
        return Err(Reject::text("ERR The specified key does not exist"));
    };
    let mut value = BytesMut::from(&value[..]);
    let was_dense = is_dense(&value)?;
    match subcommand.to_ascii_uppercase().as_slice() {
        b"ENCODING" => Ok(Frame::simple(if was_dense { "dense" } else { "sparse" })),
        b"GETREG" | b"TODENSE" => {
            if !was_dense {
                make_dense(&mut value)?;
                call.save(key, value.clone());
            }
            if subcommand.eq_ignore_ascii_case(b"TODENSE") {
                return Ok(Frame::integer((!was_dense).into()));
            }
            let registers = registers(&value)?;
            Ok(Frame::build(|reply| {
                reply.array(|array| {
                    let registers = registers.iter();
                    registers.for_each(|register| array.integer((*register).into()));
                });
            }))
        }
        _ => Err(Reject::quoting(&[
            b"ERR Unknown PFDEBUG subcommand '",
            subcommand,
            b"'",
        ])),
    }
}
