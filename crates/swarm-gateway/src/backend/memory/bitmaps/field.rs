//! BITFIELD: integers of any width inside a string.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::keyspace::{Class, Origin, Value};
use super::super::number;
use super::super::reject::Reject;
use super::{BAD_OFFSET, bit, checked_offset, set_bit};

const BAD_TYPE: Reject = Reject::text(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 \
     is.",
);
const READ_ONLY: Reject = Reject::text("ERR BITFIELD_RO only supports the GET subcommand");

/// What happens to a result that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// Type of an integer.
#[derive(Debug, Clone, Copy)]
struct Width {
    signed: bool,
    bits: u32,
}

impl Width {
    fn parse(text: &[u8]) -> Result<Self, Reject> {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let (signed, digits) = match text {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(BAD_TYPE),
        };
        let most = if signed { 64 } else { 63 };
        let bits = number::at_least(1, digits, "").map_err(|_| BAD_TYPE)?;
        let bits = u32::try_from(bits).ok().filter(|bits| *bits <= most);
        let bits = bits.ok_or(BAD_TYPE)?;
        Ok(Self { signed, bits })
    }

    /// Parses an offset in bits, or with `#` in integers of this type.
    fn offset(self, text: &[u8]) -> Result<usize, Reject> {
        let parse = |text: &[u8]| number::integer(text).map_err(|_| BAD_OFFSET);
        checked_offset(match text {
            [b'#', text @ ..] => parse(text)?.wrapping_mul(self.bits.into()),
            text => parse(text)?,
        })
    }

    const fn limits(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    /// Reads an integer; bits after the end of the string are not set.
    fn read(self, bytes: &[u8], offset: usize) -> i128 {
        let bits = (0..self.bits as usize).map(|at| bit(bytes, offset + at));
        let number = bits.fold(0, |number: i128, bit| number << 1 | i128::from(bit));
        self.wrapped(number)
    }

    fn write(self, bytes: &mut [u8], offset: usize, number: i128) {
        for at in 0..self.bits {
            let on = number >> (self.bits - 1 - at) & 1 == 1;
            set_bit(bytes, offset + at as usize, on);
        }
    }

    const fn wrapped(self, number: i128) -> i128 {
        let modulus = 1 << self.bits;
        let number = number & (modulus - 1);
        match self.signed && number >= modulus / 2 {
            true => number - modulus,
            false => number,
        }
    }

    /// Makes a number fit. Returns `None` if it does not and must not be changed.
    const fn fitted(self, number: i128, overflow: Overflow) -> Option<i128> {
        let (least, most) = self.limits();
        if number >= least && number <= most {
            return Some(number);
        }
        match overflow {
            Overflow::Wrap => Some(self.wrapped(number)),
            Overflow::Saturate if number < least => Some(least),
            Overflow::Saturate => Some(most),
            Overflow::Fail => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Debug)]
struct Operation {
    action: Action,
    width: Width,
    offset: usize,
    overflow: Overflow,
}

fn parse(mut args: &[Bytes]) -> Result<Vec<Operation>, Reject> {
    let mut overflow = Overflow::Wrap;
    let mut operations = Vec::new();
    while let Some((name, rest)) = args.split_first() {
        let name = name.to_ascii_uppercase();
        let (width, offset, value, rest) = match (name.as_slice(), rest) {
            (b"GET", [width, offset, rest @ ..]) => (width, offset, None, rest),
            (b"SET" | b"INCRBY", [width, offset, value, rest @ ..]) => {
                (width, offset, Some(value), rest)
            }
            (b"OVERFLOW", [kind, rest @ ..]) => {
                overflow = match kind.to_ascii_uppercase().as_slice() {
                    b"WRAP" => Overflow::Wrap,
                    b"SAT" => Overflow::Saturate,
                    b"FAIL" => Overflow::Fail,
                    _ => return Err(Reject::text("ERR Invalid OVERFLOW type specified")),
                };
                args = rest;
                continue;
            }
            _ => return Err(Reject::SYNTAX),
        };
        let width = Width::parse(width)?;
        let offset = width.offset(offset)?;
        let action = match value {
            None => Action::Get,
            Some(value) if name == b"SET" => Action::Set(number::integer(value)?),
            Some(value) => Action::Add(number::integer(value)?),
        };
        operations.push(Operation {
            action,
            width,
            offset,
            overflow,
        });
        args = rest;
    }
    Ok(operations)
}

impl Operation {
    /// Returns the last byte that the operation writes.
    fn last_written(&self) -> Option<usize> {
        match self.action {
            Action::Get => None,
            _ => Some((self.offset + self.width.bits as usize - 1) / 8),
        }
    }

    /// Returns the reply, and the number to write.
    fn run(&self, bytes: &[u8]) -> (Option<i128>, Option<i128>) {
        let before = self.width.read(bytes, self.offset);
        match self.action {
            Action::Get => (Some(before), None),
            Action::Set(value) => {
                // A negative number for an unsigned type is a large one.
                let value = match self.width.signed {
                    true => i128::from(value),
                    false => i128::from(value.cast_unsigned()),
                };
                let after = self.width.fitted(value, self.overflow);
                (after.map(|_| before), after)
            }
            Action::Add(by) => {
                let after = self.width.fitted(before + i128::from(by), self.overflow);
                (after, after)
            }
        }
    }
}

fn run(call: &mut Call<'_>, is_read_only: bool) -> Reply {
    let operations = parse(call.rest(2))?;
    let key = call.arg(1);
    let length = operations.iter().filter_map(Operation::last_written).max();
    let replies: Vec<Option<i128>> = match length {
        None => {
            let value = call.keyspace.string(key)?;
            let value = value.map_or(&[][..], Bytes::as_ref);
            let replies = operations.iter().map(|operation| operation.run(value).0);
            replies.collect()
        }
        Some(_) if is_read_only => return Err(READ_ONLY),
        Some(last) => {
            let before = call.keyspace.string(key)?.map(Bytes::len);
            let grows = before.is_none_or(|before| before <= last);
            let mut bytes = call.take_bits(key, last + 1)?;
            let (mut replies, mut changed) = (Vec::new(), false);
            for operation in &operations {
                let (reply, after) = operation.run(&bytes);
                if let Some(after) = after {
                    let before = operation.width.read(&bytes, operation.offset);
                    changed |= grows || before != after;
                    (operation.width).write(&mut bytes, operation.offset, after);
                }
                replies.push(reply);
            }
            if changed {
                call.put_bits(key, bytes);
                call.keyspace.notify(Class::STRING, "setbit", key);
            } else {
                // It may have grown, which is no change by itself.
                let value = Value::String(bytes.freeze());
                call.keyspace.set_quietly(key, value);
                call.keyspace.set_origin(key, Origin::Modified);
            }
            replies
        }
    };
    let frame = |reply: &Option<i128>| {
        let number = reply.and_then(|number| i64::try_from(number).ok());
        number.map_or_else(Frame::null, Frame::integer)
    };
    let replies: Vec<_> = replies.iter().map(frame).collect();
    Ok(Frame::array(&replies))
}

/// `BITFIELD key [GET type offset] [[OVERFLOW …] SET|INCRBY type offset value] …`.
pub(super) fn bitfield(call: &mut Call<'_>) -> Reply {
    run(call, false)
}

/// `BITFIELD_RO key [GET type offset] …`.
pub(super) fn bitfield_ro(call: &mut Call<'_>) -> Reply {
    run(call, true)
}
