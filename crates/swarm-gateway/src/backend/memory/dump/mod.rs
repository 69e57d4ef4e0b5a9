//! DUMP and RESTORE: values in the format of Redis' RDB files, version 10.
//!
//! DUMP writes the plain encodings, which every Redis since 5.0 can restore. RESTORE reads those,
//! and the compact ones that Redis 7.0 writes. Streams have one encoding, of Redis 7.0.

pub(super) mod listpack;
mod lzf;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(super) use listpack::elements;
pub(super) use read::Reader;
pub(super) use write::{put_length, put_string};

use bytes::Bytes;
use crc::{CRC_64_REDIS, Crc};
use swarm_resp::Frame;

use super::call::{Call, Reply, ok};
use super::keyspace::{Class, Expiry};
use super::number;
use super::reject::Reject;
use super::table::{Reads, Spec, data};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("DUMP", 2, dump).reads(Reads::First),
    data("RESTORE", -4, restore),
];

const BAD_CHECKSUM: Reject = Reject::text("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT: Reject = Reject::text("ERR Bad data format");
const BUSY_KEY: Reject = Reject::text("BUSYKEY Target key name already exists.");
const UNSUPPORTED: Reject = Reject::text("ERR DUMP does not support this type on this server");

const NO_FUNCTION: Reject = Reject::text("ERR given type is not a function");

/// Version of the format.
const VERSION: u16 = 10;
/// Version and checksum.
const FOOTER: usize = 10;

static CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

/// Types of values in the format.
mod types {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const HASH: u8 = 4;
    pub(super) const SORTED_SET: u8 = 5;
    pub(super) const SET_OF_INTEGERS: u8 = 11;
    pub(super) const STREAM: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const SORTED_SET_LISTPACK: u8 = 17;
    pub(super) const LIST_OF_LISTPACKS: u8 = 18;
    pub(super) const STREAM_WITH_COUNTS: u8 = 19;
    pub(super) const LIBRARY: u8 = 245;
}

fn dump(call: &mut Call<'_>) -> Reply {
    let Some(value) = call.keyspace.get(call.arg(1)) else {
        return Ok(Frame::null());
    };
    Ok(Frame::bulk(sealed(
        write::payload(value).ok_or(UNSUPPORTED)?,
    )))
}

/// Adds the footer.
fn sealed(mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend_from_slice(&VERSION.to_le_bytes());
    payload.extend_from_slice(&CHECKSUM.checksum(&payload).to_le_bytes());
    payload
}

/// Writes the code of libraries of functions.
pub(super) fn libraries<'a>(codes: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    sealed(write::libraries(codes))
}

/// Reads the code of libraries of functions.
pub(super) fn read_libraries(payload: &[u8]) -> Result<Vec<Bytes>, Reject> {
    let content = checked(payload).ok_or(BAD_CHECKSUM)?;
    read::libraries(content).ok_or(NO_FUNCTION)
}

/// Returns the payload without its footer.
fn checked(payload: &[u8]) -> Option<&[u8]> {
    let (content, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let (version, checksum) = footer.split_first_chunk::<2>()?;
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    let covered = payload.get(..content.len() + 2)?;
    let fits = u16::from_le_bytes(*version) <= VERSION && CHECKSUM.checksum(covered) == checksum;
    fits.then_some(content)
}

/// Options of RESTORE.
#[derive(Debug, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    frequency: Option<i64>,
}

impl Options {
    fn parse(args: &[Bytes]) -> Result<Self, Reject> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(option) = args.next() {
            match option.to_ascii_uppercase().as_slice() {
                b"REPLACE" => options.replace = true,
                b"ABSTTL" => options.absolute = true,
                b"IDLETIME" if options.frequency.is_none() => {
                    let idle = number::integer(args.next().ok_or(Reject::SYNTAX)?)?;
                    if idle < 0 {
                        return Err(Reject::text("ERR Invalid IDLETIME value, must be >= 0"));
                    }
                    options.idle = Some(idle);
                }
                b"FREQ" if options.idle.is_none() => {
                    let frequency = number::integer(args.next().ok_or(Reject::SYNTAX)?)?;
                    if !(0..=255).contains(&frequency) {
                        return Err(Reject::text(
                            "ERR Invalid FREQ value, must be >= 0 and <= 255",
                        ));
                    }
                    options.frequency = Some(frequency);
                }
                _ => return Err(Reject::SYNTAX),
            }
        }
        Ok(options)
    }
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`.
fn restore(call: &mut Call<'_>) -> Reply {
    let options = Options::parse(call.rest(4))?;
    let key = call.arg(1);
    if !options.replace && call.keyspace.contains(key) {
        return Err(BUSY_KEY);
    }
    let ttl = call.integer(2)?;
    if ttl < 0 {
        return Err(Reject::text("ERR Invalid TTL value, must be >= 0"));
    }
    let payload = checked(call.arg(3)).ok_or(BAD_CHECKSUM)?;
    let value = read::value(payload, &call.server.config).ok_or(BAD_FORMAT)?;
    let removed = call.keyspace.remove(key).is_some();
    let expiry = match (ttl, options.absolute) {
        (0, _) => Expiry::Never,
        (ttl, true) => Expiry::At(ttl),
        // A sum that is too large lies in the past, as in Redis.
        (ttl, false) => Expiry::At(ttl.wrapping_add(call.now)),
    };
    if matches!(expiry, Expiry::At(deadline) if deadline <= call.now) {
        if removed {
            call.keyspace.notify(Class::GENERIC, "del", key);
        }
        return Ok(ok());
    }
    call.keyspace.set(key, value, expiry);
    if let Some(idle) = options.idle {
        call.keyspace.set_idle(key, idle, call.now);
    }
    call.keyspace.notify(Class::GENERIC, "restore", key);
    Ok(ok())
}
