//! Inline commands: words as a person types them.

use bytes::Bytes;

use super::ProtocolError;

/// Splits a line into words, as Redis does.
///
/// Words may be quoted, or contain quoted parts. Within double quotes, a backslash introduces
/// `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH` or a literal character; within single quotes, only `\'`.
/// A NUL ends the line.
pub(super) fn words(line: &[u8]) -> Result<Vec<Bytes>, ProtocolError> {
    let mut rest = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut words = Vec::new();
    loop {
        rest = skip_space(rest);
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, after) = word(rest)?;
        words.push(word.into());
        rest = after;
    }
}

fn skip_space(line: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = line.iter().position(|byte| !is_space(byte));
    start.and_then(|start| line.get(start..)).unwrap_or(&[])
}

/// Reads one word, and returns it with the rest of the line.
fn word(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), ProtocolError> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] | [b' ' | b'\t' | b'\r' | b'\n', ..] => return Ok((word, rest)),
            [b'"', quoted @ ..] => return double_quoted(word, quoted),
            [b'\'', quoted @ ..] => return single_quoted(word, quoted),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// Reads up to the closing quote, which ends the word.
fn double_quoted(mut word: Vec<u8>, mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), ProtocolError> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', after @ ..] => return closed(word, after),
            [b'\\', b'x', high, low, after @ ..] if is_hex(*high, *low) => {
                (digit(*high) << 4 | digit(*low), after)
            }
            [b'\\', escaped, after @ ..] => (unescape(*escaped), after),
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

fn single_quoted(mut word: Vec<u8>, mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), ProtocolError> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', after @ ..] => return closed(word, after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

/// Checks that nothing but space follows a closing quote.
fn closed(word: Vec<u8>, rest: &[u8]) -> Result<(Vec<u8>, &[u8]), ProtocolError> {
    if rest.len() == skip_space(rest).len() && !rest.is_empty() {
        return Err(ProtocolError::UnbalancedQuotes);
    }
    Ok((word, rest))
}

const fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        byte => byte,
    }
}

const fn is_hex(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

/// Returns the value of a hexadecimal digit.
fn digit(byte: u8) -> u8 {
    let digit = char::from(byte).to_digit(16).unwrap_or(0);
    u8::try_from(digit).unwrap_or(0)
}
