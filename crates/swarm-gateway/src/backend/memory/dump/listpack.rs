//! Listpacks: the compact encoding of small collections.

use bytes::Bytes;

/// Total size and number of elements.
const HEADER: usize = 6;
const END: u8 = 0xff;

/// Returns the element at the start of some bytes, and the size of its encoding without the size
/// that follows it.
fn element(bytes: &[u8]) -> Option<(Bytes, usize)> {
    let first = *bytes.first()?;
    let byte = |at: usize| bytes.get(at).copied().map(usize::from);
    let text = |start: usize, length: usize| {
        let text = bytes.get(start..start.checked_add(length)?)?;
        Some((Bytes::copy_from_slice(text), start + length))
    };
    // Little-endian integers of some bytes behind the first.
    let integer = |size: usize| {
        let mut word = [0; 8];
        let from = 8 - size;
        word.get_mut(from..)?.copy_from_slice(bytes.get(1..=size)?);
        let number = i64::from_le_bytes(word) >> (8 * from);
        Some((Bytes::from(number.to_string()), size + 1))
    };
    match first {
        0..=0x7f => Some((first.to_string().into(), 1)),
        0x80..=0xbf => text(1, usize::from(first & 63)),
        0xc0..=0xdf => {
            let bits = i16::from_be_bytes([first & 31, u8::try_from(byte(1)?).ok()?]);
            let number = bits << 3 >> 3;
            Some((number.to_string().into(), 2))
        }
        0xe0..=0xef => text(2, usize::from(first & 15) << 8 | byte(1)?),
        0xf0 => {
            let length = bytes.get(1..5)?.try_into().ok()?;
            text(5, usize::try_from(u32::from_le_bytes(length)).ok()?)
        }
        0xf1 => integer(2),
        0xf2 => integer(3),
        0xf3 => integer(4),
        0xf4 => integer(8),
        _ => None,
    }
}

/// Returns how many bytes the size of an element takes behind it.
const fn size_of_size(size: usize) -> usize {
    match size {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        2_097_152..268_435_456 => 4,
        _ => 5,
    }
}

/// Returns all elements, or `None` if the listpack is malformed.
pub(super) fn elements(listpack: &[u8]) -> Option<Vec<Bytes>> {
    let (header, mut rest) = listpack.split_at_checked(HEADER)?;
    let total = u32::from_le_bytes(header.get(..4)?.try_into().ok()?);
    if usize::try_from(total).ok()? != listpack.len() {
        return None;
    }
    let mut elements = Vec::new();
    while *rest.first()? != END {
        let (element, size) = element(rest)?;
        elements.push(element);
        rest = rest.get(size + size_of_size(size)..)?;
    }
    (rest.len() == 1).then_some(elements)
}
