//! What can go wrong, for whom, and what to do about it.

mod failure;
mod outcome;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use swarm_resp::{ConvertError, ServerError};
use swarm_transport::TransportError;

use crate::engine::Failure;
use crate::status::LeaseStats;

/// What went wrong. The names are those of the Python SDK's exceptions where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server cannot be reached, or the connection broke. See [`Error::transport_error`].
    Connection,
    /// The server answered an error: see [`Error::server_error`].
    Command,
    /// No reply came in time.
    Timeout,
    /// There was no room in the queue, and commands are told not to wait for it: see
    /// [`Options::wait_for_room`](crate::Options::wait_for_room).
    Backpressure,
    /// The server wants other credentials.
    Auth,
    /// An option of the client makes no sense.
    Config,
    /// An argument of the command was refused before it was sent.
    Argument,
    /// The reply is not of the type that was asked for.
    Reply,
    /// A watched key was changed, so the transaction did not run.
    Conflict,
    /// The client was closed.
    Closed,
    /// A subscription ended because its buffer was full: see [`Overflow::Close`](crate::Overflow::Close).
    Lagged,
}

impl ErrorKind {
    /// Whether the same request can never succeed again: a stream reports such an error once and then ends.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Argument | Self::Config)
    }

    /// One word for it, as it stands in traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Command => "command",
            Self::Timeout => "timeout",
            Self::Backpressure => "backpressure",
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Argument => "argument",
            Self::Reply => "reply",
            Self::Conflict => "conflict",
            Self::Closed => "closed",
            Self::Lagged => "lagged",
        }
    }
}

/// Whether the command ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was never sent, so it did not run. Trying again is safe.
    NotSent,
    /// It was sent, and nothing says whether it ran, or how much of it. Trying again may run it twice.
    ///
    /// Error replies mean this, too, where earlier effects may remain: a script that failed or was cut off, `MSET` or `DEL` that
    /// failed midway on SwarmKeyDb.
    MayHaveRun,
    /// The server answered with an error and did nothing.
    Rejected,
    /// It ran; only its reply could not be used.
    Ran,
}

/// An error of the client: what failed, for which command, and whether it may have run.
///
/// `Display` names the command and never its arguments.
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    command: Option<Cow<'static, str>>,
    position: Option<usize>,
    what: Cow<'static, str>,
    cause: Option<Cause>,
}

#[derive(Clone)]
enum Cause {
    Server(ServerError),
    Transport(Arc<TransportError>),
    Convert(ConvertError),
}

const WITHHELD: &str = "not sent, because another command that was to go with it was refused";

