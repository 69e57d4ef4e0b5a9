//! Bitmaps: commands on the bits of strings. Bit 0 is the most significant one of the first byte.

mod combine;
mod field;
mod search;
mod table;

use bytes::{Bytes, BytesMut};
use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::keyspace::{Class, Expiry, Origin, Value};
use super::number;
use super::ranges::MAX_STRING;
use super::reject::Reject;

use combine::bitop;
use field::{bitfield, bitfield_ro};
use search::{bitcount, bitpos};

pub(super) use table::COMMANDS;

const BAD_OFFSET: Reject = Reject::text("ERR bit offset is not an integer or out of range");
const BAD_BIT: Reject = Reject::text("ERR bit is not an integer or out of range");

/// Checks that a string can contain the bit at an offset.
fn checked_offset(offset: i64) -> Result<usize, Reject> {
    let offset = usize::try_from(offset).map_err(|_| BAD_OFFSET)?;
    if offset / 8 >= MAX_STRING {
        return Err(BAD_OFFSET);
    }
    Ok(offset)
}

/// Returns the bit at an offset. Bits after the end are not set.
fn bit(bytes: &[u8], offset: usize) -> bool {
    let byte = bytes.get(offset / 8).copied().unwrap_or(0);
    byte >> (7 - offset % 8) & 1 == 1
}

/// Sets or clears the bit at an offset, which must be inside.
fn set_bit(bytes: &mut [u8], offset: usize, on: bool) {
    if let Some(byte) = bytes.get_mut(offset / 8) {
        let mask = 1 << (7 - offset % 8);
        if on {
            *byte |= mask;
        } else {
            *byte &= !mask;
        }
    }
}

impl Call<'_> {
    /// Takes the string of a key to change it, with zeros up to a length. It must be put back with
    /// [`put_bits`](Self::put_bits).
    fn take_bits(&mut self, key: &Bytes, length: usize) -> Result<BytesMut, Reject> {
        let before = self.keyspace.take_string(key)?.unwrap_or_default();
        // Modified in place unless a reply still shares the bytes.
        let mut bytes = before.try_into_mut().unwrap_or_else(|shared| {
            let mut copy = BytesMut::with_capacity(shared.len().max(length));
            copy.extend_from_slice(&shared);
            copy
        });
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        Ok(bytes)
    }

    fn put_bits(&mut self, key: &Bytes, bytes: BytesMut) {
        let value = Value::String(bytes.freeze());
        self.keyspace.set(key, value, Expiry::Keep);
        self.keyspace.set_origin(key, Origin::Modified);
    }
}

/// `SETBIT key offset 0|1`.
fn setbit(call: &mut Call<'_>) -> Reply {
    let offset = number::integer(call.arg(2)).map_err(|_| BAD_OFFSET)?;
    let offset = checked_offset(offset)?;
    let on = match call.arg(3).as_ref() {
        b"0" => false,
        b"1" => true,
        _ => return Err(BAD_BIT),
    };
    let key = call.arg(1);
    let value = call.keyspace.string(key)?;
    let before = value.is_some_and(|value| bit(value, offset));
    let is_inside = value.is_some_and(|value| offset / 8 < value.len());
    if !is_inside || before != on {
        let mut bytes = call.take_bits(key, offset / 8 + 1)?;
        set_bit(&mut bytes, offset, on);
        call.put_bits(key, bytes);
        call.keyspace.notify(Class::STRING, "setbit", key);
    } else {
        call.keyspace.set_origin(key, Origin::Modified);
    }
    Ok(Frame::integer(before.into()))
}

fn getbit(call: &mut Call<'_>) -> Reply {
    let offset = number::integer(call.arg(2)).map_err(|_| BAD_OFFSET)?;
    let offset = checked_offset(offset)?;
    let value = call.keyspace.string(call.arg(1))?;
    let is_set = value.is_some_and(|value| bit(value, offset));
    Ok(Frame::integer(is_set.into()))
}
