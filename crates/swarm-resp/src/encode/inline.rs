//! Small commands, put together in place.

use super::command::header_len;

/// As long as most commands are.
const ROOM: usize = 126;

/// Room for the header of a command: with at least six bytes for each argument, two digits count them.
const HEADER: usize = 5;

/// The arguments of a small command, behind room for its header.
#[derive(Clone, Copy)]
pub(crate) struct Inline {
    bytes: [u8; ROOM],
    start: u8,
    end: u8,
}

impl Inline {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            start: 0,
            end: HEADER as u8,
        }
    }

    /// Forgets all arguments.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        self.end = HEADER as u8;
    }

    /// The arguments so far, as bulk strings.
    pub(crate) fn args(&self) -> &[u8] {
        self.bytes.get(HEADER..self.end.into()).unwrap_or_default()
    }

    /// Puts an argument as a bulk string, if there is room for it.
    #[inline]
    pub(crate) fn put(&mut self, arg: &[u8]) -> bool {
        let free = self.bytes.get_mut(self.end.into()..).unwrap_or_default();
        let (total, len) = (free.len(), arg.len());
        if len > ROOM || header_len(len).saturating_add(len).saturating_add(2) > total {
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

    /// Makes it a whole command of so many arguments.
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

/// Writes an array of a known size, which is one store, and gives the room behind it.
#[inline]
fn write<const N: usize>(room: &mut [u8], bytes: [u8; N]) -> &mut [u8] {
    match room.split_first_chunk_mut() {
        Some((to, rest)) => {
            *to = bytes;
            rest
        }
        None => &mut [],
    }
}
