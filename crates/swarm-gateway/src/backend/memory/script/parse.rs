//! Script parser: compiles the source to stack machine code.
//!
//! Supports a small subset of Lua: calls of `redis`, `KEYS` and `ARGV`, literals, lists, `local`,
//! `if … == … then`, and numeric `for`.

use super::{Op, Value};

type Parsed<T> = Result<T, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(Vec<u8>),
    Number(i64),
    Mark(&'static str),
    End,
}

/// Compiles a script, or returns what is wrong with it.
pub(super) fn parse(script: &[u8]) -> Parsed<Vec<Op>> {
    let mut parser = Parser {
        tokens: tokens(script)?,
        at: 0,
        code: Vec::new(),
        loops: 0,
    };
    parser.block(&[])?;
    parser.code.extend([Op::Push(Value::Nil), Op::Return]);
    Ok(parser.code)
}

fn tokens(script: &[u8]) -> Parsed<Vec<Token>> {
    const MARKS: [&str; 11] = ["==", "(", ")", "{", "}", "[", "]", ",", ";", "=", "#"];
    let mut rest = script;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(comment) = rest.strip_prefix(b"--") {
            let end = comment.iter().position(|byte| *byte == b'\n');
            rest = end.and_then(|end| comment.get(end..)).unwrap_or_default();
            continue;
        }
        let Some((&first, after)) = rest.split_first() else {
            return Ok(tokens);
        };
        if matches!(first, b'\'' | b'"') {
            let (text, behind) = text(after, first)?;
            tokens.push(Token::Text(text));
            rest = behind;
            continue;
        }
        if let Some(mark) = MARKS
            .into_iter()
            .find(|mark| rest.starts_with(mark.as_bytes()))
        {
            tokens.push(Token::Mark(mark));
            rest = rest.get(mark.len()..).unwrap_or_default();
            continue;
        }
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let sign = usize::from(first == b'-');
        let body = rest.get(sign..).unwrap_or_default();
        let length = sign + (body.iter().position(|byte| !is_word(byte))).unwrap_or(body.len());
        let word = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
        if body.first().is_some_and(u8::is_ascii_digit) {
            tokens.push(Token::Number(whole(&word)?));
        } else if length > 0 && sign == 0 {
            tokens.push(Token::Word(word));
        } else {
            return Err(format!("unexpected symbol near '{}'", char::from(first)));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Parses a number and truncates it, as replies do.
fn whole(text: &str) -> Parsed<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let number = whole.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("malformed number near '{text}'"))
}

