//! Decompression of LZF.

/// Returns the decompressed bytes, or `None` unless there are exactly `length` of them.
pub(super) fn unpacked(mut packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Some((control, rest)) = packed.split_first() {
        let control = usize::from(*control);
        if control < 32 {
            // Bytes as they are.
            let (literal, rest) = rest.split_at_checked(control + 1)?;
            bytes.extend_from_slice(literal);
            packed = rest;
        } else {
            // A repetition of earlier bytes, which may overlap with itself.
            let (mut count, mut rest) = (control >> 5, rest);
            if count == 7 {
                let (more, after) = rest.split_first()?;
                (count, rest) = (count + usize::from(*more), after);
            }
            let (low, after) = rest.split_first()?;
            let distance = ((control & 31) << 8 | usize::from(*low)) + 1;
            let start = bytes.len().checked_sub(distance)?;
            for at in start..start + count + 2 {
                let byte = *bytes.get(at)?;
                bytes.push(byte);
            }
            packed = after;
        }
        if bytes.len() > length {
            return None;
        }
    }
    (bytes.len() == length).then_some(bytes)
}
