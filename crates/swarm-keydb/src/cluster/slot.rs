//! Hash slots of keys: CRC16 of the key or of its hash tag.

use crc::{CRC_16_XMODEM, Crc};

/// Number of slots of a cluster.
pub(super) const SLOTS: u16 = 16384;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// Returns the slot of a key.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    CRC.checksum(tag_of(key).unwrap_or(key)) % SLOTS
}

/// Returns the hash tag of a key: what stands between the first `{` and the next `}`, unless that
/// is empty.
pub(super) fn tag_of(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let inner = key.get(open + 1..)?;
    let close = inner.iter().position(|byte| *byte == b'}')?;
    inner.get(..close).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots as `CLUSTER KEYSLOT` of a Redis server states them.
    #[test]
    fn slots_are_those_of_redis() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("123456789", 0x31c3),
            ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443),
            ("user1000", 3443),
            ("foo{bar}{zap}", 5061),
            ("bar", 5061),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot % SLOTS, "{key}");
        }
    }

    #[test]
    fn a_hash_tag_is_the_first_text_in_braces_that_is_not_empty() {
        for (key, tag) in [
            ("a{b}c", Some("b")),
            ("{b}", Some("b")),
            ("a{b}{c}", Some("b")),
            ("a{{b}}", Some("{b")),
            ("a{}{b}", None),
            ("a{b", None),
            ("a}b{", None),
            ("ab", None),
        ] {
            assert_eq!(tag_of(key.as_bytes()), tag.map(str::as_bytes), "{key}");
        }
    }
}
