//! What a wire can carry, so that the layer above can refuse the rest before it is sent.

use swarm_resp::RequestRef;

/// What a wire can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The server can send frames that answer no request: Pub/Sub messages, invalidations.
    pub push: bool,
    /// Commands share one session: AUTH, HELLO, MULTI, WATCH, SUBSCRIBE and SELECT mean something.
    pub session: bool,
    /// Arguments may be any bytes. When false, only UTF-8 arrives unchanged.
    pub binary_arguments: bool,
    /// Requests may be sent before earlier ones are answered.
    pub pipelining: bool,
    /// The server runs requests in the order they were sent. When false, of requests that are in flight together any may
    /// run first: one that must run after another may be sent only when the other is answered.
    pub ordered: bool,
    /// Replies in RESP3 arrive as the server wrote them. When false, a gateway on the way may garble them: a client asks for
    /// the server's name in RESP2 (`HELLO 2`) before it decides whether to ask for RESP3.
    pub resp3: bool,
    /// The largest encoded request that may be sent, in bytes.
    pub max_request: usize,
}

impl Capabilities {
    /// A wire that carries everything.
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

    /// Whether a wire with these capabilities carries a request faithfully.
    ///
    /// # Errors
    ///
    /// When the request is larger than the wire allows, or holds bytes that would arrive changed.
    pub fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        let size = request.encoded().len();
        if size > self.max_request {
            return Err(RequestRejection::TooLarge {
                size,
                limit: self.max_request,
            });
        }
        // Whole-request check: headers are ASCII, so the encoding is UTF-8 when its arguments are, and an
        // invalid sequence cannot span two of them.
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

/// Why a wire will not carry a request. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRejection {
    /// The wire would change bytes that are not UTF-8.
    #[error(
        "argument {argument} is not valid UTF-8, and this gateway would store it changed; encode the value (base64, hex), \
         use a redis:// endpoint, or declare the gateway binary-safe if it is known to be"
    )]
    NotUtf8 {
        /// The position of the argument; the command's name is 0.
        argument: usize,
    },
    /// The request is larger than may be sent.
    #[error("the request takes {size} bytes and at most {limit} may be sent")]
    TooLarge {
        /// Bytes of the encoded request.
        size: usize,
        /// Bytes that may be sent.
        limit: usize,
    },
    /// The command needs what the wire lacks.
    #[error("{command} needs {needs}, which {transport} does not have")]
    Unsupported {
        /// The command's name.
        command: String,
        /// What it needs, such as `a session`.
        needs: &'static str,
        /// The wire, such as `HTTP`.
        transport: &'static str,
    },
}
