//! Lower bound for decoders: finds the end of a frame, or that it is incomplete. Assumes valid
//! input.

/// Returns the end of the frame at `at` if it is complete.
#[inline(never)]
pub fn frame_end(wire: &[u8], mut at: usize) -> Option<usize> {
    let mut values: usize = 1;
    while values > 0 {
        values -= 1;
        let marker = *wire.get(at)?;
        at += 1;
        match marker {
            b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' => {
                let (mut number, mut is_null) = (0, false);
                loop {
                    let byte = *wire.get(at)?;
                    at += 1;
                    match byte {
                        b'\r' => break,
                        b'-' => is_null = true,
                        digit => number = number * 10 + usize::from(digit - b'0'),
                    }
                }
                at += 1;
                if is_null {
                    continue;
                }
                match marker {
                    b'*' | b'~' | b'>' => values += number,
                    b'%' => values += 2 * number,
                    _ => at += number + 2,
                }
            }
            _ => {
                while *wire.get(at)? != b'\n' {
                    at += 1;
                }
                at += 1;
            }
        }
    }
    (at <= wire.len()).then_some(at)
}

/// Encodes `SET key value`, for a key and a value of less than 100 bytes, into a buffer with
/// sufficient capacity.
#[inline(never)]
pub fn encode_set(buffer: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    buffer.extend_from_slice(b"*3\r\n$3\r\nSET\r\n");
    for arg in [key, value] {
        buffer.push(b'$');
        if arg.len() > 9 {
            buffer.push(b'0' + (arg.len() / 10) as u8);
        }
        buffer.push(b'0' + (arg.len() % 10) as u8);
        buffer.extend_from_slice(b"\r\n");
        buffer.extend_from_slice(arg);
        buffer.extend_from_slice(b"\r\n");
    }
}
