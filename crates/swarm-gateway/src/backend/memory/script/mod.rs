//! EVAL and related commands for a small subset of Lua, sufficient to test clients.

mod commands;
mod parse;

use std::collections::HashMap;

use bytes::Bytes;
use swarm_resp::{Frame, FrameRef, Kind};

use super::reject::Reject;
use crate::fragments;

pub(super) use commands::{
    eval_interleaved, eval_whole, script_exists, script_flush, script_kill, script_load,
};

/// Maximum number of steps between two commands of a script.
const PATIENCE: usize = 1_000_000;

/// A script value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Nil,
    Bool(bool),
    Number(i64),
    Text(Bytes),
    Status(Bytes),
    Error(Bytes),
    List(Vec<Self>),
}

/// Instruction of the stack machine.
#[derive(Debug, Clone)]
enum Op {
    Push(Value),
    Load(String),
    Store(String),
    Drop,
    /// Pops an index and a list, and pushes the element.
    Index,
    Length,
    Equal,
    List(usize),
    Error,
    Status,
    ToNumber,
    ToText,
    Call {
        args: usize,
        protected: bool,
    },
    Jump(usize),
    JumpUnless(usize),
    /// Jumps past a loop when its variable exceeds the limit.
    LeaveLoop {
        name: String,
        limit: String,
        to: usize,
    },
    Increment(String),
    Return,
}

/// A running script. It pauses at each command and resumes with the reply.
#[derive(Debug)]
struct Script {
    code: Vec<Op>,
    at: usize,
    stack: Vec<Value>,
    variables: HashMap<String, Value>,
    /// Set if an error reply becomes a value (`pcall`).
    protected: bool,
    /// Set if status replies become plain strings, as in SwarmKeyDb.
    swarm: bool,
}

/// Why a script paused.
enum Stop {
    /// The script calls a command.
    Call(Vec<Bytes>),
    Done(Value),
}

impl Script {
    fn new(text: &[u8], keys: &[Bytes], args: &[Bytes], swarm: bool) -> Result<Self, Reject> {
        let code = parse::parse(text).map_err(|what| {
            let what = format!("ERR Error compiling script: user_script:1: {what}");
            Reject::new(what)
        })?;
        let list = |texts: &[Bytes]| Value::List(texts.iter().cloned().map(Value::Text).collect());
        let variables = [("KEYS", list(keys)), ("ARGV", list(args))];
        let variables = variables.map(|(name, list)| (name.to_owned(), list));
        Ok(Self {
            code,
            at: 0,
            stack: Vec::new(),
            variables: HashMap::from(variables),
            protected: false,
            swarm,
        })
    }

    /// Runs to the next command or the end. `reply` is the reply of the command that the script
    /// paused at.
    fn resume(&mut self, reply: Option<Frame>) -> Result<Stop, Reject> {
        if let Some(reply) = reply {
            let value = self.value(reply.view());
            match value {
                Value::Error(text) if !self.protected => {
                    let what = [b"ERR user_script:1: ", &text[..]].concat();
                    return Err(Reject::new(what));
                }
                value => self.stack.push(value),
            }
        }
        for _ in 0..PATIENCE {
            let op = self.code.get(self.at).cloned().unwrap_or(Op::Return);
            self.at += 1;
            match op {
                Op::Return => return Ok(Stop::Done(self.pop())),
                Op::Call { args, protected } => {
                    self.protected = protected;
                    let args = self.pop_many(args);
                    return args
                        .into_iter()
                        .map(argument)
                        .collect::<Result<_, _>>()
                        .map(Stop::Call);
                }
                op => self.step(op),
            }
        }
        Err(Reject::text(
            "ERR user_script:1: the script calls no command for too long",
        ))
    }

