//! Future of the reply to a command that was executed through a cache.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::runtime::Instant;
use swarm_resp::{Frame, Request, RequestBuilder};

use super::Inner;
use super::changes::Changes;
use super::fetch::{Fetch, Read, fetch};
use crate::client::Reply;
use crate::client::running::Running;
use crate::command::{Builder, Caching, Command, Decode, Executor};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Marks, Requests};

/// Future of a reply, from the cache or the server.
///
/// The cache is asked when the future is first polled. If it has no value, a read waits for the
/// server within the client's `request_timeout`; concurrent reads of the same value share a
/// request.
///
/// # Errors
///
/// Those of [`Reply`].
///
/// # Cancel safety
///
/// As for [`Reply`]. A read is abandoned when no caller waits for it.
#[must_use = "a command is sent when its reply is awaited"]
pub struct CachedReply<R> {
    name: Cow<'static, str>,
    decode: Decode<R>,
    state: State,
    running: Running,
    from_cache: bool,
}

enum State {
    /// A read that may be in the cache. Not boxed, because a hit should not allocate.
    Created(Created),
    /// Waits for values that were not.
    Waiting(Box<Waiting>),
    /// A command that the client executes.
    Passed(Box<Passed>),
    Done,
}

struct Created {
    cache: Arc<Inner>,
    request: RequestBuilder,
    marks: Marks,
    caching: Caching,
}

struct Waiting {
    cache: Arc<Inner>,
    /// The caller's request.
    read: Read,
    values: Values,
}

/// The values of a request.
enum Values {
    One(Fetch),
    /// The value of each key, as the reply to GET.
    Each(Vec<Value>),
}

enum Value {
    Known(Frame),
    Wanted(Fetch),
}

struct Passed {
    reply: Reply<Frame>,
    /// The cache and what the command changes there, unless that is nothing.
    changes: Option<(Arc<Inner>, Changes)>,
    is_sent: bool,
}

impl<R> CachedReply<R> {
    #[inline]
    pub(super) fn new(cache: Arc<Inner>, command: Command<R>) -> Self {
        let is_cached = command.builder.caching != Caching::No && command.rejection().is_none();
        let Command { builder, decode } = command;
        if !is_cached {
            return Self::passed(cache, builder, decode);
        }
        let created = Created {
            cache,
            request: builder.request,
            marks: builder.marks,
            caching: builder.caching,
        };
        Self::in_state(State::Created(created), builder.name, decode)
    }

    /// Creates the reply to a command that the client executes.
    #[inline(never)]
    fn passed(cache: Arc<Inner>, builder: Builder, decode: Decode<R>) -> Self {
        let name = builder.name.clone();
        let changes = Changes::of(&builder);
        let reply = cache.client.execute(raw(builder));
        let changes = Some((cache, changes)).filter(|(_, what)| *what != Changes::Nothing);
        let passed = Passed {
            reply,
            changes,
            is_sent: false,
        };
        Self::in_state(State::Passed(Box::new(passed)), name, decode)
    }

    #[inline]
    fn in_state(state: State, name: Cow<'static, str>, decode: Decode<R>) -> Self {
        Self {
            name,
            decode,
            state,
            running: Running::default(),
            from_cache: false,
        }
    }

    /// Whether the reply came from the cache. False until the future is ready, and if a part of the
    /// reply came from the server.
    ///
    /// ```
    /// # use swarm_keydb::{CacheOptions, Client, ClientOptions, ProtocolVersion};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let url = ClientOptions::new(gateway.ws_url()).protocol(ProtocolVersion::Resp3);
    /// # let client = Client::connect(url).await?;
    /// # let options = CacheOptions::new().max_age(std::time::Duration::from_secs(10));
    /// # let cached = client.cached(options).await?;
    /// # cached.get("greeting").await?;
    /// let mut reply = cached.get("greeting");
    /// let value = (&mut reply).await?;
    /// println!("{value:?} came from the cache: {}", reply.from_cache());
    /// # assert!(reply.from_cache());
    /// # Ok(())
    /// # }
    /// ```
    pub const fn from_cache(&self) -> bool {
        self.from_cache
    }

    /// Takes a value from the cache, or asks the server for it.
    fn start(&mut self, created: Created) -> Poll<Result<R>> {
        let Created {
            cache,
            mut request,
            marks,
            caching,
        } = created;
        let read = Read {
            request: request.build(),
            marks,
        };
        let values = match caching {
            Caching::EachKey => each(&cache, &read),
            Caching::Reply | Caching::List | Caching::No => {
                match one(&cache, &read, caching == Caching::List) {
                    Some(Value::Known(value)) => {
                        self.from_cache = true;
                        return self.finish(Ok(value));
                    }
                    Some(Value::Wanted(fetch)) => Some(Values::One(fetch)),
                    None => None,
                }
            }
        };
        self.state = match values {
            None => pass(&cache, self.name.clone(), read),
            Some(values) => {
                self.from_cache = values.are_known();
                self.running = Running::command(&self.name, &cache.client.shared.connection);
                State::Waiting(Box::new(Waiting {
                    cache,
                    read,
                    values,
                }))
            }
        };
        Poll::Pending
    }

    fn finish(&mut self, result: Result<Frame>) -> Poll<Result<R>> {
        self.state = State::Done;
        let read = result.and_then(|frame| self.decode.read(frame).map_err(Error::convert));
        let read = read.map_err(|error| error.for_command(self.name.clone()));
        self.running.finish(read.as_ref().err());
        Poll::Ready(read)
    }
}

