//! The error type of the client.

mod code;
mod failure;
mod kind;
mod made;
mod outcome;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{ConvertError, ServerError};
use swarm_transport::TransportError;
use swarm_transport::facts::{Access, named};

use self::code::Code;
pub use self::kind::ErrorKind;
use self::kind::Transience;
pub use self::outcome::Outcome;
use crate::failure::{Failure, Late, Time};
use crate::status::DedicatedStats;

/// Error of a command or of the client.
///
/// [`kind`](Self::kind) says what went wrong, [`outcome`](Self::outcome) whether the command ran,
/// and [`is_retryable`](Self::is_retryable) whether a retry is safe and may succeed. See
/// [errors](crate::guide::errors).
///
/// `Display` and `Debug` name the command and never show its arguments. They show the text of the
/// server's error, which may quote a key or another name: see
/// [privacy](crate::guide::errors#privacy).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    /// Whether the outcome is that of a command.
    has_outcome: bool,
    command: Option<Cow<'static, str>>,
    position: Option<usize>,
    message: Cow<'static, str>,
    cause: Option<Cause>,
    /// Whether the message contains the cause.
    tells_cause: bool,
    address: Option<Arc<str>>,
    attempts: Option<u32>,
    elapsed: Option<Duration>,
}

#[derive(Clone)]
enum Cause {
    Server(ServerError),
    Transport(Arc<TransportError>),
    Convert(ConvertError),
}

impl Cause {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        match self {
            Self::Server(error) => error,
            Self::Transport(error) => &**error,
            Self::Convert(error) => error,
        }
    }
}

const WITHHELD: &str = "not sent because another command of the same batch was rejected";

