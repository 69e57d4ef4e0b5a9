//! Listpacks: the compact encoding of small collections.

use bytes::Bytes;

use super::super::number;

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
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// A listpack that is written.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    bytes: Vec<u8>,
    elements: usize,
}

impl Writer {
    pub(in super::super) fn integer(&mut self, value: i64) {
        let start = self.bytes.len();
        let little = value.to_le_bytes();
        let (first, size) = match value {
            0..=0x7f => (little[0], 0),
            -4096..=4095 => (0xc0 | little[1] & 31, 0),
            -32_768..=32_767 => (0xf1, 2),
            -8_388_608..=8_388_607 => (0xf2, 3),
            -2_147_483_648..=2_147_483_647 => (0xf3, 4),
            _ => (0xf4, 8),
        };
        self.bytes.push(first);
        if first >> 5 == 0b110 {
            self.bytes.push(little[0]);
        }
        self.bytes.extend(little.iter().take(size));
        self.end(start);
    }

    /// Adds a text, as an integer if it is one.
    pub(in super::super) fn text(&mut self, text: &[u8]) {
        if let Ok(integer) = number::integer(text) {
            return self.integer(integer);
        }
        let start = self.bytes.len();
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
        match text.len() {
            0..64 => self.bytes.push(0x80 | size[0]),
            64..4096 => self.bytes.extend([0xe0 | size[1], size[0]]),
            _ => {
                self.bytes.push(0xf0);
                self.bytes.extend(size);
            }
        }
        self.bytes.extend_from_slice(text);
        self.end(start);
    }

    /// Adds the size of an element behind it: 7 bits in each byte, of which all but the first are
    /// marked.
    fn end(&mut self, start: usize) {
        let size = self.bytes.len() - start;
        for at in (0..size_of_size(size)).rev() {
            let bits = (size >> (7 * at) & 127) as u8;
            let is_first = at + 1 == size_of_size(size);
            self.bytes.push(if is_first { bits } else { bits | 128 });
        }
        self.elements += 1;
    }

    pub(in super::super) fn finish(self) -> Vec<u8> {
        let total = self.bytes.len() + HEADER + 1;
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        // The largest number stands for an unknown one.
        let elements = u16::try_from(self.elements).unwrap_or(u16::MAX);
        let mut listpack = Vec::with_capacity(self.bytes.len() + HEADER + 1);
        listpack.extend_from_slice(&total.to_le_bytes());
        listpack.extend_from_slice(&elements.to_le_bytes());
        listpack.extend(self.bytes);
        listpack.push(END);
        listpack
    }
}

/// Returns all elements, or `None` if the listpack is malformed.
pub(in super::super) fn elements(listpack: &[u8]) -> Option<Vec<Bytes>> {
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
