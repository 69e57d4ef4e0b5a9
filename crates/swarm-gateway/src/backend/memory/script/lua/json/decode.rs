//! Decoder of `cjson`, which accepts more than JSON: any number that C does, control characters,
//! and bytes that are no UTF-8.

use mlua::{Lua, Value};

use super::super::super::super::float;
use super::super::raised::Failure;
use super::{MAX_LEVELS, Settings, null};

/// The next part of the text.
enum Token {
    /// A bracket, brace, comma or colon.
    Mark(u8),
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    End,
    /// None of these.
    Invalid(&'static str),
}

impl Token {
    const fn name(&self) -> &'static str {
        match self {
            Self::Mark(b'{') => "T_OBJ_BEGIN",
            Self::Mark(b'}') => "T_OBJ_END",
            Self::Mark(b'[') => "T_ARR_BEGIN",
            Self::Mark(b']') => "T_ARR_END",
            Self::Mark(b',') => "T_COMMA",
            Self::Mark(_) => "T_COLON",
            Self::Text(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::End => "T_END",
            Self::Invalid(what) => what,
        }
    }
}

struct Decoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    text: &'a [u8],
    at: usize,
    /// Where the last token begins, or where it becomes invalid.
    start: usize,
    depth: usize,
}

/// Decodes a text.
pub(super) fn decode(lua: &Lua, settings: &Settings, text: &[u8]) -> Result<Value, Failure> {
    if let [0, _, ..] | [_, 0, ..] = text {
        let what = "JSON parser does not support UTF-16 or UTF-32";
        return Err(Failure::Text(what.to_owned()));
    }
    let mut decoder = Decoder {
        lua,
        settings,
        text,
        at: 0,
        start: 0,
        depth: 0,
    };
    let first = decoder.token();
    let value = decoder.value(first)?;
    match decoder.token() {
        Token::End => Ok(value),
        other => Err(decoder.expected("the end", &other)),
    }
}

impl Decoder<'_> {
    fn expected(&self, what: &str, found: &Token) -> Failure {
        let (found, at) = (found.name(), self.start + 1);
        Failure::Text(format!(
            "Expected {what} but found {found} at character {at}"
        ))
    }

    /// A byte of the text, which ends with a NUL.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.start = self.at;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let decodes_all = self.settings.decodes_invalid_numbers.get();
        let (token, length) = match rest {
            [] | [0, ..] => return Token::End,
            [mark @ (b'{' | b'}' | b'[' | b']' | b',' | b':'), ..] => (Token::Mark(*mark), 1),
            [b'"', ..] => return self.quoted(),
            [b'-' | b'0'..=b'9', ..] if decodes_all || !is_invalid_number(rest) => {
                return self.number(rest);
            }
            [b'-' | b'0'..=b'9', ..] => return Token::Invalid("invalid number"),
            [b't', b'r', b'u', b'e', ..] => (Token::Boolean(true), 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Token::Boolean(false), 5),
            [b'n', b'u', b'l', b'l', ..] => (Token::Null, 4),
            _ if decodes_all && is_invalid_number(rest) => return self.number(rest),
            _ => return Token::Invalid("invalid token"),
        };
        self.at += length;
        token
    }

    fn number(&mut self, rest: &[u8]) -> Token {
        let (number, length) = float::prefix(rest);
        if length == 0 {
            return Token::Invalid("invalid number");
        }
        self.at += length;
        Token::Number(number)
    }

    fn quoted(&mut self) -> Token {
        let mut text = Vec::new();
        let mut at = self.at + 1;
        loop {
            let simple = match self.byte(at) {
                b'"' => break,
                0 => {
                    self.start = at;
                    return Token::Invalid("unexpected end of string");
                }
                b'\\' => match self.byte(at + 1) {
                    same @ (b'"' | b'\\' | b'/') => same,
                    b'b' => 0x08,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'f' => 0x0c,
                    b'r' => b'\r',
                    b'u' => {
                        let Some((character, length)) = self.escaped(at) else {
                            self.start = at;
                            return Token::Invalid("invalid unicode escape code");
                        };
                        let mut utf8 = [0; 4];
                        text.extend(character.encode_utf8(&mut utf8).as_bytes());
                        at += length;
                        continue;
                    }
                    _ => {
                        self.start = at;
                        return Token::Invalid("invalid escape code");
                    }
                },
                byte => {
                    text.push(byte);
                    at += 1;
                    continue;
                }
            };
            text.push(simple);
            at += 2;
        }
        self.at = at + 1;
        Token::Text(text)
    }

    /// Returns the character of an escape sequence, or of a pair of them, and its length.
    fn escaped(&self, at: usize) -> Option<(char, usize)> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
            digits.iter().try_fold(0, |unit: u16, digit| {
                let digit = char::from(*digit).to_digit(16)?;
                Some(unit << 4 | u16::try_from(digit).ok()?)
            })
        };
        let first = unit(at)?;
        if let Some(character) = char::from_u32(first.into()) {
            return Some((character, 6));
        }
        let mut pair = char::decode_utf16([first, unit(at + 6)?]);
        Some((pair.next()?.ok()?, 12))
    }

    fn value(&mut self, token: Token) -> Result<Value, Failure> {
        Ok(match token {
            Token::Text(text) => Value::String(self.lua.create_string(text)?),
            Token::Number(number) => Value::Number(number),
            Token::Boolean(value) => Value::Boolean(value),
            Token::Null => null(),
            Token::Mark(b'[') => self.array()?,
            Token::Mark(b'{') => self.object()?,
            other => return Err(self.expected("value", &other)),
        })
    }

    fn descend(&mut self) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth.get().min(MAX_LEVELS) {
            return Ok(());
        }
        let (depth, at) = (self.depth, self.at);
        Err(Failure::Text(format!(
            "Found too many nested data structures ({depth}) at character {at}"
        )))
    }

    fn array(&mut self) -> Result<Value, Failure> {
        self.descend()?;
        let array = self.lua.create_table()?;
        let mut token = self.token();
        if !matches!(token, Token::Mark(b']')) {
            for at in 1.. {
                array.raw_set(at, self.value(token)?)?;
                match self.token() {
                    Token::Mark(b']') => break,
                    Token::Mark(b',') => token = self.token(),
                    other => return Err(self.expected("comma or array end", &other)),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(array))
    }

    fn object(&mut self) -> Result<Value, Failure> {
        self.descend()?;
        let object = self.lua.create_table()?;
        let mut token = self.token();
        if !matches!(token, Token::Mark(b'}')) {
            loop {
                let Token::Text(name) = token else {
                    return Err(self.expected("object key string", &token));
                };
                match self.token() {
                    Token::Mark(b':') => {}
                    other => return Err(self.expected("colon", &other)),
                }
                let first = self.token();
                let value = self.value(first)?;
                object.raw_set(self.lua.create_string(name)?, value)?;
                match self.token() {
                    Token::Mark(b'}') => break,
                    Token::Mark(b',') => token = self.token(),
                    other => return Err(self.expected("comma or object end", &other)),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(object))
    }
}

/// Returns whether a number is one that JSON does not have.
fn is_invalid_number(text: &[u8]) -> bool {
    let is_word = |text: &[u8], word: &[u8]| {
        (text.get(..word.len())).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'+', ..] => true,
        [b'0', b'0'..=b'9' | b'x' | b'X', ..] => true,
        text => is_word(text, b"inf") || is_word(text, b"nan"),
    }
}
