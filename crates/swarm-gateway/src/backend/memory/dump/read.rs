//! Reads values in the encodings that Redis 7.0 writes.

use std::collections::HashSet;

use bytes::Bytes;

use super::super::config::Config;
use super::super::hashes::Hash;
use super::super::keyspace::Value;
use super::super::limits::Limits;
use super::super::lists::List;
use super::super::sets::Set;
use super::super::sorted_sets::{Scored, SortedSet};
use super::super::streams::Stream;
use super::{listpack, lzf, types};

/// Content that has not been read.
pub(in super::super) struct Reader<'a>(&'a [u8]);

/// A length, or the way in which a string is encoded.
enum Length {
    Plain(u64),
    Encoded(u8),
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(in super::super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn length_or_encoding(&mut self) -> Option<Length> {
        let first = self.byte()?;
        Some(match first >> 6 {
            0 => Length::Plain(first.into()),
            1 => Length::Plain(u16::from_be_bytes([first & 63, self.byte()?]).into()),
            2 if first == 0x80 => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            3 => Length::Encoded(first & 63),
            _ => return None,
        })
    }

    /// Reads a number that is encoded as a length.
    pub(in super::super) fn number(&mut self) -> Option<u64> {
        match self.length_or_encoding()? {
            Length::Plain(number) => Some(number),
            Length::Encoded(_) => None,
        }
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(in super::super) fn string(&mut self) -> Option<Bytes> {
        let integer = |number: i32| Bytes::from(number.to_string());
        Some(match self.length_or_encoding()? {
            Length::Plain(length) => {
                Bytes::copy_from_slice(self.take(usize::try_from(length).ok()?)?)
            }
            Length::Encoded(0) => integer(i8::from_le_bytes(self.array()?).into()),
            Length::Encoded(1) => integer(i16::from_le_bytes(self.array()?).into()),
            Length::Encoded(2) => integer(i32::from_le_bytes(self.array()?)),
            Length::Encoded(3) => {
                let (packed, length) = (self.length()?, self.length()?);
                lzf::unpacked(self.take(packed)?, length)?.into()
            }
            Length::Encoded(_) => return None,
        })
    }

    /// Reads a number of strings, which must not be 0.
    fn strings(&mut self, each: usize) -> Option<Vec<Bytes>> {
        let count = self.length()?.checked_mul(each)?;
        (count > 0).then(|| (0..count).map(|_| self.string()).collect())?
    }
}

/// Returns the members of a set of integers.
fn integers(bytes: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(bytes);
    let width = u32::from_le_bytes(reader.array()?);
    let count = u32::from_le_bytes(reader.array()?);
    let integer = |reader: &mut Reader<'_>| {
        Some(match width {
            2 => i16::from_le_bytes(reader.array()?).into(),
            4 => i32::from_le_bytes(reader.array()?).into(),
            8 => i64::from_le_bytes(reader.array()?),
            _ => return None,
        })
    };
    let integers = (0..count).map(|_| integer(&mut reader).map(|number| number.to_string().into()));
    let integers: Option<Vec<Bytes>> = integers.collect();
    integers.filter(|_| reader.0.is_empty())
}

fn list(reader: &mut Reader<'_>) -> Option<Value> {
    const PLAIN: usize = 1;
    const PACKED: usize = 2;
    let mut list = List::new();
    for _ in 0..reader.length()? {
        match reader.length()? {
            PLAIN => list.push_back(reader.string()?),
            PACKED => list.extend(listpack::elements(&reader.string()?)?),
            _ => return None,
        }
    }
    (!list.is_empty()).then_some(Value::List(list))
}

fn set(members: &[Bytes], config: &Config) -> Option<Value> {
    let limits = Limits::of_sets(config);
    let mut set = Set::for_member(members.first()?);
    for member in members {
        if !set.add(member, limits) {
            return None;
        }
    }
    Some(Value::Set(Box::new(set)))
}

fn hash(pairs: &[Bytes], config: &Config) -> Option<Value> {
    let limits = Limits::of_hashes(config);
    let mut hash = Hash::default();
    let pairs = pairs.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    for pair in pairs {
        let [field, value] = pair else {
            return None;
        };
        if !hash.set(field, value, limits) {
            return None;
        }
    }
    (hash.len() > 0).then(|| Value::Hash(Box::new(hash)))
}

fn sorted_set(members: Vec<Scored>, config: &Config) -> Option<Value> {
    let mut names = HashSet::new();
    let is_valid = |scored: &Scored| !scored.score.is_nan() && names.insert(scored.member.clone());
    if members.is_empty() || !members.iter().all(is_valid) {
        return None;
    }
    let set = SortedSet::of(members, Limits::of_sorted_sets(config));
    Some(Value::SortedSet(Box::new(set)))
}

/// Reads pairs of members and scores.
fn scored(pairs: &[Bytes]) -> Option<Vec<Scored>> {
    let scored = |pair: &[Bytes]| match pair {
        [member, score] => Some(Scored {
            member: member.clone(),
            score: std::str::from_utf8(score).ok()?.parse().ok()?,
        }),
        _ => None,
    };
    pairs.chunks(2).map(scored).collect()
}

/// Reads a value, or returns `None` if the content is malformed.
pub(super) fn value(payload: &[u8], config: &Config) -> Option<Value> {
    let mut reader = Reader(payload);
    Some(match reader.byte()? {
        types::STRING => Value::String(reader.string()?),
        kind @ (types::STREAM | types::STREAM_WITH_COUNTS) => {
            let stream = Stream::read(&mut reader, kind == types::STREAM_WITH_COUNTS)?;
            Value::Stream(Box::new(stream))
        }
        types::LIST => Value::List(reader.strings(1)?.into()),
        types::LIST_OF_LISTPACKS => list(&mut reader)?,
        types::SET => set(&reader.strings(1)?, config)?,
        types::SET_OF_INTEGERS => set(&integers(&reader.string()?)?, config)?,
        types::HASH => hash(&reader.strings(2)?, config)?,
        types::HASH_LISTPACK => hash(&listpack::elements(&reader.string()?)?, config)?,
        types::SORTED_SET => {
            let mut members = Vec::new();
            for _ in 0..reader.length()? {
                let member = reader.string()?;
                let score = f64::from_le_bytes(reader.array()?);
                members.push(Scored { score, member });
            }
            sorted_set(members, config)?
        }
        types::SORTED_SET_LISTPACK => {
            let pairs = listpack::elements(&reader.string()?)?;
            sorted_set(scored(&pairs)?, config)?
        }
        _ => return None,
    })
}

/// Returns the code of libraries of functions.
pub(super) fn libraries(payload: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(payload);
    let mut codes = Vec::new();
    while let Some(kind) = reader.byte() {
        if kind != types::LIBRARY {
            return None;
        }
        codes.push(reader.string()?);
    }
    Some(codes)
}