/// The result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(kind: ErrorKind, outcome: Outcome, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            outcome,
            command: None,
            position: None,
            what: what.into(),
            cause: None,
        }))
    }

    fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The same error, for another of those who share a command.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The server acknowledged nothing, although the entry is pending.
    pub(crate) fn still_pending() -> Self {
        let what = "the entry is still pending: the server takes its ID for another one, as SwarmKeyDb does with \
                    leading zeros; acknowledge it by raw, with the ID as it was added";
        Self::new(ErrorKind::Reply, Outcome::Ran, what).for_command("XACK".into())
    }

    /// The error belongs to a command, which decides what an error reply says about it.
    pub(crate) fn for_command(mut self, command: Cow<'static, str>) -> Self {
        if self.outcome() == Outcome::Rejected
            && let Some(error) = self.server_error()
        {
            self.0.outcome = outcome::of_error(&command, error);
        }
        self.0.command = Some(command);
        self
    }

    /// The error belongs to the command at a place of a transaction.
    pub(crate) fn at(mut self, position: usize) -> Self {
        self.0.position = Some(position);
        self
    }

    /// The command certainly did nothing, whatever its kind of error says by itself.
    pub(crate) fn rejected(mut self) -> Self {
        self.0.outcome = Outcome::Rejected;
        self
    }

    /// Nothing says that commands did not run.
    pub(crate) fn may_have_run(mut self, what: &'static str) -> Self {
        self.0.outcome = Outcome::MayHaveRun;
        self.0.what = what.into();
        self
    }

    /// The command was not sent because one that was to go with it was refused.
    pub(crate) fn withheld() -> Self {
        Self::argument(WITHHELD)
    }

    pub(crate) fn conflict() -> Self {
        let what = "a watched key was changed meanwhile, so the transaction did not run; read again and try anew";
        Self::new(ErrorKind::Conflict, Outcome::Rejected, what).for_command("EXEC".into())
    }

    pub(crate) fn argument(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Argument, Outcome::NotSent, what)
    }

    pub(crate) fn config(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config, Outcome::NotSent, what)
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, Outcome::NotSent, "the client is closed")
    }

    pub(crate) fn lagged() -> Self {
        let what =
            "the subscription ended: its buffer was full, and its options say to close it then";
        Self::new(ErrorKind::Lagged, Outcome::Ran, what)
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn unheard() -> Self {
        Self::new(
            ErrorKind::Timeout,
            Outcome::NotSent,
            "nothing was heard in time",
        )
    }

    /// Nothing is subscribed to, so trying again is safe.
    pub(crate) fn unacknowledged() -> Self {
        let what = "the server did not acknowledge the subscription in time, or could not be reached; it was given up";
        Self::new(ErrorKind::Timeout, Outcome::NotSent, what)
    }

    /// No leased connection came free in time.
    pub(crate) fn no_lease(leases: LeaseStats) -> Self {
        let LeaseStats {
            size,
            in_use,
            waiting,
            ..
        } = leases;
        let what = format!(
            "no leased connection came free in time: of {size}, {in_use} are in use, and {waiting} more wait; drop handles and \
             blocking commands sooner, or raise the option leases"
        );
        Self::new(ErrorKind::Timeout, Outcome::NotSent, what)
    }

    /// The first attempt to connect failed. No command was sent.
    pub(crate) fn connect(failure: Failure) -> Self {
        let mut error = Self::from(failure);
        error.0.outcome = Outcome::NotSent;
        if error.kind() == ErrorKind::Connection {
            error.0.what = "cannot connect to the server".into();
        }
        error
    }

    pub(crate) fn convert(error: ConvertError) -> Self {
        Self::new(ErrorKind::Reply, Outcome::Ran, "unexpected reply")
            .with_cause(Cause::Convert(error))
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the command ran.
    pub const fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The command's name, if the error belongs to one.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// The place of the command in its transaction, counted from 0, if the error belongs to one there.
    pub const fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// What the server answered, if it answered an error.
    pub fn server_error(&self) -> Option<&ServerError> {
        match &self.0.cause {
            Some(Cause::Server(error)) => Some(error),
            _ => None,
        }
    }

    /// What the wire reported, if the connection failed.
    pub fn transport_error(&self) -> Option<&TransportError> {
        match &self.0.cause {
            Some(Cause::Transport(error)) => Some(error),
            _ => None,
        }
    }

    fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(|cause| match cause {
            Cause::Server(error) => error as _,
            Cause::Transport(error) => &**error as _,
            Cause::Convert(error) => error as _,
        })
    }

    /// Whether the same call may succeed later without a change of configuration, and is safe to make again because it certainly
    /// did not run.
    pub fn is_retryable(&self) -> bool {
        let passing = match self.kind() {
            // Of the transport's errors, some remain until somebody changes an address, a certificate or an option.
            ErrorKind::Connection | ErrorKind::Timeout => self
                .transport_error()
                .is_none_or(TransportError::is_transient),
            ErrorKind::Backpressure | ErrorKind::Conflict => true,
            ErrorKind::Command => self.server_error().is_some_and(|e| {
                matches!(
                    e.code(),
                    "LOADING" | "TRYAGAIN" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "READONLY"
                )
            }),
            // The connection was logged in, and the server has forgotten. The next one logs in anew.
            ErrorKind::Auth => self.server_error().is_some_and(|e| e.code() == "NOAUTH"),
            _ => false,
        };
        let did_not_run = match self.kind() {
            // One that was not even sent is due to credentials that are missing or wrong.
            ErrorKind::Auth => self.outcome() == Outcome::Rejected,
            _ => matches!(self.outcome(), Outcome::NotSent | Outcome::Rejected),
        };
        passing && did_not_run
    }

    /// Whether the server answered an error of this code.
    pub(crate) fn is_code(&self, code: &str) -> bool {
        self.server_error()
            .is_some_and(|error| error.code() == code)
    }

    /// Whether a stream or its group of consumers is missing. Redis says `UNBLOCKED` when the stream goes while it is
    /// waited for.
    pub(crate) fn is_no_group(&self) -> bool {
        self.is_code("NOGROUP") || self.is_code("UNBLOCKED")
    }

    /// The server cannot be reached, or the connection broke.
    pub fn is_connection(&self) -> bool {
        self.kind() == ErrorKind::Connection
    }

    /// No reply came in time.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// The server wants other credentials.
    pub fn is_auth(&self) -> bool {
        self.kind() == ErrorKind::Auth
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(command) = self.command() {
            write!(f, "{command}: ")?;
        }
        f.write_str(&self.0.what)?;
        if let Some(cause) = self.cause() {
            write!(f, ": {cause}")?;
        }
        if self.outcome() == Outcome::MayHaveRun {
            f.write_str(" (the command may have run)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.kind())
            .field("outcome", &self.outcome());
        debug
            .field("command", &self.command())
            .field("what", &self.0.what);
        if let Some(cause) = self.cause() {
            debug.field("cause", &format_args!("{cause}"));
        }
        debug.finish()
    }
}

impl StdError for Error {
    /// What caused the cause: `Display` tells the cause itself.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause().and_then(StdError::source)
    }
}

#[cfg(test)]
mod tests {
    //! Which errors may pass without a change of configuration.

    use swarm_transport::TransportErrorKind as Kind;

    use super::*;

    fn lost(sent: bool, kind: Kind) -> Error {
        let error = Arc::new(TransportError::new(kind, "x"));
        Error::from(Failure::Lost { sent, error })
    }

    fn answered(command: &'static str, text: &str) -> Error {
        let failure = Failure::Server(ServerError::parse(text.as_bytes()));
        Error::from(failure).for_command(command.into())
    }

    /// Stands for: a retry loop that never ends, and a retry loop that doubles a write.
    #[test]
    fn retryable_means_did_not_run_and_may_pass_by_itself() {
        for (kind, retryable) in [
            (Kind::Endpoint, false),
            (Kind::Options, false),
            (Kind::Resolve, true),
            (Kind::Refused, true),
            (Kind::Timeout, true),
            (Kind::Tls, false),
            (Kind::Auth, false),
            (Kind::Protocol, false),
            (Kind::Limit, false),
            (Kind::Closed, true),
            (Kind::Io, true),
        ] {
            assert_eq!(lost(false, kind).is_retryable(), retryable, "{kind:?}");
            assert!(!lost(true, kind).is_retryable(), "{kind:?}");
        }
        for (command, text, retryable) in [
            (
                "GET",
                "LOADING Redis is loading the dataset in memory",
                true,
            ),
            ("GET", "TRYAGAIN x", true),
            ("GET", "CLUSTERDOWN x", true),
            ("GET", "MASTERDOWN x", true),
            ("SET", "READONLY x", true),
            ("GET", "NOAUTH Authentication required.", true),
            ("SET", "BUSY Redis is busy running a script.", true),
            ("EVAL", "BUSY Redis is busy running a script.", true),
            ("EVAL", "BUSY Script exceeded time limit", false),
            ("EVAL", "TRYAGAIN x", true),
            ("GET", "WRONGPASS x", false),
            ("GET", "NOPERM x", false),
            ("GET", "WRONGTYPE x", false),
            ("GET", "ERR x", false),
            ("SET", "OOM x", false),
        ] {
            let error = answered(command, text);
            assert_eq!(error.is_retryable(), retryable, "{command}: {text}");
        }
        let server = || ServerError::parse(b"WRONGPASS x");
        for (failure, retryable) in [
            (Failure::Timeout { sent: false }, true),
            (Failure::Timeout { sent: true }, false),
            (Failure::Full, true),
            (Failure::Withheld, false),
            (
                Failure::Auth {
                    sent: false,
                    error: server(),
                },
                false,
            ),
            (Failure::Scripted(ServerError::parse(b"LOADING x")), false),
            (Failure::Closed { sent: false }, false),
            (Failure::Closed { sent: true }, false),
        ] {
            let error = Error::from(failure);
            assert_eq!(error.is_retryable(), retryable, "{error}");
        }
        assert!(Error::conflict().is_retryable());
        assert!(!Error::argument("x").is_retryable());
        assert!(!Error::config("x").is_retryable());
        assert!(!Error::lagged().is_retryable());
    }
}
