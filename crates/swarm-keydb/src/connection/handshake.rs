//! Handshake of a new connection: AUTH, HELLO, a harmless error, and ROLE if the server must be a
//! primary, each sent after the previous reply.
//!
//! The gateway answers AUTH and HELLO ahead of pending replies, so nothing else may be in flight
//! with them. Some gateways answer HELLO 3 with garbage. Over a WebSocket, `HELLO 2` therefore
//! comes first, to which every server replies readably: its reply names the server, and the client
//! does not request RESP3 from SwarmKeyDb. If a reply to HELLO is still unreadable, the connection
//! ends, and later handshakes of the client request a lower version.
//!
//! The handshake sends no nonce. On its own, a nonce would cost a round trip; together with the
//! probe, SwarmKeyDb's second reply would often wait 40 ms for a delayed ACK. Shifted replies are
//! unlikely on a new connection: each reply must have the type that its request calls for, and all
//! arguments come from the client's options. The first heartbeat detects what gets past that.

use std::collections::VecDeque;

use swarm_resp::{Frame, FrameRef, Kind, Request, ServerError};
use swarm_transport::{PeerIdentity, TransportError};

use super::settings::Settings;
use crate::credentials::Credentials;
use crate::options::{ErrorEncoding, ProtocolVersion};
use crate::server::{
    Detection, HelloLimit, Identity, Learned, ServerProfile, array_error, plain_error,
};

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The server rejected the credentials.
    #[error("authentication failed: {0}")]
    Auth(ServerError),
    /// The reply to HELLO is neither the server's description nor an error.
    #[error("the server's reply to HELLO is unreadable")]
    UnreadableHello,
    /// The server rejected a request that every connection of the client starts with.
    #[error("the server rejected {what}: {error}")]
    Session {
        /// The option that asks for the request.
        what: &'static str,
        /// The server's error.
        error: ServerError,
    },
    /// The server refuses connections, temporarily or permanently, for a reason other than the
    /// credentials.
    #[error("the server refused the connection: {0}")]
    Refused(ServerError),
    /// The server must be a primary, and is not.
    #[error(
        "the server is no primary: its role is {0:?}; a failover may be in progress, or the \
         sentinels have not noticed one"
    )]
    NotPrimary(String),
    /// The reply is not one of a Redis-compatible server.
    #[error("the server's replies are not those of a Redis-compatible server")]
    Incompatible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Auth,
    /// `HELLO 2`, which names the server.
    Hello2,
    /// `HELLO 3`, which asks for RESP3 as well.
    Hello3,
    /// A command that every server rejects without arguments, to detect how errors are encoded.
    Probe,
    /// `ROLE`, if the server must be a primary.
    Role,
    /// The request of the settings at this position.
    Session(usize),
}

/// Progress of the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Continue,
    Done(ServerProfile),
}

#[derive(Debug)]
pub(crate) struct Handshake {
    credentials: Option<Credentials>,
    session: Vec<(&'static str, Request)>,
    protocol: ProtocolVersion,
    learned: Learned,
    error_encoding: ErrorEncoding,
    detected: Detection,
    peer: PeerIdentity,
    /// The remaining steps. If `sent`, a reply to the first one is pending.
    steps: VecDeque<Step>,
    sent: bool,
    /// The server's error in reply to HELLO, after which the handshake continued.
    refusal: Option<ServerError>,
    /// Whether the connection uses RESP3 now.
    resp3: bool,
    /// The server's role, if the reply to HELLO states it.
    role: Option<String>,
}

impl Handshake {
    /// Creates a handshake. `resp3` tells whether the transport passes RESP3 replies unchanged.
    pub(crate) fn new(settings: &Settings, resp3: bool) -> Self {
        let hello = match (settings.protocol, settings.learned.hello()) {
            (ProtocolVersion::Resp3, _) => Some(Step::Hello3),
            (_, HelloLimit::None) => None,
            (ProtocolVersion::Auto, HelloLimit::Version3) if resp3 => Some(Step::Hello3),
            _ => Some(Step::Hello2),
        };
        let steps = [
            (Step::Auth, settings.credentials.is_some()),
            (hello.unwrap_or(Step::Hello2), hello.is_some()),
            (Step::Probe, true),
            (Step::Role, settings.needs_primary),
        ];
        let session = (0..settings.session.len()).map(|at| (Step::Session(at), true));
        Self {
            credentials: settings.credentials.clone(),
            session: settings.session.clone(),
            protocol: settings.protocol,
            learned: settings.learned.clone(),
            error_encoding: settings.error_encoding,
            detected: Detection {
                pinned: settings.server,
                named: None,
                gateway: !resp3 || settings.learned.hello() != HelloLimit::Version3,
                array_errors: false,
            },
            peer: PeerIdentity::new(),
            steps: steps
                .into_iter()
                .chain(session)
                .filter(|(_, wanted)| *wanted)
                .map(|(step, _)| step)
                .collect(),
            sent: false,
            refusal: None,
            resp3: false,
            role: None,
        }
    }

