//! Splits a byte stream into RESP frames without interpreting them.

/// Returns the length of the first frame, or `None` if it is incomplete. A line that begins with no
/// known type counts as a frame.
pub(crate) fn frame(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let number = || {
        let digits = std::str::from_utf8(&bytes[1..end - 2]).ok()?;
        digits.parse::<i64>().ok()
    };
    let count = match bytes[0] {
        b'$' => {
            let length = number().and_then(|length| usize::try_from(length).ok());
            let Some(length) = length else {
                return Some(end);
            };
            return (bytes.len() >= end + length + 2).then_some(end + length + 2);
        }
        b'*' | b'>' => number().unwrap_or(0),
        b'%' => number().unwrap_or(0) * 2,
        _ => 0,
    };
    (0..count).try_fold(end, |at, _| Some(at + frame(&bytes[at..])?))
}

/// Returns the number of complete frames, and their length.
pub(crate) fn frames(bytes: &[u8]) -> (usize, usize) {
    let (mut count, mut at) = (0, 0);
    while let Some(length) = frame(&bytes[at..]) {
        count += 1;
        at += length;
    }
    (count, at)
}
