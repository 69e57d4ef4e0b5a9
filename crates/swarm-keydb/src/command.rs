//! A command as a plain value, and what can take one.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, FromFrame, Request, RequestBuilder, ToArg, ToArgs};

use crate::error::{Error, Result};
use crate::key::{ToKey, ToKeys};
use crate::request_reply::{Marks, Retry};

/// A command that answers an `R`: its bytes, and how to read the reply.
///
/// The methods of the command families make them and hand them to the [`Executor`] they are called on.
#[must_use = "a command does nothing until it is handed to an executor"]
pub struct Command<R> {
    pub(crate) draft: Builder,
    pub(crate) decode: Decode<R>,
}

/// How a reply is read.
pub(crate) enum Decode<R> {
    /// As its type says, which may keep the frame's bytes.
    Convert(fn(Frame) -> Result<R, ConvertError>),
    /// By a function of its own.
    Read(fn(&Frame) -> Result<R, ConvertError>),
}

impl<R> Decode<R> {
    #[inline]
    pub(crate) fn read(&self, frame: Frame) -> Result<R, ConvertError> {
        match self {
            Self::Convert(convert) => convert(frame),
            Self::Read(read) => read(&frame),
        }
    }
}

impl<R> Command<R> {
    /// Whether an argument was refused, so that it must not be sent.
    pub(crate) const fn is_refused(&self) -> bool {
        self.draft.refused.is_some()
    }

    /// Why it must not be sent, if an argument was refused.
    pub(crate) const fn take_refusal(&mut self) -> Option<Error> {
        self.draft.refused.take()
    }
}

/// Whether the server keeps a reply back until there is something to tell. Everything behind such a command on the same
/// connection waits with it, so it never goes over the one that others share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Blocking {
    /// It answers at once.
    #[default]
    No,
    /// It answers after this time at the latest.
    For(Duration),
    /// It may never answer.
    Forever,
    /// A read of streams that the client encoded, so it may be split into several that block shorter. It blocks for this
    /// time in total; [`Duration::MAX`] means forever.
    Read(Duration),
}

/// Takes commands: a [`Client`](crate::Client) sends them.
pub trait Executor {
    /// What handing over a command that answers an `R` gives.
    type Output<R>;

    /// Takes a command.
    fn execute<R>(&self, command: Command<R>) -> Self::Output<R>;
}

/// Puts a command together, and refuses arguments that would harm the connection.
///
/// It is large, for a small command lies in it whole; so what every command calls is always inlined, lest it be moved with
/// each call.
pub(crate) struct Builder {
    pub(crate) name: Cow<'static, str>,
    /// What is to be sent. Whoever takes the command chooses where its bytes are to lie.
    pub(crate) request: RequestBuilder,
    /// Why it is not to be sent.
    refused: Option<Error>,
    pub(crate) retry: Retry,
    pub(crate) alone: bool,
    /// Whether the caller chose the command, so that an executor must [vet](crate::commands::vet) it.
    pub(crate) raw: bool,
    /// Whether the server may keep the reply back, and for how long.
    pub(crate) blocking: Blocking,
    /// The precautions that it needs on some servers.
    pub(crate) marks: Marks,
}

