//! Fixed-size buffer for small commands.

use super::command::header_len;

/// Capacity, which fits most commands.
const CAPACITY: usize = 126;

/// Space for the command's header. Each argument takes at least six bytes, so the count has at most
/// two digits.
const HEADER: usize = 5;

/// The arguments of a small command, after space for its header.
#[derive(Clone, Copy)]
pub(crate) struct Inline {
    bytes: [u8; CAPACITY],
    start: u8,
    end: u8,
}

impl Inline {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            start: 0,
            end: HEADER as u8,
        }
    }

    /// Removes all arguments.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        self.end = HEADER as u8;
    }

    /// Returns the arguments so far, as bulk strings.
    pub(crate) fn args(&self) -> &[u8] {
        self.bytes.get(HEADER..self.end.into()).unwrap_or_default()
    }

    /// Appends an argument as a bulk string. Returns false if it does not fit.
    #[inline]
    pub(crate) fn put(&mut self, arg: &[u8]) -> bool {
        let free = self.bytes.get_mut(self.end.into()..).unwrap_or_default();
        let (total, len) = (free.len(), arg.len());
        if len > CAPACITY || header_len(len).saturating_add(len).saturating_add(2) > total {
            return false;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of ten")]
        let digit = |number: usize| b'0' | (number % 10) as u8;
        let free = match len {
            0..=9 => write(free, [b'$', digit(len), b'\r', b'\n']),
            10..=99 => write(free, [b'$', digit(len / 10), digit(len), b'\r', b'\n']),
            _ => {
                let hundreds = digit(len / 100);
                write(
                    free,
                    [b'$', hundreds, digit(len / 10), digit(len), b'\r', b'\n'],
                )
            }
        };
        let Some((to, free)) = free.split_at_mut_checked(len) else {
            return false;
        };
        to.copy_from_slice(arg);
        let free = write(free, *b"\r\n");
        let written = total.wrapping_sub(free.len());
        self.end = self.end.wrapping_add(u8::try_from(written).unwrap_or(0));
        true
    }

    /// Writes the header for `count` arguments, which completes the command.
    #[inline]
    pub(crate) fn put_header(&mut self, count: usize) {
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of ten")]
        let digit = |number: usize| b'0' | (number % 10) as u8;
        if count < 10 {
            self.start = 1;
            let (_, header) = self.bytes.split_at_mut(1);
            write(header, [b'*', digit(count), b'\r', b'\n']);
        } else {
            self.start = 0;
            write(
                &mut self.bytes,
                [b'*', digit(count / 10), digit(count), b'\r', b'\n'],
            );
        }
    }
}

impl AsRef<[u8]> for Inline {
    fn as_ref(&self) -> &[u8] {
        self.bytes
            .get(self.start.into()..self.end.into())
            .unwrap_or_default()
    }
}

/// Writes an array of constant size, which compiles to one store, and returns the remaining space.
#[inline]
fn write<const N: usize>(space: &mut [u8], bytes: [u8; N]) -> &mut [u8] {
    match space.split_first_chunk_mut() {
        Some((to, rest)) => {
            *to = bytes;
            rest
        }
        None => &mut [],
    }
}