/// Result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn of(kind: ErrorKind, outcome: Outcome, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            outcome,
            has_outcome: false,
            command: None,
            position: None,
            message: message.into(),
            cause: None,
            tells_cause: false,
            address: None,
            attempts: None,
            elapsed: None,
        }))
    }

    fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The server acknowledged nothing, but still lists the entry as pending.
    pub(crate) fn still_pending() -> Self {
        let what = "entry still pending; SwarmKeyDb treats an ID with leading zeros as another \
                    one, so acknowledge it with raw and the ID as it was added";
        Self::of(ErrorKind::UnexpectedReply, Outcome::Ran, what).for_command("XACK".into())
    }

    /// Names the command, which decides what an error reply proves about its outcome.
    pub(crate) fn for_command(mut self, command: Cow<'static, str>) -> Self {
        if self.0.outcome == Outcome::Rejected
            && let Some(error) = self.server_error()
        {
            self.0.outcome = outcome::of_error(&command, error);
        }
        self.0.command = Some(command);
        self.0.has_outcome = true;
        self
    }

    /// Sets the position of the command in its batch.
    pub(crate) fn at(mut self, position: usize) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Records that the command did nothing, whatever its error proves by itself.
    pub(crate) fn rejected(mut self) -> Self {
        self.0.outcome = Outcome::Rejected;
        self
    }

    /// Records that commands may have run, and why.
    pub(crate) fn may_have_run(mut self, message: &'static str) -> Self {
        self.0.outcome = Outcome::MayHaveRun;
        self.0.message = message.into();
        self
    }

    /// No node of the cluster owns a slot.
    #[cfg(feature = "cluster")]
    pub(crate) fn no_owner(slot: u16) -> Self {
        let text = format!("CLUSTERDOWN no node owns slot {slot}");
        let error = ServerError::parse(text.as_bytes());
        Self::from_failure(Failure::Server(error)).rejected()
    }

    /// Some parts of a command have failed, of which others have run.
    #[cfg(feature = "cluster")]
    pub(crate) fn partly_run(mut self, failed: usize, parts: usize) -> Self {
        self.0.outcome = Outcome::MayHaveRun;
        self.0.message = format!(
            "{failed} of {parts} parts failed, one for each slot or node of the cluster, and the \
             rest may have run: {}",
            self.0.message
        )
        .into();
        self
    }

    /// The command was not sent because another command of its batch was rejected.
    pub(crate) fn withheld() -> Self {
        Self::argument(WITHHELD)
    }

    pub(crate) fn conflict() -> Self {
        let what =
            "a watched key changed, so the transaction did not run; read the keys again and retry";
        Self::of(ErrorKind::Conflict, Outcome::Rejected, what).for_command("EXEC".into())
    }

    pub(crate) fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorKind::Argument, Outcome::NotSent, message)
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorKind::Config, Outcome::NotSent, message)
    }

    pub(crate) fn closed() -> Self {
        Self::of(ErrorKind::Closed, Outcome::NotSent, "the client is closed")
    }

    pub(crate) fn lagged() -> Self {
        let what =
            "subscription buffer full, and its options say to close; read faster, or raise buffer";
        Self::of(ErrorKind::Lagged, Outcome::Ran, what)
    }

    /// No event arrived in time. The subscription continues.
    #[cfg(feature = "blocking")]
    pub(crate) fn no_event() -> Self {
        Self::of(
            ErrorKind::Timeout,
            Outcome::NotSent,
            "no event within the timeout",
        )
    }

    /// A call did not end within its timeout.
    pub(crate) fn late(late: &Late) -> Self {
        let outcome = if late.sent {
            Outcome::MayHaveRun
        } else {
            Outcome::NotSent
        };
        let mut error = Self::of(ErrorKind::Timeout, outcome, late.to_string());
        let inner = &mut *error.0;
        inner.cause = late.error().cloned().map(Cause::Transport);
        inner.tells_cause = true;
        inner.address.clone_from(&late.address);
        inner.attempts = late.attempts();
        inner.elapsed = late.waited;
        error
    }

    /// Sets the address of the server.
    fn with_address(mut self, address: Option<Arc<str>>) -> Self {
        self.0.address = address;
        self
    }

    /// Sets how long the call had waited.
    fn after(mut self, waited: Option<Duration>) -> Self {
        self.0.elapsed = waited;
        self
    }

    /// The server did not acknowledge a subscription in time. Nothing is subscribed, so a retry is
    /// safe.
    pub(crate) fn unacknowledged(address: Option<&Arc<str>>, waited: Duration) -> Self {
        let what = format!(
            "subscription not acknowledged by {} within {}; nothing is subscribed",
            address.map_or("the server", |address| address),
            Time(waited)
        );
        Self::of(ErrorKind::Timeout, Outcome::NotSent, what)
            .with_address(address.cloned())
            .after(Some(waited))
    }

    /// No dedicated connection became available in time.
    pub(crate) fn no_lease(leases: DedicatedStats) -> Self {
        let DedicatedStats {
            max,
            in_use,
            waiting,
            ..
        } = leases;
        let what = format!(
            "no dedicated connection available within the timeout: {in_use} of {max} in use, \
             {waiting} more callers waiting; drop handles and end blocking commands \
             sooner, or raise max_dedicated_connections"
        );
        Self::of(ErrorKind::Timeout, Outcome::NotSent, what)
    }

    /// A connection could not be established. No command was sent.
    pub(crate) fn connect(failure: Failure) -> Self {
        let mut error = Self::from_failure(failure);
        let inner = &mut *error.0;
        inner.outcome = Outcome::NotSent;
        if inner.kind == ErrorKind::Connection {
            let cause = inner
                .cause
                .as_ref()
                .map(|cause| cause.as_error().to_string());
            let cause = cause.unwrap_or_default();
            // Most causes name the address.
            let address = (inner.address.as_deref())
                .filter(|address| !cause.contains(address))
                .unwrap_or("the server");
            inner.message = format!("cannot connect to {address}").into();
        }
        error
    }

    pub(crate) fn convert(error: ConvertError) -> Self {
        Self::of(ErrorKind::UnexpectedReply, Outcome::Ran, "unexpected reply")
            .with_cause(Cause::Convert(error))
    }

    /// Returns what went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the command ran, or `None` if the error belongs to no
    /// [`command`](Self::command) but to connecting, leasing a connection, subscribing, or an
    /// option.
    pub const fn outcome(&self) -> Option<Outcome> {
        if self.0.has_outcome {
            Some(self.0.outcome)
        } else {
            None
        }
    }

    /// Returns the name of the command that failed, without its arguments. `None` if the error
    /// belongs to no command.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// Returns the position of the command in its pipeline, bulk or transaction, counted from 0.
    /// `None` if the command was sent by itself, or the error is that of the whole batch.
    pub const fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// Returns the server's error reply, if there is one.
    pub fn server_error(&self) -> Option<&ServerError> {
        match &self.0.cause {
            Some(Cause::Server(error)) => Some(error),
            _ => None,
        }
    }

    /// Returns the transport's error, if the connection failed.
    pub fn transport_error(&self) -> Option<&TransportError> {
        match &self.0.cause {
            Some(Cause::Transport(error)) => Some(error),
            _ => None,
        }
    }

    /// Returns the address of the server that the client could not reach, that rejected the
    /// credentials, that did not reply in time, or to which the connection was lost, without
    /// password and query. `None` for other errors, and with a custom connector. An error reply of
    /// the server has no address either: see [`server_error`](Self::server_error).
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Returns how many attempts to connect had failed since there was a connection. `None` unless
    /// the call waited for a connection until its timeout.
    pub const fn attempts(&self) -> Option<u32> {
        self.0.attempts
    }

    /// Returns how long the call waited: until its timeout, or until the connection was lost on
    /// which it was in flight. `None` for other errors.
    pub const fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(Cause::as_error)
    }

    /// Returns whether a retry is safe and may succeed: the call certainly did not run, and the
    /// error can go away without a change to the program or its configuration.
    pub fn is_retryable(&self) -> bool {
        let is_transient = match self.kind().facts().transience {
            Transience::Never => false,
            Transience::Always => true,
            Transience::ByTransport => self
                .transport_error()
                .is_none_or(TransportError::is_transient),
            Transience::ByCode => self
                .server_error()
                .is_some_and(|error| Code::of(error.code()).is_transient),
        };
        let did_not_run = match self.kind() {
            // If the command was not even sent, the credentials are missing or wrong.
            ErrorKind::Auth => self.0.outcome == Outcome::Rejected,
            _ => self.certainly_did_not_run(),
        };
        is_transient && did_not_run
    }

    /// Whether nothing that was sent on behalf of the call can have run, with or without a command.
    pub(crate) const fn certainly_did_not_run(&self) -> bool {
        matches!(self.0.outcome, Outcome::NotSent | Outcome::Rejected)
    }

    /// Whether nothing was sent on behalf of the call, with or without a command.
    pub(crate) const fn was_not_sent(&self) -> bool {
        matches!(self.0.outcome, Outcome::NotSent)
    }

    /// Returns whether the server replied with an error of this code, such as `WRONGTYPE`.
    pub fn is_code(&self, code: &str) -> bool {
        self.server_error()
            .is_some_and(|error| error.code() == code)
    }

    /// Whether the command can only read.
    fn only_reads(&self) -> bool {
        let mut words = self
            .command()
            .into_iter()
            .flat_map(str::split_ascii_whitespace);
        let mut word = || words.next().unwrap_or_default().as_bytes();
        let facts = named(word(), word());
        facts.access == Access::Read && !facts.script
    }

    /// Whether a stream or its consumer group is missing. Redis replies `UNBLOCKED` if the stream
    /// is deleted while a command blocks on it.
    pub(crate) fn is_no_group(&self) -> bool {
        self.is_code("NOGROUP") || self.is_code("UNBLOCKED")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(command) = self.command() {
            f.write_str(command)?;
            if let Some(position) = self.position() {
                write!(f, " at position {position}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(cause) = self.cause().filter(|_| !self.0.tells_cause) {
            write!(f, ": {cause}")?;
        }
        // Whether a command ran that only reads makes no difference.
        if self.outcome() == Some(Outcome::MayHaveRun) && !self.only_reads() {
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
            .field("message", &self.0.message);
        if let Some(cause) = self.cause() {
            debug.field("cause", &format_args!("{cause}"));
        }
        debug.finish()
    }
}

impl StdError for Error {
    /// Returns the transport's last error if a call waited for a connection until its timeout.
    /// Otherwise, returns the source of the cause, because `Display` already prints the cause.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.cause()?;
        if self.0.tells_cause {
            Some(cause)
        } else {
            cause.source()
        }
    }
}

#[cfg(test)]
mod tests;