/// Parses a string literal after its opening quote. Returns the content and the rest of the input.
fn text(mut rest: &[u8], quote: u8) -> Parsed<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            byte if byte == quote => return Ok((text, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first().ok_or("unfinished string")?;
                rest = after;
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
            }
            byte => text.push(byte),
        }
    }
    Err("unfinished string".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    code: Vec<Op>,
    /// Number of loops so far; each has a hidden variable.
    loops: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(found) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.takes(mark) || self.takes_word(mark) {
            Ok(())
        } else {
            Err(format!("'{mark}' expected near {}", self.shown()))
        }
    }

    fn shown(&self) -> String {
        match self.peek() {
            Token::Word(word) => format!("'{word}'"),
            Token::Number(number) => format!("'{number}'"),
            Token::Mark(mark) => format!("'{mark}'"),
            Token::Text(_) => "a string".to_owned(),
            Token::End => "<eof>".to_owned(),
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Word(word) => Ok(word),
            _ => Err("<name> expected".to_owned()),
        }
    }

    /// Returns the position of the next instruction.
    const fn here(&self) -> usize {
        self.code.len()
    }

    /// Sets the target of an emitted jump to the current position.
    fn land(&mut self, jump: usize) {
        let here = self.here();
        if let Some(Op::Jump(to) | Op::JumpUnless(to) | Op::LeaveLoop { to, .. }) =
            self.code.get_mut(jump)
        {
            *to = here;
        }
    }

    /// Parses statements up to one of the keywords, which is not consumed.
    fn block(&mut self, ends: &[&str]) -> Parsed<()> {
        loop {
            match self.peek() {
                Token::End if ends.is_empty() => return Ok(()),
                Token::Word(word) if ends.contains(&word.as_str()) => return Ok(()),
                _ => self.statement()?,
            }
        }
    }

    fn statement(&mut self) -> Parsed<()> {
        if self.takes(";") {
            return Ok(());
        }
        if self.takes_word("return") {
            match self.peek() {
                Token::End => self.code.push(Op::Push(Value::Nil)),
                Token::Word(word) if matches!(word.as_str(), "end" | "else") => {
                    self.code.push(Op::Push(Value::Nil));
                }
                _ => self.expression()?,
            }
            self.code.push(Op::Return);
        } else if self.takes_word("local") {
            let name = self.name()?;
            self.expect("=")?;
            self.expression()?;
            self.code.push(Op::Store(name));
        } else if self.takes_word("if") {
            self.conditional()?;
        } else if self.takes_word("for") {
            self.repetition()?;
        } else if self.takes_word("do") {
            self.block(&["end"])?;
            self.expect("end")?;
        } else {
            self.expression()?;
            self.code.push(Op::Drop);
        }
        Ok(())
    }

    fn conditional(&mut self) -> Parsed<()> {
        self.expression()?;
        self.expect("then")?;
        let otherwise = self.here();
        self.code.push(Op::JumpUnless(0));
        self.block(&["else", "end"])?;
        if self.takes_word("else") {
            let over = self.here();
            self.code.push(Op::Jump(0));
            self.land(otherwise);
            self.block(&["end"])?;
            self.land(over);
        } else {
            self.land(otherwise);
        }
        self.expect("end")
    }

    /// `for name = from, to do … end`
    fn repetition(&mut self) -> Parsed<()> {
        let name = self.name()?;
        let limit = format!("(limit {})", self.loops);
        self.loops += 1;
        self.expect("=")?;
        self.expression()?;
        self.code.push(Op::Store(name.clone()));
        self.expect(",")?;
        self.expression()?;
        self.code.push(Op::Store(limit.clone()));
        self.expect("do")?;
        let start = self.here();
        self.code.push(Op::LeaveLoop {
            name: name.clone(),
            limit,
            to: 0,
        });
        self.block(&["end"])?;
        self.expect("end")?;
        self.code.extend([Op::Increment(name), Op::Jump(start)]);
        self.land(start);
        Ok(())
    }

    fn expression(&mut self) -> Parsed<()> {
        self.operand()?;
        if self.takes("==") {
            self.operand()?;
            self.code.push(Op::Equal);
        }
        Ok(())
    }

    fn operand(&mut self) -> Parsed<()> {
        if self.takes("#") {
            self.operand()?;
            self.code.push(Op::Length);
            return Ok(());
        }
        if self.takes("{") {
            return self.table();
        }
        if self.takes("(") {
            self.expression()?;
            return self.expect(")");
        }
        let op = match self.next() {
            Token::Text(text) => Op::Push(Value::Text(text.into())),
            Token::Number(number) => Op::Push(Value::Number(number)),
            Token::Word(word) => match word.as_str() {
                "nil" => Op::Push(Value::Nil),
                "true" => Op::Push(Value::Bool(true)),
                "false" => Op::Push(Value::Bool(false)),
                "redis.call" => {
                    return self.call(|args| Op::Call {
                        args,
                        protected: false,
                    });
                }
                "redis.pcall" => {
                    return self.call(|args| Op::Call {
                        args,
                        protected: true,
                    });
                }
                "redis.error_reply" => return self.call(|_| Op::Error),
                "redis.status_reply" => return self.call(|_| Op::Status),
                "tonumber" => return self.call(|_| Op::ToNumber),
                "tostring" => return self.call(|_| Op::ToText),
                // Unsupported calls must fail rather than pass as no-ops.
                _ if self.peek() == &Token::Mark("(") => {
                    return Err(format!(
                        "attempt to call '{word}', which these scripts do not have"
                    ));
                }
                _ => Op::Load(word),
            },
            Token::Mark(mark) => return Err(format!("unexpected symbol near '{mark}'")),
            Token::End => return Err("unexpected symbol near <eof>".to_owned()),
        };
        self.code.push(op);
        while self.takes("[") {
            self.expression()?;
            self.expect("]")?;
            self.code.push(Op::Index);
        }
        Ok(())
    }

    fn call(&mut self, op: impl Fn(usize) -> Op) -> Parsed<()> {
        self.expect("(")?;
        let mut args = 0;
        while !self.takes(")") {
            if args > 0 {
                self.expect(",")?;
            }
            self.expression()?;
            args += 1;
        }
        if args == 0 {
            self.code.push(Op::Push(Value::Nil));
            args = 1;
        }
        self.code.push(op(args));
        Ok(())
    }

    /// Parses a list, `{err=…}`, or `{ok=…}`.
    fn table(&mut self) -> Parsed<()> {
        for (field, op) in [("err", Op::Error), ("ok", Op::Status)] {
            if self.takes_word(field) {
                self.expect("=")?;
                self.expression()?;
                self.code.push(op);
                return self.expect("}");
            }
        }
        let mut count = 0;
        while !self.takes("}") {
            if count > 0 {
                self.expect(",")?;
            }
            self.expression()?;
            count += 1;
        }
        self.code.push(Op::List(count));
        Ok(())
    }
}