impl Builder {
    /// Starts a command of the table. Each word of its name is sent as an argument.
    #[inline(always)]
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            request: Request::builder(name),
            refused: None,
            retry: Retry::Never,
            alone: false,
            raw: false,
            blocking: Blocking::No,
            marks: Marks::NONE,
        }
    }

    /// Starts a command whose name comes from the caller.
    pub(crate) fn raw(name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let mut builder = Self {
            raw: true,
            request: Request::builder(&name),
            name,
            ..Self::new("")
        };
        if builder.name.trim().is_empty() {
            builder.refuse(Error::argument("a command needs a name"));
        } else if has_line_break(builder.name.as_bytes()) {
            builder.name = Cow::Borrowed("(unnamed)");
            builder.refuse(Error::argument(
                "the command's name holds a line break; remove it",
            ));
        }
        builder
    }

    /// The command only reads, so it may be sent again when a reply was lost.
    #[inline(always)]
    pub(crate) const fn read_only(mut self) -> Self {
        self.retry = Retry::ReadOnly;
        self
    }

    /// The command writes, but twice is as once: it may be sent again where the policy allows it.
    #[inline(always)]
    pub(crate) const fn idempotent(mut self) -> Self {
        self.retry = Retry::Idempotent;
        self
    }

    /// The command must not be sent again after all.
    pub(crate) const fn never_again(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The reply may repeat text that SwarmKeyDb does not escape.
    #[inline(always)]
    pub(crate) const fn fenced(mut self) -> Self {
        self.marks = self.marks.and(Marks::FENCE);
        self
    }

    /// How many arguments there are so far.
    pub(crate) const fn len(&self) -> usize {
        self.request.len()
    }

    /// The command must be on the wire alone.
    pub(crate) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Puts an argument that may be anything.
    #[inline(always)]
    pub(crate) fn arg(mut self, arg: impl ToArg) -> Self {
        self.request.arg(arg);
        self
    }

    /// Puts arguments that may be anything.
    #[inline(always)]
    pub(crate) fn args(mut self, args: impl ToArgs) -> Self {
        self.request.args(args);
        self
    }

    /// Puts text that the server may echo in an error.
    pub(crate) fn echoed(mut self, what: &str, text: impl ToArg) -> Self {
        let text = text.to_arg();
        if has_line_break(&text) {
            let what = format!(
                "the {what} holds a line break (CR or LF), which would corrupt the server's replies; remove it"
            );
            self.refuse(Error::argument(what));
        }
        ArgSink::arg(&mut self.request, &text);
        self
    }

    /// Puts one key.
    #[inline(always)]
    pub(crate) fn key(mut self, key: impl ToKey) -> Self {
        KeySink(&mut self).arg(&key.to_key());
        self
    }

    /// Puts keys, at least one.
    pub(crate) fn keys(mut self, keys: impl ToKeys) -> Self {
        let before = self.request.len();
        keys.write_keys(&mut KeySink(&mut self));
        if self.request.len() == before {
            self.refuse(Error::argument("no key was given; name at least one"));
        }
        self
    }

    /// Puts the number of keys, then the keys.
    pub(crate) fn counted_keys(mut self, keys: impl ToKeys) -> Self {
        let mut count = Count(0);
        keys.write_keys(&mut count);
        self.request.arg(count.0);
        keys.write_keys(&mut KeySink(&mut self));
        self
    }

    /// Puts keys and their values in turn, at least one.
    pub(crate) fn pairs<K: ToKey, V: ToArg>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let before = self.request.len();
        for (key, value) in pairs {
            self = self.key(key).arg(value);
        }
        if self.request.len() == before {
            self.refuse(Error::argument(
                "no pair was given; name at least one key and its value",
            ));
        }
        self
    }

    /// Starts a command that takes a time to live: in seconds, or, when that would cut something off, by another name in
    /// milliseconds.
    pub(crate) fn timed(name: &'static str, precise: &'static str, ttl: Duration) -> Self {
        Self::new(if ttl.subsec_nanos() == 0 {
            name
        } else {
            precise
        })
    }

    /// Puts a time to live in the unit of the command that [`timed`](Self::timed) chose.
    pub(crate) fn ttl(mut self, ttl: Duration) -> Self {
        if ttl.subsec_nanos() > 0 {
            return self.ttl_milliseconds(ttl);
        }
        self.refuse_zero(ttl);
        self.arg(ttl.as_secs())
    }

    /// Puts a time to live in milliseconds.
    pub(crate) fn ttl_milliseconds(mut self, ttl: Duration) -> Self {
        self.refuse_zero(ttl);
        self.arg(milliseconds(ttl))
    }

    fn refuse_zero(&mut self, ttl: Duration) {
        if ttl.is_zero() {
            self.refuse(Error::argument(
                "a time to live of zero; give a longer one, or use del to remove the key",
            ));
        }
    }

    /// Puts a point in time in whole seconds, rounded up.
    pub(crate) fn time_seconds(mut self, time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => self.arg(
                since
                    .as_millis()
                    .div_ceil(1000)
                    .try_into()
                    .unwrap_or(u64::MAX),
            ),
            Err(_) => {
                self.refuse(Error::argument(
                    "the time lies before 1970; use del to remove the key",
                ));
                self
            }
        }
    }

    /// Puts options.
    pub(crate) fn options(mut self, options: impl CommandOptions) -> Self {
        if let Err(error) = options.validate() {
            self.refuse(error);
        }
        self.blocking = options.blocking();
        self.args(options)
    }

    /// Refuses the command. The first reason stands.
    #[cold]
    pub(crate) fn refuse(&mut self, error: Error) {
        let name = self.name.clone();
        self.refused.get_or_insert(error.for_command(name));
    }

    #[inline(always)]
    pub(crate) fn build<R: FromFrame>(self) -> Command<R> {
        Command {
            draft: self,
            decode: Decode::Convert(R::from_owned),
        }
    }

    /// Builds a command whose reply is read by a function of its own.
    #[inline(always)]
    pub(crate) fn build_with<R>(self, decode: fn(&Frame) -> Result<R, ConvertError>) -> Command<R> {
        Command {
            draft: self,
            decode: Decode::Read(decode),
        }
    }
}

/// Options of a command, which may contradict each other.
pub(crate) trait CommandOptions: ToArgs {
    /// Whether the options make sense together.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the command blocks with these options.
    fn blocking(&self) -> Blocking {
        Blocking::No
    }
}

/// The largest `COUNT` that SwarmKeyDb takes. More is as much as there is.
pub(crate) const MAX_COUNT: u64 = (1 << 31) - 1;

/// A duration as the server counts it, rounded up so that it is never shorter than asked for.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Counts arguments.
struct Count(usize);

impl ArgSink for Count {
    fn arg(&mut self, _: &[u8]) {
        self.0 += 1;
    }
}

/// Takes keys, and refuses those that the server cannot take.
struct KeySink<'a>(&'a mut Builder);

impl ArgSink for KeySink<'_> {
    #[inline]
    fn arg(&mut self, key: &[u8]) {
        if key.is_empty() {
            let what = "a key is empty, which SwarmKeyDb refuses; name one (or use raw for a server that takes it)";
            self.0.refuse(Error::argument(what));
        } else if has_line_break(key) {
            // The server echoes keys in errors unescaped: a line break would break its reply stream.
            let what = "a key holds a line break (CR or LF), which would corrupt the server's replies; remove it";
            self.0.refuse(Error::argument(what));
        }
        ArgSink::arg(&mut self.0.request, key);
    }
}

pub(crate) fn has_line_break(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_keys_pass_and_the_empty_one_and_line_breaks_do_not() {
        let refused = |key: &str| Builder::new("GET").key(key).build::<()>().is_refused();
        for key in [" ", "\t", "\0", " a "] {
            assert!(!refused(key), "{key:?}");
        }
        for key in ["", "\r", "\n", "a\r\nb"] {
            assert!(refused(key), "{key:?}");
        }
    }
}
