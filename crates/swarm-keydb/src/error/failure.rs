//! Converts the engine's failures to errors for the caller.

use std::borrow::Cow;

use swarm_resp::ConvertError;
use swarm_transport::RequestRejection;

use super::code::Code;
use super::{Cause, Error, ErrorKind, Outcome};
use crate::failure::Failure;

#[expect(
    clippy::from_over_into,
    reason = "the compiler lists every `From` to programs in which `?` meets another error type"
)]
impl Into<Error> for Failure {
    fn into(self) -> Error {
        Error::from_failure(self)
    }
}

/// Returns the cause and the remedy of a server's error whose text does not say them.
fn remedy(code: &str) -> Option<&'static str> {
    match code {
        "MOVED" | "ASK" => Some(
            "this server is part of a cluster, and another node owns the key; use cluster::Client \
             of the feature `cluster`",
        ),
        "CROSSSLOT" => Some(
            "this server is part of a cluster, and the keys belong to different slots; give the \
             keys a common hash tag, such as {user1}, or use one command for each",
        ),
        "NOSCRIPT" => Some(
            "the server does not have the script; use Script, which sends the source when it is \
             needed",
        ),
        "NOGROUP" => Some(
            "the stream or its consumer group does not exist; create them with \
             xgroup_create_mkstream",
        ),
        "WRONGTYPE" => Some(
            "the key holds a value of another type; check the key, or use the commands for that \
             type",
        ),
        "READONLY" => Some("this server is a read-only replica; use the address of the primary"),
        "LOADING" => Some("the server is starting and takes no commands yet; try again later"),
        "OOM" => Some(
            "the server has reached its memory limit; raise maxmemory, or let it evict or expire \
             keys",
        ),
        "NOPERM" => Some("the user may not run the command; change the user's permissions"),
        "NOAUTH" => Some(
            "the connection is no longer authenticated; call again, since the client \
             authenticates the next connection",
        ),
        _ => None,
    }
}

impl From<ConvertError> for Error {
    /// Converts the error of a reply that a program converts itself, such as the
    /// [`Frame`](crate::Frame) of `raw`. Kind [`UnexpectedReply`](ErrorKind::UnexpectedReply),
    /// without a [command](Error::command).
    fn from(error: ConvertError) -> Self {
        Self::convert(error)
    }
}

impl Error {
    pub(crate) fn from_failure(failure: Failure) -> Self {
        let outcome = |sent| {
            if sent {
                Outcome::MayHaveRun
            } else {
                Outcome::NotSent
            }
        };
        match failure {
            // The HTTP transport reports replies with this code if it cannot represent their bytes.
            Failure::Server(error) if error.code() == "LOSSY" => {
                let what = "reply damaged by the transport";
                Self::of(ErrorKind::UnexpectedReply, Outcome::Ran, what)
                    .with_cause(Cause::Server(error))
            }
            Failure::Server(error) => {
                let code = Code::of(error.code());
                let text = remedy(error.code()).unwrap_or("server error");
                Self::of(code.kind, Outcome::Rejected, text).with_cause(Cause::Server(error))
            }
            Failure::Scripted(error) => {
                let what = "script error, or a list that this connection cannot tell from an error";
                Self::of(ErrorKind::Server, outcome(true), what).with_cause(Cause::Server(error))
            }
            Failure::Timeout(late) => Self::late(&late),
            Failure::OnlyFallback { address, error } => Self::of(
                ErrorKind::Connection,
                outcome(false),
                "only the HTTP fallback is reachable, and it does not support sessions; retry once \
                 the connection is back",
            )
            .with_cause(Cause::Transport(error))
            .with_address(address),
            Failure::Lost {
                sent,
                address,
                waited,
                error,
            } => {
                // A gateway rejects credentials with 401 and 403.
                let (kind, text) = match &address {
                    _ if error.is_auth() => (ErrorKind::Auth, "access refused".into()),
                    _ if !sent => {
                        let text = "the client is not connected and does not reconnect; create \
                                    another one";
                        (ErrorKind::Connection, text.into())
                    }
                    Some(address) => {
                        let text = format!("connection to {address} lost");
                        (ErrorKind::Connection, Cow::Owned(text))
                    }
                    None => (ErrorKind::Connection, "connection lost".into()),
                };
                let error = Self::of(kind, outcome(sent), text)
                    .with_cause(Cause::Transport(error))
                    .with_address(address);
                error.after(waited)
            }
            // The error already names the command.
            Failure::Refused(RequestRejection::Unsupported {
                needs, transport, ..
            }) => Self::argument(format!(
                "{transport} does not support {needs}; use ws:// or redis://"
            )),
            Failure::Refused(refusal) => Self::argument(refusal.to_string()),
            Failure::Unsupported(reason) => Self::argument(reason.to_string()),
            Failure::Full(load) => Self::of(ErrorKind::QueueFull, outcome(false), load.to_string()),
            Failure::Withheld => Self::withheld(),
            Failure::Auth {
                sent,
                address,
                error,
            } => {
                let server = address.as_deref().unwrap_or("the server");
                let text = if error.message().starts_with("unknown command") {
                    format!(
                        "{server} does not know AUTH, so this port has no password; remove the \
                         password option"
                    )
                } else if error.message().contains("without any password configured") {
                    format!("{server} has no password; remove the password option")
                } else if error.code() == "NOAUTH" {
                    format!("{server} requires a password; set the password option")
                } else {
                    format!("credentials rejected by {server}; check the password option")
                };
                Self::of(ErrorKind::Auth, outcome(sent), text)
                    .with_cause(Cause::Server(error))
                    .with_address(address)
            }
            #[cfg(feature = "cluster")]
            Failure::Unrouted { reason, error } => {
                Self::of(ErrorKind::Server, Outcome::Rejected, reason)
                    .with_cause(Cause::Server(error))
            }
            Failure::Closed { sent: false } => Self::closed(),
            Failure::Closed { sent: true } => Self::of(
                ErrorKind::Closed,
                outcome(true),
                "the client was closed before the reply arrived",
            ),
        }
    }
}