impl Created {
    /// Returns the value if it is cached, without allocation. May return `None` although it is.
    #[inline]
    fn hit(&mut self) -> Option<Frame> {
        if self.caching == Caching::EachKey {
            return None;
        }
        let key = || self.request.written().nth(1).unwrap_or_default();
        if !self.cache.tracking.covers(key) {
            return None;
        }
        self.cache.store.hit(self.request.as_small()?, Instant::now)
    }
}

/// Returns the value of a request, unless nothing can be cached now.
fn one(cache: &Arc<Inner>, read: &Read, may_be_list: bool) -> Option<Value> {
    if !cache.tracking.covers(|| read.key()) {
        return None;
    }
    if let Some(value) = cache.store.hit(read.request.encoded(), Instant::now) {
        return Some(Value::Known(value));
    }
    let stamp = cache.store.miss(read.key());
    let connection = cache.tracking.connection(may_be_list)?;
    Some(Value::Wanted(fetch(cache, read, stamp, connection)))
}

/// Returns the value of each key of a request, unless nothing can be cached now.
fn each(cache: &Arc<Inner>, read: &Read) -> Option<Values> {
    let keys = read.request.args().skip(1);
    let gets = keys.map(|key| Read {
        request: Request::new("GET", key),
        marks: read.marks,
    });
    let values: Option<Vec<_>> = gets.map(|get| one(cache, &get, false)).collect();
    values.map(Values::Each)
}

/// Executes a read without the cache.
fn pass(cache: &Inner, name: Cow<'static, str>, read: Read) -> State {
    let shared = &cache.client.shared;
    let requests = Requests::one(read.request, read.marks);
    let timeout = shared.factory.options.request_timeout;
    State::Passed(Box::new(Passed {
        reply: Reply::read_only(shared.connection.clone(), name, requests, timeout),
        changes: None,
        is_sent: false,
    }))
}

/// Returns a command whose reply is not converted.
fn raw(builder: Builder) -> Command<Frame> {
    Command {
        builder,
        decode: Decode::Convert(Ok),
    }
}

impl Values {
    /// Whether no value is wanted.
    fn are_known(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Each(values) => {
                let is_known = |value: &Value| matches!(value, Value::Known(_));
                values.iter().all(is_known)
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, Failure>> {
        let values = match self {
            Self::One(fetch) => return Pin::new(fetch).poll(cx),
            Self::Each(values) => values,
        };
        let mut is_pending = false;
        for value in &mut *values {
            let Value::Wanted(fetch) = value else {
                continue;
            };
            let Poll::Ready(result) = Pin::new(fetch).poll(cx) else {
                is_pending = true;
                continue;
            };
            *value = Value::Known(match result {
                Ok(found) => found,
                // A list of values has none for a key of another type.
                Err(Failure::Server(error)) if error.code() == "WRONGTYPE" => {
                    Frame::build(|reply| reply.null())
                }
                Err(failure) => return Poll::Ready(Err(failure)),
            });
        }
        if is_pending {
            return Poll::Pending;
        }
        let known = values.iter().filter_map(|value| match value {
            Value::Known(found) => Some(found),
            Value::Wanted(_) => None,
        });
        Poll::Ready(Ok(Frame::array(known)))
    }
}

/// Whether a read that failed on the tracked connection may succeed on another.
fn is_about_the_connection(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::Server(_) | Failure::Scripted(_) | Failure::Timeout(_)
    )
}

impl<R> Future for CachedReply<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Waiting(waiting) => {
                    let failure = match ready!(waiting.values.poll(cx)) {
                        Ok(value) => return this.finish(Ok(value)),
                        Err(failure) => failure,
                    };
                    if !is_about_the_connection(&failure) {
                        return this.finish(Err(failure.into()));
                    }
                    // It only read, so it may be sent again.
                    this.from_cache = false;
                    this.running = Running::default();
                    this.state = pass(&waiting.cache, this.name.clone(), waiting.read.clone());
                }
                State::Passed(passed) => {
                    let result = ready!(passed.poll(cx));
                    return this.finish(result);
                }
                State::Created(created) => {
                    if let Some(value) = created.hit() {
                        this.from_cache = true;
                        return this.finish(Ok(value));
                    }
                    let State::Created(created) = std::mem::replace(&mut this.state, State::Done)
                    else {
                        continue;
                    };
                    if let Poll::Ready(result) = this.start(created) {
                        return Poll::Ready(result);
                    }
                }
                #[expect(
                    clippy::panic,
                    reason = "polling after completion is a bug of the caller, as for async blocks"
                )]
                State::Done => panic!("`CachedReply` polled after completion"),
            }
        }
    }
}

impl Passed {
    /// Drops the values that the command changes before it is sent, and again when its reply has
    /// arrived: another caller may have read an old value in between, and the announcement may
    /// arrive after the reply.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame>> {
        if let Some((cache, changes)) = &self.changes
            && !std::mem::replace(&mut self.is_sent, true)
        {
            changes.apply(&cache.store);
        }
        let result = ready!(Pin::new(&mut self.reply).poll(cx));
        if let Some((cache, changes)) = &self.changes {
            changes.apply(&cache.store);
        }
        Poll::Ready(result)
    }
}

impl<R> fmt::Debug for CachedReply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CachedReply({})", self.name)
    }
}
