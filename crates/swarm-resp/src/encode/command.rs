//! Encoding of commands: arrays of bulk strings in both protocol versions.

use bytes::{BufMut, BytesMut};

use crate::args::{ArgSink, ToArgs};

/// Appends an encoded command to a buffer, with one reservation of the exact size.
///
/// `name` may consist of several words, as in `XGROUP CREATE`; each becomes an argument.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use swarm_resp::encode_command;
///
/// let mut buffer = BytesMut::new();
/// encode_command(&mut buffer, "GET", &"key");
/// assert_eq!(buffer, "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
/// ```
#[inline]
pub fn encode_command(buffer: &mut BytesMut, name: &str, args: &impl ToArgs) {
    append(buffer, name, args);
}

/// Implements [`encode_command`], and returns the number of arguments.
#[inline]
pub(crate) fn append(buffer: &mut BytesMut, name: &str, args: &impl ToArgs) -> usize {
    let mut measure = Measure::default();
    write(name, args, &mut measure);
    let count = measure.count;
    buffer.reserve(measure.len.saturating_add(header_len(count)));
    put_header(buffer, b'*', count);
    write(name, args, &mut Writer(buffer));
    count
}

#[inline]
fn write(name: &str, args: &impl ToArgs, sink: &mut impl ArgSink) {
    write_name(name, sink);
    args.write_args(sink);
}

/// Writes each word of a name as an argument.
#[inline]
pub(crate) fn write_name(name: &str, sink: &mut impl ArgSink) {
    let is_one_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one_word {
        return sink.arg(name.as_bytes());
    }
    for word in name.split_ascii_whitespace() {
        sink.arg(word.as_bytes());
    }
}

/// Counts arguments and their encoded size.
#[derive(Default)]
pub(crate) struct Measure {
    pub(crate) count: usize,
    pub(crate) len: usize,
}

impl ArgSink for Measure {
    #[inline]
    fn arg(&mut self, arg: &[u8]) {
        self.count = self.count.saturating_add(1);
        let bulk = header_len(arg.len())
            .saturating_add(arg.len())
            .saturating_add(2);
        self.len = self.len.saturating_add(bulk);
    }
}

/// Writes arguments as bulk strings.
pub(crate) struct Writer<'a>(pub(crate) &'a mut BytesMut);

impl ArgSink for Writer<'_> {
    #[inline]
    fn arg(&mut self, arg: &[u8]) {
        put_header(self.0, b'$', arg.len());
        self.0.put_slice(arg);
        self.0.put_slice(b"\r\n");
    }
}

/// Returns the length of a header: a marker, a number and CRLF.
#[inline]
pub(super) fn header_len(number: usize) -> usize {
    match number {
        0..=9 => 4,
        10..=99 => 5,
        _ => number.ilog10().saturating_add(4) as usize,
    }
}

/// Appends a header: a marker, a number and CRLF.
#[inline]
pub(super) fn put_header(buffer: &mut BytesMut, marker: u8, number: usize) {
    #[expect(clippy::cast_possible_truncation, reason = "a remainder of ten")]
    let digit = |number: usize| b'0' | (number % 10) as u8;
    match number {
        // Most numbers are small, and an array of constant size compiles to one store.
        0..=9 => buffer.put_slice(&[marker, digit(number), b'\r', b'\n']),
        10..=99 => {
            let tens = digit(number / 10);
            buffer.put_slice(&[marker, tens, digit(number), b'\r', b'\n']);
        }
        _ => {
            buffer.put_u8(marker);
            buffer.put_slice(itoa::Buffer::new().format(number).as_bytes());
            buffer.put_slice(b"\r\n");
        }
    }
}