    fn step(&mut self, op: Op) {
        let put = match op {
            Op::Push(value) => value,
            Op::Load(name) => self.variables.get(&name).cloned().unwrap_or(Value::Nil),
            Op::Store(name) => {
                let value = self.pop();
                self.variables.insert(name, value);
                return;
            }
            Op::Drop => return drop(self.pop()),
            Op::Index => match (self.pop(), self.pop()) {
                (Value::Number(index), Value::List(list)) => (usize::try_from(index).ok())
                    .and_then(|index| list.get(index.checked_sub(1)?).cloned())
                    .unwrap_or(Value::Nil),
                _ => Value::Nil,
            },
            Op::Length => match self.pop() {
                Value::List(list) => count(list.len()),
                Value::Text(text) => count(text.len()),
                _ => Value::Nil,
            },
            Op::Equal => Value::Bool(self.pop() == self.pop()),
            Op::List(length) => Value::List(self.pop_many(length)),
            Op::Error => Value::Error(argument(self.pop()).unwrap_or_default()),
            Op::Status => Value::Status(argument(self.pop()).unwrap_or_default()),
            Op::ToText => argument(self.pop()).map_or(Value::Nil, Value::Text),
            Op::ToNumber => match self.pop() {
                Value::Text(text) => (std::str::from_utf8(&text).ok())
                    .and_then(|text| text.trim().parse().ok())
                    .map_or(Value::Nil, Value::Number),
                value => value,
            },
            Op::Jump(to) => {
                self.at = to;
                return;
            }
            Op::JumpUnless(to) => {
                if matches!(self.pop(), Value::Nil | Value::Bool(false)) {
                    self.at = to;
                }
                return;
            }
            Op::LeaveLoop { name, limit, to } => {
                let continues = match (self.variables.get(&name), self.variables.get(&limit)) {
                    (Some(Value::Number(now)), Some(Value::Number(last))) => now <= last,
                    _ => false,
                };
                if !continues {
                    self.at = to;
                }
                return;
            }
            Op::Increment(name) => {
                if let Some(Value::Number(number)) = self.variables.get_mut(&name) {
                    *number = number.saturating_add(1);
                }
                return;
            }
            Op::Call { .. } | Op::Return => return,
        };
        self.stack.push(put);
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::Nil)
    }

    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let from = self.stack.len().saturating_sub(count);
        self.stack.split_off(from)
    }

    /// Converts a reply to a script value.
    fn value(&self, reply: FrameRef<'_>) -> Value {
        match reply.kind() {
            Kind::SimpleError | Kind::BulkError => Value::Error(Bytes::copy_from_slice(
                reply.error_bytes().unwrap_or_default(),
            )),
            Kind::SimpleString if !self.swarm => {
                Value::Status(reply.to_bytes().unwrap_or_default())
            }
            _ if reply.is_null() => Value::Bool(false),
            _ => match (reply.as_integer(), reply.items()) {
                (Some(number), _) => Value::Number(number),
                (_, Some(items)) => Value::List(items.map(|item| self.value(item)).collect()),
                _ => Value::Text(reply.to_bytes().unwrap_or_default()),
            },
        }
    }
}

fn count(number: usize) -> Value {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Converts a value to a command argument.
fn argument(value: Value) -> Result<Bytes, Reject> {
    match value {
        Value::Text(text) | Value::Status(text) | Value::Error(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Nil | Value::Bool(_) | Value::List(_) => Err(Reject::text(
            "ERR user_script:1: Lua redis lib command arguments must be strings or integers",
        )),
    }
}

impl Value {
    /// Converts the script's result to a reply.
    fn frame(self, line_breaks: bool) -> Frame {
        match self {
            Self::Nil | Self::Bool(false) => Frame::null(),
            Self::Bool(true) => Frame::integer(1),
            Self::Number(number) => Frame::integer(number),
            Self::Text(text) => Frame::bulk(text),
            Self::Error(text) => Reject::new(text).frame(line_breaks),
            Self::Status(text)
                if line_breaks && text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) =>
            {
                fragments::status(&text)
            }
            Self::Status(text) => Frame::simple(text),
            Self::List(list) => {
                let items: Vec<_> = (list.into_iter())
                    .take_while(|value| *value != Self::Nil)
                    .map(|value| value.frame(line_breaks))
                    .collect();
                Frame::array(&items)
            }
        }
    }
}
