//! What a transport can carry, so that a client can reject other requests before it sends them.

use swarm_resp::RequestRef;

/// What a transport can carry.
///
/// # Examples
///
/// ```
/// use swarm_resp::Request;
/// use swarm_transport::{Capabilities, RequestRejection};
///
/// let text_only = Capabilities::FULL.with_binary_arguments(false);
/// let request = Request::new("SET", ("key", b"\xff"));
/// let rejection = text_only.check(request.view()).unwrap_err();
/// assert_eq!(rejection, RequestRejection::NotUtf8 { argument: 2 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The server can send frames that are not replies, such as Pub/Sub messages and cache
    /// invalidations.
    pub push: bool,
    /// All commands share one session, so AUTH, HELLO, MULTI, WATCH, SUBSCRIBE and SELECT are
    /// available.
    pub session: bool,
    /// Arguments may contain any bytes. If false, only UTF-8 arrives unchanged.
    pub binary_arguments: bool,
    /// Requests may be sent before earlier ones are answered.
    pub pipelining: bool,
    /// The server executes requests in the order they were sent. If false, requests that are in
    /// flight together may run in any order; to run one after another, wait for the first reply.
    pub ordered: bool,
    /// RESP3 replies arrive as the server sent them. If false, a gateway may corrupt them, so a
    /// client should query the server's name in RESP2 (`HELLO 2`) before it requests RESP3.
    pub resp3: bool,
    /// Maximum size of an encoded request, in bytes.
    pub max_request: usize,
}

impl Capabilities {
    /// No restrictions.
    pub const FULL: Self = Self {
        push: true,
        session: true,
        binary_arguments: true,
        pipelining: true,
        ordered: true,
        resp3: true,
        max_request: usize::MAX,
    };

    /// Sets [`push`](Self::push).
    #[must_use]
    pub const fn with_push(mut self, push: bool) -> Self {
        self.push = push;
        self
    }

    /// Sets [`session`](Self::session).
    #[must_use]
    pub const fn with_session(mut self, session: bool) -> Self {
        self.session = session;
        self
    }

    /// Sets [`binary_arguments`](Self::binary_arguments).
    #[must_use]
    pub const fn with_binary_arguments(mut self, binary_arguments: bool) -> Self {
        self.binary_arguments = binary_arguments;
        self
    }

    /// Sets [`pipelining`](Self::pipelining).
    #[must_use]
    pub const fn with_pipelining(mut self, pipelining: bool) -> Self {
        self.pipelining = pipelining;
        self
    }

    /// Sets [`ordered`](Self::ordered).
    #[must_use]
    pub const fn with_ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// Sets [`resp3`](Self::resp3).
    #[must_use]
    pub const fn with_resp3(mut self, resp3: bool) -> Self {
        self.resp3 = resp3;
        self
    }

    /// Sets [`max_request`](Self::max_request), in bytes.
    #[must_use]
    pub const fn with_max_request(mut self, max_request: usize) -> Self {
        self.max_request = max_request;
        self
    }

    /// Checks whether a transport with these capabilities carries a request unchanged.
    ///
    /// # Errors
    ///
    /// Returns an error if the request is larger than `max_request`, or if it contains non-UTF-8
    /// arguments and the transport is not binary-safe.
    pub fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        let size = request.encoded().len();
        if size > self.max_request {
            return Err(RequestRejection::TooLarge {
                size,
                limit: self.max_request,
            });
        }
        // One check of the whole request: RESP headers are ASCII, so the encoding is valid UTF-8 if
        // and only if every argument is.
        if !self.binary_arguments && std::str::from_utf8(request.encoded()).is_err() {
            let argument = request
                .args()
                .position(|arg| std::str::from_utf8(arg).is_err());
            return Err(RequestRejection::NotUtf8 {
                argument: argument.unwrap_or(0),
            });
        }
        Ok(())
    }
}

/// The reason why a transport rejected a request. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRejection {
    /// The gateway would corrupt bytes that are not UTF-8.
    #[error(
        "argument {argument} is not valid UTF-8, and this gateway would corrupt it; encode the \
         value (base64, hex), \
         use a redis:// endpoint, or declare the gateway binary-safe if it is known to be"
    )]
    NotUtf8 {
        /// Position of the argument; the command name is 0.
        argument: usize,
    },
    /// The request is larger than [`max_request`](Capabilities::max_request).
    #[error(
        "the request takes {size} bytes, which exceeds the limit of {limit}; raise max_request or \
         send less"
    )]
    TooLarge {
        /// Size of the encoded request, in bytes.
        size: usize,
        /// Maximum size, in bytes.
        limit: usize,
    },
    /// The transport does not support the command.
    #[error(
        "{command} needs {needs}, which is not available over {transport}; use a ws:// or \
         redis:// endpoint"
    )]
    Unsupported {
        /// Name of the command.
        command: String,
        /// The missing feature, such as `a session`.
        needs: &'static str,
        /// Name of the transport, such as `HTTP`.
        transport: &'static str,
    },
}