    /// Adds the server's last error to the error of a connection that ended in this handshake,
    /// since it may be the reason.
    pub(crate) fn explain(&self, error: TransportError) -> TransportError {
        match &self.refusal {
            Some(refusal) if error.is_transient() => {
                let what = format!("{error}; its last reply was an error: {refusal}");
                error.with_context(what)
            }
            _ => error,
        }
    }

    /// Returns the server's identity, according to its reply to HELLO.
    pub(crate) const fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Whether the connection uses RESP3.
    pub(crate) const fn uses_resp3(&self) -> bool {
        self.resp3
    }

    /// Returns the next request, unless a reply is pending.
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
            Step::Hello2 => Request::new("HELLO", 2),
            Step::Hello3 => Request::new("HELLO", 3),
            Step::Probe => Request::new("ECHO", ()),
            Step::Role => Request::new("ROLE", ()),
            Step::Session(at) => self.session.get(*at)?.1.clone(),
        })
    }

    /// Processes the reply to the pending request.
    pub(crate) fn receive(&mut self, frame: &Frame) -> Result<Progress, HandshakeError> {
        let real_error = plain_error(frame.view());
        let Some(step) = self.steps.pop_front().filter(|_| self.sent) else {
            // An error that answers no request is the server's reason for closing the connection.
            return Err(real_error.map_or(HandshakeError::Incompatible, HandshakeError::Refused));
        };
        self.sent = false;
        let error = real_error.clone().or_else(|| array_error(frame.view()));
        if let Some(error) = &error {
            self.judge(step, error)?;
        }
        match step {
            // `+OK`, or as a bulk string.
            Step::Auth if frame.as_bytes() == Some(b"OK") => Ok(Progress::Continue),
            Step::Auth => Err(HandshakeError::Incompatible),
            Step::Hello2 | Step::Hello3 => {
                self.greeted(step, frame, error)?;
                Ok(Progress::Continue)
            }
            Step::Probe => {
                let found = match (real_error, error) {
                    (Some(_), _) => false,
                    (None, Some(_)) => true,
                    (None, None) => return Err(HandshakeError::Incompatible),
                };
                self.detected.array_errors = match self.error_encoding {
                    ErrorEncoding::Auto => found,
                    ErrorEncoding::Standard => false,
                    ErrorEncoding::Array => true,
                };
                self.detected.gateway |= found;
                self.learned.note_array_errors(found);
                Ok(self.progress())
            }
            Step::Role => {
                let role = match error {
                    // The user may not ask, or a proxy does not know the command.
                    Some(_) => self.role.clone(),
                    None => frame.view().get(0).and_then(|role| text(role)),
                };
                match role.as_deref() {
                    Some("master") | None => Ok(self.progress()),
                    Some(role) => Err(HandshakeError::NotPrimary(role.to_owned())),
                }
            }
            Step::Session(at) => match (error, self.session.get(at)) {
                (Some(error), Some((what, _))) => Err(HandshakeError::Session { what, error }),
                _ => Ok(self.progress()),
            },
        }
    }

    /// Classifies an error by its text: it is about the credentials, the server's state, or the
    /// step alone.
    fn judge(&self, step: Step, error: &ServerError) -> Result<(), HandshakeError> {
        let about_credentials = match error.code() {
            "NOAUTH" | "WRONGPASS" => true,
            "NOPERM" => step == Step::Auth,
            _ => step == Step::Auth && mentions_credentials(error),
        };
        if about_credentials {
            return Err(HandshakeError::Auth(error.clone()));
        }
        let of_the_step = match step {
            Step::Auth => false,
            Step::Hello2 | Step::Hello3 => refuses_hello(error),
            Step::Probe | Step::Role | Step::Session(_) => !is_about_state(error),
        };
        if of_the_step {
            Ok(())
        } else {
            Err(HandshakeError::Refused(error.clone()))
        }
    }

    /// Processes the reply to HELLO.
    fn greeted(
        &mut self,
        step: Step,
        frame: &Frame,
        error: Option<ServerError>,
    ) -> Result<(), HandshakeError> {
        let asked_for_resp3 = step == Step::Hello3;
        self.role = field(frame, b"role").and_then(text);
        let identity =
            Identity::read(frame).filter(|_| !asked_for_resp3 || frame.kind() == Kind::Map);
        if let Some(identity) = identity {
            self.resp3 = asked_for_resp3;
            if identity.is_named() {
                self.detected.named = identity.kind();
                self.peer = identity.peer();
                self.learned.note_identity(identity);
            }
            let server = self.detected.profile();
            tracing::debug!(kind = ?self.detected.named, "HELLO answered");
            let wants_resp3 = !asked_for_resp3
                && self.protocol == ProtocolVersion::Auto
                && !server.hello_garbage
                && self.learned.hello() == HelloLimit::Version3;
            if wants_resp3 {
                self.steps.push_front(Step::Hello3);
            }
            return Ok(());
        }
        match (self.protocol, error) {
            (ProtocolVersion::Resp3, Some(error)) => Err(HandshakeError::Session {
                what: "RESP3, which the option protocol asks for",
                error,
            }),
            (ProtocolVersion::Resp3, None) => Err(HandshakeError::Incompatible),
            // A server that rejects HELLO speaks RESP2, which the connection started with.
            (_, Some(error)) => {
                self.refusal = Some(error);
                Ok(())
            }
            (_, None) => {
                self.learned.note_garbled(if asked_for_resp3 {
                    HelloLimit::Version2
                } else {
                    HelloLimit::None
                });
                Err(HandshakeError::UnreadableHello)
            }
        }
    }

    fn progress(&self) -> Progress {
        if self.steps.is_empty() {
            let server = self.detected.profile();
            self.learned.note_profile(server);
            Progress::Done(server)
        } else {
            Progress::Continue
        }
    }
}

