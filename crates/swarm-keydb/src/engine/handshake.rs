//! What happens on a new connection before any command may pass: AUTH, HELLO and one harmless error, each awaited alone.
//!
//! The gateway answers AUTH and HELLO ahead of replies that are still owed, so nothing may be in flight with them.
//! Some gateways answer HELLO 3 with garbage: its reply must be a map or an error, or the connection is given up and the
//! next one does without HELLO.

use std::collections::VecDeque;

use swarm_resp::{Frame, Kind, Request, ServerError};

use super::Settings;
use super::dialect::{self, Dialect, ErrorShape, words_error};
pub(crate) use crate::credentials::Credentials;
use crate::options::{ErrorSpelling, Protocol};

/// Why a connection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The server wants other credentials.
    #[error("authentication failed: {0}")]
    Auth(ServerError),
    /// The answer to HELLO is neither a map nor an error.
    #[error("the server's answer to HELLO makes no sense")]
    UnreadableHello,
    /// The server refuses what every connection of the client must begin with.
    #[error("the server refuses {what}: {error}")]
    Session {
        /// The option that asks for it.
        what: &'static str,
        /// The server's words.
        error: ServerError,
    },
    /// The server's answer is not one that a Redis-compatible server gives.
    #[error("the server does not answer as a Redis-compatible server does")]
    Nonsense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Auth,
    Hello,
    /// A command that every server knows and refuses without arguments, to see how it spells an error.
    Probe,
    /// The request of the settings at this position.
    Session(usize),
}

/// How far the handshake is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Continue,
    Done(Dialect),
}

#[derive(Debug)]
pub(crate) struct Handshake {
    credentials: Option<Credentials>,
    session: Vec<(&'static str, Request)>,
    must_be_resp3: bool,
    error_spelling: ErrorSpelling,
    dialect: Dialect,
    /// What is still to be done; the first is under way when `sent`.
    steps: VecDeque<Step>,
    sent: bool,
}

impl Handshake {
    /// `skip_hello` says that the server's answer to HELLO could not be understood before.
    pub(crate) fn new(settings: &Settings, skip_hello: bool) -> Self {
        let hello = match settings.protocol {
            Protocol::Auto => !skip_hello,
            Protocol::Resp2 => false,
            Protocol::Resp3 => true,
        };
        let steps = [
            (Step::Auth, settings.credentials.is_some()),
            (Step::Hello, hello),
            (Step::Probe, true),
        ];
        let session = (0..settings.session.len()).map(|at| (Step::Session(at), true));
        Self {
            credentials: settings.credentials.clone(),
            session: settings.session.clone(),
            must_be_resp3: settings.protocol == Protocol::Resp3,
            error_spelling: settings.error_spelling,
            dialect: Dialect::default(),
            steps: steps
                .into_iter()
                .chain(session)
                .filter(|(_, wanted)| *wanted)
                .map(|(step, _)| step)
                .collect(),
            sent: false,
        }
    }

    /// The next request, unless one is under way.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        if self.sent {
            return None;
        }
        let step = self.steps.front()?;
        self.sent = true;
        Some(match step {
            Step::Auth => {
                let credentials = self.credentials.as_ref();
                Request::new("AUTH", credentials.map(Credentials::args))
            }
            Step::Hello => Request::new("HELLO", 3),
            Step::Probe => Request::new("ECHO", ()),
            Step::Session(at) => self.session.get(*at)?.1.clone(),
        })
    }

    /// Takes the reply to the request under way.
    pub(crate) fn receive(&mut self, frame: &Frame) -> Result<Progress, HandshakeError> {
        let step = self
            .steps
            .pop_front()
            .filter(|_| self.sent)
            .ok_or(HandshakeError::Nonsense)?;
        self.sent = false;
        let real_error = dialect::real_error(frame.view());
        let error = real_error.clone().or_else(|| words_error(frame.view()));
        if let Some(error) = &error
            && (matches!(error.code(), "NOAUTH" | "WRONGPASS" | "NOPERM") || step == Step::Auth)
        {
            return Err(HandshakeError::Auth(error.clone()));
        }
        match step {
            // `+OK`, or as a bulk string.
            Step::Auth if frame.as_bytes() == Some(b"OK") => Ok(Progress::Continue),
            Step::Auth => Err(HandshakeError::Nonsense),
            Step::Hello if frame.kind() == Kind::Map => Ok(Progress::Continue),
            Step::Hello if self.must_be_resp3 => Err(match error {
                Some(error) => HandshakeError::Session {
                    what: "RESP3, which the option protocol asks for",
                    error,
                },
                None => HandshakeError::Nonsense,
            }),
            // A server that refuses HELLO speaks RESP2, which is what the connection began in.
            Step::Hello if error.is_some() => Ok(Progress::Continue),
            Step::Hello => Err(HandshakeError::UnreadableHello),
            Step::Probe => {
                let found = match (real_error, error) {
                    (Some(_), _) => ErrorShape::Real,
                    (None, Some(_)) => ErrorShape::Words,
                    (None, None) => return Err(HandshakeError::Nonsense),
                };
                self.dialect.errors = match self.error_spelling {
                    ErrorSpelling::Auto => found,
                    ErrorSpelling::Errors => ErrorShape::Real,
                    ErrorSpelling::Words => ErrorShape::Words,
                };
                Ok(self.progress())
            }
            Step::Session(at) => match (error, self.session.get(at)) {
                (Some(error), Some((what, _))) => Err(HandshakeError::Session { what, error }),
                _ => Ok(self.progress()),
            },
        }
    }

    fn progress(&self) -> Progress {
        if self.steps.is_empty() {
            Progress::Done(self.dialect)
        } else {
            Progress::Continue
        }
    }
}
