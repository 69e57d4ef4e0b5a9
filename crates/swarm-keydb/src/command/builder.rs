//! Builds commands: encodes arguments, rejects invalid ones, and marks what some servers cannot
//! take.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, FromFrame, Request, RequestBuilder, ToArg, ToArgs};

use super::name::without_arguments;
use super::{Blocking, Command, Decode};
use crate::error::{Error, Result};
use crate::key::{ToKey, ToKeys, ToPairs};
use crate::request_reply::Retry;
use crate::server::{Marks, has_line_break};

/// Builds a command: rejects arguments that are invalid on every server, and marks those that some
/// servers cannot take.
///
/// A builder is large, because it stores small commands inline. The methods that every command
/// calls are `#[inline(always)]`, so that the builder is not moved with each call.
pub(crate) struct Builder {
    pub(crate) name: Cow<'static, str>,
    /// The request. The executor decides where its bytes are stored.
    pub(crate) request: RequestBuilder,
    /// Why the command must not be sent.
    pub(super) rejection: Option<Error>,
    pub(crate) retry: Retry,
    pub(crate) alone: bool,
    /// Whether the caller chose the command's name, so that the executor must
    /// [vet](crate::commands::vet) it.
    pub(crate) raw: bool,
    /// Digest of the script that the command sends, if an executor may send that instead.
    pub(crate) digest: Option<Arc<String>>,
    /// Whether and how long the server may block.
    pub(crate) blocking: Blocking,
    /// Arguments that some servers cannot take or that need a precaution.
    pub(crate) marks: Marks,
    /// How a cache may keep the reply.
    pub(crate) caching: Caching,
}

/// How a cache may keep the reply to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Caching {
    /// Not at all.
    #[default]
    No,
    /// As a whole: it depends only on the key that is the first argument.
    Reply,
    /// As a whole, and it may be a list.
    List,
    /// One element for each argument, all of which are keys.
    EachKey,
}

