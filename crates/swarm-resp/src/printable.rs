//! Display of untrusted text without control characters.

use std::fmt::{self, Write};

/// Displays untrusted text on one line, without characters that a terminal or a log viewer would
/// interpret.
///
/// Line breaks and tabs become spaces. C0 and C1 control characters (such as ESC) are removed, and
/// so are bidirectional and invisible formatting characters, which can disguise text. The `Display`
/// implementation of [`ServerError`] uses this type.
///
/// # Examples
///
/// ```
/// use swarm_resp::Printable;
///
/// assert_eq!(Printable("ERR \u{1b}[31mno\r\n+OK").to_string(), "ERR [31mno +OK");
/// ```
///
/// [`ServerError`]: crate::ServerError
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut after_return = false;
        for c in self.0.chars() {
            let ends_line = c == '\n' && after_return;
            after_return = c == '\r';
            if is_printable(c) {
                f.write_char(c)?;
            } else if is_break(c) && !ends_line {
                f.write_char(' ')?;
            }
        }
        Ok(())
    }
}

/// Returns whether a character is a line break or a tab.
const fn is_break(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns whether a character is displayed unchanged.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{61c}' // Arabic letter mark
            | '\u{200b}'..='\u{200f}' // zero-width characters, direction marks
            | '\u{2028}'..='\u{202e}' // separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, bidirectional isolates
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // interlinear annotation
            | '\u{e0000}'..='\u{e007f}') // tags
}

#[cfg(test)]
mod tests {
    //! Removed and preserved characters.

    use super::*;

    #[test]
    fn control_and_formatting_characters_are_removed() {
        let hostile = "a\u{1b}[31mb\r\nc\u{0}d\u{7f}e\u{85}f\u{9b}g\u{202e}h\u{2066}i\u{200f}j\
                       \u{2028}k\u{feff}l";
        assert_eq!(Printable(hostile).to_string(), "a[31mb cde fghij kl");
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in ["ERR wrong number", "grüße, 世界 🦀", "e\u{301}"] {
            assert_eq!(Printable(text).to_string(), text);
        }
    }
}
