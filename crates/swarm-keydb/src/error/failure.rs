//! What the engine tells of a call that got no reply, as an error for its caller.

use swarm_transport::Refusal;

use super::{Cause, Error, ErrorKind, Outcome};
use crate::engine::Failure;
use crate::server::Unsupported;

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let outcome = |sent| {
            if sent {
                Outcome::MayHaveRun
            } else {
                Outcome::NotSent
            }
        };
        match failure {
            // The HTTP wire says so of a reply that it cannot vouch for.
            Failure::Server(error) if error.code() == "LOSSY" => {
                Self::new(ErrorKind::Reply, Outcome::Ran, "the reply is damaged")
                    .with_cause(Cause::Server(error))
            }
            Failure::Server(error) => {
                let auth = matches!(error.code(), "NOAUTH" | "WRONGPASS");
                let kind = if auth {
                    ErrorKind::Auth
                } else {
                    ErrorKind::Command
                };
                Self::new(kind, Outcome::Rejected, "the server answered an error")
                    .with_cause(Cause::Server(error))
            }
            Failure::Scripted(error) => {
                let what = "the script returned an error, or a list that looks like one on this connection";
                Self::new(ErrorKind::Command, outcome(true), what).with_cause(Cause::Server(error))
            }
            Failure::Timeout { sent: true } => {
                Self::new(ErrorKind::Timeout, outcome(true), "no reply in time")
            }
            Failure::Timeout { sent: false } => Self::new(
                ErrorKind::Timeout,
                outcome(false),
                "not sent in time: the server could not be reached, or the queue was full",
            ),
            Failure::Unreachable(error) => Self::new(
                ErrorKind::Timeout,
                outcome(false),
                "not sent in time, because no connection could be made",
            )
            .with_cause(Cause::Transport(error)),
            Failure::OnlyFallback(error) => Self::new(
                ErrorKind::Connection,
                outcome(false),
                "only the HTTP fallback can be reached, which cannot hold a session; it works again once the connection is back",
            )
            .with_cause(Cause::Transport(error)),
            Failure::Lost { sent, error } => {
                // 401 and 403 of a gateway are about credentials, not about the network.
                let kind = if error.is_auth() {
                    ErrorKind::Auth
                } else {
                    ErrorKind::Connection
                };
                Self::new(kind, outcome(sent), "the connection was lost")
                    .with_cause(Cause::Transport(error))
            }
            // The error names the command already.
            Failure::Refused(Refusal::Unsupported {
                needs, transport, ..
            }) => Self::argument(format!("it needs {needs}, which {transport} does not have")),
            Failure::Refused(refusal) => Self::argument(refusal.to_string()),
            Failure::Unsupported(Unsupported::NotUtf8 { argument }) => Self::argument(format!(
                "argument {argument} is not valid UTF-8, and SwarmKeyDb would change it: keys, channels, groups, consumers and \
                 script arguments are text there; encode it (base64, hex)"
            )),
            Failure::Full => Self::new(
                ErrorKind::Backpressure,
                outcome(false),
                "too much is under way: send less at a time, or raise queue and queue_bytes",
            ),
            Failure::Withheld => Self::withheld(),
            Failure::Auth { sent, error } => {
                let unknown = error.message().starts_with("unknown command");
                let hint = if unknown {
                    "this port of the server does not know AUTH, so it has no password: remove the password option"
                } else {
                    "the server refuses the credentials: check the password option"
                };
                Self::new(ErrorKind::Auth, outcome(sent), hint).with_cause(Cause::Server(error))
            }
            Failure::Closed { sent: false } => Self::closed(),
            Failure::Closed { sent: true } => Self::new(
                ErrorKind::Closed,
                outcome(true),
                "the client was closed before the reply came",
            ),
        }
    }
}
