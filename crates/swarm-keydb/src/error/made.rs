//! Errors that a program creates itself, to test how it handles them.

use std::borrow::Cow;

use swarm_resp::ServerError;
use swarm_transport::TransportError;

use super::{Arc, Cause, Error, ErrorKind, Outcome};

/// Errors for the tests of an application, or for an [`Executor`](crate::Executor) that answers
/// commands without a server.
impl Error {
    /// Creates an error. Its text is a general one for its kind; see
    /// [`with_message`](Self::with_message) for another.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::{Error, ErrorKind, Outcome, TransportError, TransportErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Timeout, Outcome::MayHaveRun).with_command("INCR");
    /// assert!(error.is_timeout() && !error.is_retryable());
    /// assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
    /// assert_eq!(
    ///     error.to_string(),
    ///     "INCR: no reply within the timeout (the command may have run)",
    /// );
    ///
    /// let error = Error::new(ErrorKind::Server, Outcome::Rejected)
    ///     .with_command("LPUSH")
    ///     .with_server_error("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// assert!(error.is_code("WRONGTYPE"));
    ///
    /// let refused = TransportError::new(TransportErrorKind::Refused, "connection refused");
    /// let error = Error::new(ErrorKind::Connection, Outcome::NotSent);
    /// assert!(error.with_transport_error(refused).is_retryable());
    /// ```
    pub fn new(kind: ErrorKind, outcome: Outcome) -> Self {
        let mut error = Self::of(kind, outcome, text(kind, outcome));
        error.0.has_outcome = true;
        error
    }

    /// Sets the name of the command that failed.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<Cow<'static, str>>) -> Self {
        self.0.command = Some(command.into());
        self.0.has_outcome = true;
        self
    }

    /// Replaces the text, which `Display` prints after the command and before the cause.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Sets the server's error reply: a code, a space, and a text. Neither the kind nor the outcome
    /// of the error follows from it.
    #[must_use]
    pub fn with_server_error(self, reply: &str) -> Self {
        self.with_cause(Cause::Server(ServerError::parse(reply.as_bytes())))
    }

    /// Sets the transport's error, which decides whether a lost connection is
    /// [retryable](Self::is_retryable).
    #[must_use]
    pub fn with_transport_error(self, error: TransportError) -> Self {
        self.with_cause(Cause::Transport(Arc::new(error)))
    }
}

/// Returns a text for a kind of error.
const fn text(kind: ErrorKind, outcome: Outcome) -> &'static str {
    match (kind, outcome) {
        (ErrorKind::Connection, Outcome::NotSent) => "cannot connect to the server",
        (ErrorKind::Connection, _) => "connection lost",
        (ErrorKind::Server, _) => "server error",
        (ErrorKind::Timeout, Outcome::NotSent) => "not sent within the timeout",
        (ErrorKind::Timeout, _) => "no reply within the timeout",
        (ErrorKind::QueueFull, _) => "request queue full",
        (ErrorKind::Auth, _) => "credentials rejected by the server",
        (ErrorKind::Config, _) => "invalid option",
        (ErrorKind::Argument, _) => "invalid argument",
        (ErrorKind::UnexpectedReply, _) => "unexpected reply",
        (ErrorKind::Conflict, _) => "a watched key changed, so the transaction did not run",
        (ErrorKind::Closed, _) => "the client is closed",
        (ErrorKind::Lagged, _) => "subscription buffer full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a builder that changes what the caller has set: a script's error would otherwise
    /// become one that may have run.
    #[test]
    fn an_error_says_what_it_was_created_with_in_any_order() {
        let reply = "WRONGTYPE wrong kind of value";
        let new = || Error::new(ErrorKind::Server, Outcome::Rejected);
        for error in [
            new().with_command("EVAL").with_server_error(reply),
            new().with_server_error(reply).with_command("EVAL"),
        ] {
            assert_eq!(error.outcome(), Some(Outcome::Rejected));
            assert_eq!(error.command(), Some("EVAL"));
            assert!(error.is_code("WRONGTYPE") && !error.is_code("wrongtype"));
            let text = "EVAL: server error: WRONGTYPE wrong kind of value";
            assert_eq!(error.to_string(), text);
            assert_eq!(error.clone().to_string(), text);
        }
        let error = new().with_message("no luck");
        assert_eq!(error.outcome(), Some(Outcome::Rejected));
        assert_eq!(error.to_string(), "no luck");
        assert_eq!(error.server_error(), None);
        assert!(!error.is_code("WRONGTYPE"));
    }
}
