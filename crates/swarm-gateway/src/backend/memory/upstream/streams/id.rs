//! Stream IDs of SwarmKeyDb, which stay as the client wrote them.

use std::fmt;

use bytes::Bytes;

use super::super::super::reject::Reject;
use super::super::number::{self, Parsed};

pub(super) const INVALID: Reject =
    Reject::text("ERR Invalid stream ID specified as stream command argument");

/// Position of an entry: milliseconds and sequence.
pub(super) type Place = (u64, u64);

/// ID of an entry: its position, and its text if that is not the canonical one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    place: Place,
    text: Bytes,
}

impl Default for Id {
    fn default() -> Self {
        Self::at((0, 0))
    }
}

impl Id {
    /// Returns the ID of a position.
    pub(super) fn at(place: Place) -> Self {
        let text = format!("{}-{}", place.0, place.1).into();
        Self { place, text }
    }

    /// Parses a complete ID.
    pub(super) fn parse(text: &Bytes) -> Result<Self, Reject> {
        let place = complete(text).ok_or(INVALID)?;
        let text = Bytes::copy_from_slice(text);
        Ok(Self { place, text })
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Display for Id {
    /// Writes the text, which is always ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

fn part(text: &[u8]) -> Option<u64> {
    match number::parse(text) {
        Parsed::Number(number) => u64::try_from(number).ok(),
        Parsed::TooLong | Parsed::Malformed => None,
    }
}

fn complete(text: &[u8]) -> Option<Place> {
    let mut parts = text.split(|byte| *byte == b'-');
    let (millis, sequence) = (parts.next()?, parts.next()?);
    match parts.next() {
        Some(_) => None,
        None => Some((part(millis)?, part(sequence)?)),
    }
}

/// Parses a bound of a range: `-`, `+`, `ms`, `ms-*`, or an ID. `sequence` completes the first two
/// of the latter.
pub(super) fn bound(text: &[u8], sequence: u64) -> Result<Place, Reject> {
    let millis = text.strip_suffix(b"-*").unwrap_or(text);
    match text {
        b"-" => Ok((0, 0)),
        b"+" => Ok((u64::MAX, u64::MAX)),
        _ => (complete(text))
            .or_else(|| Some((part(millis)?, sequence)))
            .ok_or(INVALID),
    }
}

/// Returns the position behind another one.
pub(super) fn behind((millis, sequence): Place) -> Option<Place> {
    match sequence.checked_add(1) {
        Some(sequence) => Some((millis, sequence)),
        None => millis.checked_add(1).map(|millis| (millis, 0)),
    }
}

/// Returns the ID of a new entry behind `last`: `*`, `ms-*`, or a complete ID.
pub(super) fn new(text: &Bytes, last: Place, now: i64) -> Result<Id, Reject> {
    let not_larger = Reject::text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
    let place = match text.as_ref() {
        b"*" => {
            let now = (u64::try_from(now).unwrap_or(0), 0);
            if now > last {
                now
            } else {
                behind(last).ok_or(Reject::NOT_INTEGER)?
            }
        }
        [millis @ .., b'-', b'*'] => {
            let millis = part(millis).ok_or(INVALID)?;
            match last {
                (same, sequence) if same == millis => {
                    (millis, sequence.checked_add(1).ok_or(Reject::NOT_INTEGER)?)
                }
                _ => (millis, 0),
            }
        }
        _ => {
            let id = Id::parse(text)?;
            if id.place() == (0, 0) {
                return Err(Reject::text(
                    "ERR The ID specified in XADD must be greater than 0-0",
                ));
            }
            return if id.place() > last {
                Ok(id)
            } else {
                Err(not_larger)
            };
        }
    };
    if place > last {
        Ok(Id::at(place))
    } else {
        Err(not_larger)
    }
}
