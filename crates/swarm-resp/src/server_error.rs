//! Error replies: code and message.

use std::fmt;

use crate::Printable;

/// An error reply, split into its code and message.
///
/// By convention, the first word of an error is a code in capital letters (`ERR`, `WRONGTYPE`,
/// `NOAUTH`); see the [RESP specification][errors].
///
/// # Examples
///
/// ```
/// use swarm_resp::ServerError;
///
/// let error = ServerError::parse(b"WRONGTYPE not a list");
/// assert_eq!(error.code(), "WRONGTYPE");
/// assert_eq!(error.message(), "not a list");
/// ```
///
/// [errors]: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    text: Box<str>,
    /// Length of the code at the start of `text`, or 0 if there is none.
    code_len: usize,
}

impl ServerError {
    /// Parses the text of an error. Invalid UTF-8 is replaced with U+FFFD.
    pub fn parse(text: &[u8]) -> Self {
        let text: Box<str> = String::from_utf8_lossy(text).into();
        let word = text.split(' ').next().unwrap_or_default();
        let is_code = !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let code_len = if is_code { word.len() } else { 0 };
        Self { text, code_len }
    }

    /// Returns the code, such as `WRONGTYPE`, or `""` if there is none.
    pub fn code(&self) -> &str {
        self.text.get(..self.code_len).unwrap_or_default()
    }

    /// Returns the text after the code, unmodified. It may contain control characters.
    pub fn message(&self) -> &str {
        self.text
            .get(self.code_len..)
            .unwrap_or_default()
            .trim_start()
    }

    /// Returns the whole text, unmodified. It may contain control characters, which `Display`
    /// removes.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.text).fmt(f)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards against control characters from a peer in terminals and logs.
    #[test]
    fn display_is_one_line_without_control_characters() {
        let error = ServerError::parse("ERR \u{1b}[31mno\r\n+OK \u{202e}".as_bytes());
        assert_eq!(error.to_string(), "ERR [31mno +OK ");
        assert_eq!(error.message(), "\u{1b}[31mno\r\n+OK \u{202e}");
        assert!(!format!("{error:?}").contains(['\u{1b}', '\n', '\u{202e}']));
    }
}
