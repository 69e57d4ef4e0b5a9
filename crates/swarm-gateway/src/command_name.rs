//! Name of a command.

use std::ops::Deref;

/// Length of the longest name that needs no allocation.
const SHORT: usize = 22;

/// Name of a command in upper case.
#[derive(Debug, Clone)]
pub(crate) enum CommandName {
    /// ASCII.
    Short {
        bytes: [u8; SHORT],
        length: u8,
    },
    Long(Box<str>),
}

impl CommandName {
    pub(crate) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        let mut is_ascii = true;
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = from.to_ascii_uppercase();
            is_ascii &= from.is_ascii();
        }
        match u8::try_from(name.len()) {
            Ok(length) if is_ascii && name.len() <= SHORT => Self::Short { bytes, length },
            _ => Self::Long(String::from_utf8_lossy(name).to_ascii_uppercase().into()),
        }
    }
}

impl Deref for CommandName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Short { bytes, length } => {
                let name = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(name).unwrap_or_default()
            }
            Self::Long(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_upper_case_whatever_their_length() {
        for (name, expected) in [
            ("", ""),
            ("get", "GET"),
            ("aCommandOfTwentyTwoByt", "ACOMMANDOFTWENTYTWOBYT"),
            ("a-command-of-more-bytes", "A-COMMAND-OF-MORE-BYTES"),
            ("gét", "GéT"),
        ] {
            assert_eq!(&*CommandName::new(name.as_bytes()), expected);
        }
        assert_eq!(&*CommandName::new(b"\xff"), "\u{fffd}");
    }
}