/// Returns the value of a field of a map, or of a flat array of names and values.
fn field<'a>(frame: &'a Frame, name: &[u8]) -> Option<FrameRef<'a>> {
    let is_named = |field: FrameRef<'_>| field.as_bytes() == Some(name);
    if let Some(mut pairs) = frame.pairs() {
        return Some(pairs.find(|(field, _)| is_named(*field))?.1);
    }
    let mut items = frame.items()?;
    items.find(|item| is_named(*item))?;
    items.next()
}

fn text(frame: FrameRef<'_>) -> Option<String> {
    Some(String::from_utf8_lossy(frame.as_bytes()?).into_owned())
}

/// Whether a rejection of AUTH is about its arguments: "invalid password", an unknown command, or a
/// wrong number of arguments.
fn mentions_credentials(error: &ServerError) -> bool {
    let message = error.message();
    message.contains("AUTH") || message.to_ascii_lowercase().contains("password")
}

/// Whether an error means that the server does not support HELLO, and speaks RESP2. Servers word
/// that in many ways.
fn refuses_hello(error: &ServerError) -> bool {
    matches!(error.code(), "NOPROTO" | "NOPERM" | "ERR") && !is_about_state(error)
}

/// Whether an error is about the state of the server rather than the command.
fn is_about_state(error: &ServerError) -> bool {
    matches!(
        error.code(),
        "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "DENIED"
    ) || error.message().starts_with("max number of clients")
}