impl Builder {
    /// Starts a command of the table. Each word of its name is sent as an argument.
    #[inline(always)]
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            request: Request::builder(name),
            rejection: None,
            retry: Retry::Never,
            alone: false,
            raw: false,
            digest: None,
            blocking: Blocking::No,
            marks: Marks::NONE,
            caching: Caching::No,
        }
    }

    /// Starts a command whose name comes from the caller.
    pub(crate) fn raw(name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let is_broken = has_line_break(name.as_bytes());
        let mut builder = Self {
            raw: true,
            request: Request::builder(&name),
            name: without_arguments(name),
            ..Self::new("")
        };
        if builder.name.trim().is_empty() {
            builder.name = Cow::Borrowed("(unnamed)");
            builder.reject(Error::argument("the command has no name; pass one"));
        } else if is_broken {
            builder.name = Cow::Borrowed("(unnamed)");
            builder.reject(Error::argument(
                "the command's name contains a line break; remove it",
            ));
        }
        builder
    }

    /// Marks the command as read-only: the client may resend it if a reply is lost.
    #[inline(always)]
    pub(crate) const fn read_only(mut self) -> Self {
        self.retry = Retry::ReadOnly;
        self
    }

    /// Marks the command as idempotent: the client may resend it if the retry policy allows that.
    #[inline(always)]
    pub(crate) const fn idempotent(mut self) -> Self {
        self.retry = Retry::Idempotent;
        self
    }

    /// Forbids retries of the command.
    pub(crate) const fn no_retry(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// Allows a cache to keep the reply.
    #[inline(always)]
    pub(crate) const fn cached_reply(mut self) -> Self {
        self.caching = Caching::Reply;
        self
    }

    /// Allows a cache to keep the reply, which may be a list.
    #[inline(always)]
    pub(crate) const fn cached_list(mut self) -> Self {
        self.caching = Caching::List;
        self
    }

    /// Allows a cache to keep each element of the reply.
    #[inline(always)]
    pub(crate) const fn cached_each_key(mut self) -> Self {
        self.caching = Caching::EachKey;
        self
    }

    /// Marks the command as one whose reply may contain text that SwarmKeyDb does not escape.
    #[inline(always)]
    pub(crate) const fn fenced(mut self) -> Self {
        self.mark(Marks::FENCE);
        self
    }

    /// Adds marks.
    #[inline(always)]
    pub(crate) const fn mark(&mut self, marks: Marks) {
        self.marks = self.marks.and(marks);
    }

    /// Returns the number of arguments so far.
    pub(crate) const fn len(&self) -> usize {
        self.request.len()
    }

    /// Requires that nothing else is in flight with the command.
    pub(crate) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Appends an argument of any kind.
    #[inline(always)]
    pub(crate) fn arg(mut self, arg: impl ToArg) -> Self {
        self.request.arg(arg);
        self
    }

    /// Appends arguments of any kind.
    #[inline(always)]
    pub(crate) fn args(mut self, args: impl ToArgs) -> Self {
        self.request.args(args);
        self
    }

    /// Appends a name that the server may repeat in an error: a group, a consumer, a digest.
    pub(crate) fn echoed(mut self, text: impl ToArg) -> Self {
        let text = text.to_arg();
        self.mark(Marks::of_name(&text));
        ArgSink::arg(&mut self.request, &text);
        self
    }

    /// Appends one key.
    #[inline(always)]
    pub(crate) fn key(mut self, key: impl ToKey) -> Self {
        KeySink(&mut self).arg(&key.to_key());
        self
    }

    /// Appends keys, at least one.
    pub(crate) fn keys(mut self, keys: impl ToKeys) -> Self {
        let before = self.request.len();
        keys.write_keys(&mut KeySink(&mut self));
        if self.request.len() == before {
            self.reject(Error::argument("no keys given; pass at least one"));
        }
        self
    }

    /// Appends the number of keys, then the keys.
    pub(crate) fn counted_keys(mut self, keys: impl ToKeys) -> Self {
        let mut count = Count(0);
        keys.write_keys(&mut count);
        self.request.arg(count.0);
        keys.write_keys(&mut KeySink(&mut self));
        self
    }

    /// Appends alternating keys and values, at least one pair.
    pub(crate) fn pairs<M>(mut self, pairs: impl ToPairs<M>) -> Self {
        let before = self.request.len();
        pairs.write_pairs(&mut PairSink {
            builder: &mut self,
            is_value: false,
        });
        if self.request.len() == before {
            self.reject(Error::argument(
                "no pairs given; pass at least one key with its value",
            ));
        }
        self
    }

    /// Starts a command that takes a time to live: in seconds, or, if that would lose precision,
    /// another command that takes milliseconds.
    pub(crate) fn timed(name: &'static str, precise: &'static str, ttl: Duration) -> Self {
        Self::new(if ttl.subsec_nanos() == 0 {
            name
        } else {
            precise
        })
    }

    /// Appends a time to live in the unit of the command that [`timed`](Self::timed) chose.
    pub(crate) fn ttl(mut self, ttl: Duration) -> Self {
        if ttl.subsec_nanos() > 0 {
            return self.ttl_milliseconds(ttl);
        }
        self.reject_zero(ttl);
        self.arg(ttl.as_secs())
    }

    /// Appends a time to live in milliseconds.
    pub(crate) fn ttl_milliseconds(mut self, ttl: Duration) -> Self {
        self.reject_zero(ttl);
        self.arg(milliseconds(ttl))
    }

    fn reject_zero(&mut self, ttl: Duration) {
        if ttl.is_zero() {
            self.reject(Error::argument(
                "the time to live is zero; pass a longer one, or remove the key with del",
            ));
        }
    }

    /// Appends a point in time in whole seconds, rounded up.
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
                self.reject(Error::argument(
                    "the time is before 1970; remove the key with del",
                ));
                self
            }
        }
    }

    /// Appends options.
    pub(crate) fn options(mut self, options: impl CommandOptions) -> Self {
        if let Err(error) = options.validate() {
            self.reject(error);
        }
        // Another argument may have marked the command as blocking.
        if options.blocking() != Blocking::No {
            self.blocking = options.blocking();
        }
        self.mark(options.marks());
        self.args(options)
    }

    /// Rejects the command. Keeps the first reason.
    #[cold]
    pub(crate) fn reject(&mut self, error: Error) {
        let name = self.name.clone();
        self.rejection.get_or_insert(error.for_command(name));
    }

    #[inline(always)]
    pub(crate) fn build<R: FromFrame>(self) -> Command<R> {
        Command {
            builder: self,
            decode: Decode::Convert(R::from_owned),
        }
    }

    /// Builds a command whose reply is decoded by a function.
    #[inline(always)]
    pub(crate) fn build_with<R>(self, decode: fn(&Frame) -> Result<R, ConvertError>) -> Command<R> {
        Command {
            builder: self,
            decode: Decode::Read(decode),
        }
    }
}

/// Options of a command.
pub(crate) trait CommandOptions: ToArgs {
    /// Checks whether the options are valid in combination.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Returns marks for options that some servers cannot take.
    fn marks(&self) -> Marks {
        Marks::NONE
    }

    /// Returns whether the command blocks with these options.
    fn blocking(&self) -> Blocking {
        Blocking::No
    }
}

/// Maximum `COUNT` that SwarmKeyDb accepts. Larger values mean everything.
pub(crate) const MAX_COUNT: u64 = (1 << 31) - 1;

/// Converts a duration to whole milliseconds, rounded up.
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

/// Appends keys, and marks those that some servers cannot take.
struct KeySink<'a>(&'a mut Builder);

impl ArgSink for KeySink<'_> {
    #[inline]
    fn arg(&mut self, key: &[u8]) {
        self.0.mark(Marks::of_key(key));
        ArgSink::arg(&mut self.0.request, key);
    }
}

/// Appends keys and values in turn.
struct PairSink<'a> {
    builder: &'a mut Builder,
    /// Whether the next argument is a value.
    is_value: bool,
}

impl ArgSink for PairSink<'_> {
    #[inline]
    fn arg(&mut self, arg: &[u8]) {
        if self.is_value {
            ArgSink::arg(&mut self.builder.request, arg);
        } else {
            KeySink(self.builder).arg(arg);
        }
        self.is_value = !self.is_value;
    }
}
