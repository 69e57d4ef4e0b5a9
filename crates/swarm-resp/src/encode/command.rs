//! Commands: arrays of bulk strings, the same in RESP2 and RESP3.

use bytes::{BufMut, BytesMut};

use crate::args::{ArgSink, ToArgs};

/// Appends a command to a buffer, with one reservation of the exact size.
///
/// `name` may be several words, as in `XGROUP CREATE`; each becomes an argument of its own.
pub fn encode_command(buffer: &mut BytesMut, name: &str, args: &impl ToArgs) {
    let mut measure = Measure::default();
    write(name, args, &mut measure);
    let count = measure.count;
    buffer.reserve(measure.len.saturating_add(header_len(count)));
    put_header(buffer, b'*', count);
    write(name, args, &mut Writer(buffer));
}

fn write(name: &str, args: &impl ToArgs, sink: &mut impl ArgSink) {
    for word in name.split_ascii_whitespace() {
        sink.arg(word.as_bytes());
    }
    args.write_args(sink);
}

/// Counts arguments and the bytes that they take.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    pub(crate) count: usize,
    pub(crate) len: usize,
}

impl ArgSink for Measure {
    fn arg(&mut self, arg: &[u8]) {
        self.count = self.count.saturating_add(1);
        let bulk = header_len(arg.len())
            .saturating_add(arg.len())
            .saturating_add(2);
        self.len = self.len.saturating_add(bulk);
    }
}

/// Writes arguments as bulk strings.
#[derive(Debug)]
pub(crate) struct Writer<'a>(pub(crate) &'a mut BytesMut);

impl ArgSink for Writer<'_> {
    fn arg(&mut self, arg: &[u8]) {
        put_header(self.0, b'$', arg.len());
        self.0.put_slice(arg);
        self.0.put_slice(b"\r\n");
    }
}

/// A marker, a number and a line break.
pub(super) fn header_len(number: usize) -> usize {
    let digits = number.checked_ilog10().unwrap_or(0) as usize;
    digits.saturating_add(4)
}

pub(super) fn put_header(buffer: &mut BytesMut, marker: u8, number: usize) {
    buffer.put_u8(marker);
    buffer.put_slice(itoa::Buffer::new().format(number).as_bytes());
    buffer.put_slice(b"\r\n");
}
