//! Moves to another server: the connector has chosen another endpoint for new connections.
//!
//! The shared connection opens the new connection first, and then sets the previous one aside, so
//! that replies in flight arrive and calls on their keys wait for them. Any other connection sends
//! nothing more, and ends when no reply over it is awaited: its session exists on the previous
//! server only.
//!
//! If the server must be a primary, the shared connection sends nothing more, either: what the
//! previous primary accepts now may be lost.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{RequestReply, Role};
use crate::connection::{Disconnect, Link, Session};
use crate::credentials::LoginVersion;
use crate::runtime::{Sleep, sleep};
use crate::status::Established;

/// Pause after an attempt to connect that has failed while the previous connection still works.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection to the new endpoint, or the reason why there is none.
type Relocated = Result<(Link, Session, LoginVersion), Disconnect>;

/// A move to another server.
#[derive(Default)]
pub(super) enum Relocation {
    #[default]
    None,
    /// The new connection is being opened.
    Dialing(Pin<Box<dyn Future<Output = Relocated> + Send>>),
    /// No connection could be opened.
    Paused(Pin<Box<Sleep>>),
    /// The connection ends when no reply over it is awaited.
    Draining,
}

impl Relocation {
    /// Whether a connection to the new endpoint is being opened.
    pub(super) const fn is_dialing(&self) -> bool {
        matches!(self, Self::Dialing(_))
    }
}

impl RequestReply {
    /// Moves to the endpoint that the connector has chosen.
    pub(super) fn relocate(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        if self.role == Role::Secondary || !self.reconnects {
            self.start_draining();
        } else if self.engine.session().is_ready() {
            if self.engine.session().settings.needs_primary {
                // The previous server may no longer be the primary.
                self.engine.drain().start();
            }
            self.poll_relocation(link, cx);
        }
    }

    fn start_draining(&mut self) {
        if !matches!(self.relocation, Relocation::Draining) {
            self.relocation = Relocation::Draining;
            self.engine.drain().start();
            // What the previous server announces says nothing about the next one.
            self.engine.end_listening();
            if self.is_pooled() {
                self.give_back_calls();
            }
        }
    }

    /// Whether the connection drains because the client moves to another server.
    pub(super) const fn is_moving(&self) -> bool {
        matches!(self.relocation, Relocation::Draining)
    }

    fn poll_relocation(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        if !cfg!(feature = "failover") {
            return;
        }
        loop {
            match &mut self.relocation {
                Relocation::Draining => return,
                // An unresponsive connection may have to stay open for a while.
                Relocation::None if self.asides.is_full() => return,
                Relocation::None => {
                    let dialer = self.dialer.clone();
                    let mut session = Session::new(self.engine.session().settings.clone());
                    self.relocation = Relocation::Dialing(Box::pin(async move {
                        let login = dialer.login_version();
                        let link = dialer.establish(&mut session).await?;
                        Ok((link, session, login))
                    }));
                }
                Relocation::Paused(pause) => match pause.as_mut().poll(cx) {
                    Poll::Ready(()) => self.relocation = Relocation::None,
                    Poll::Pending => return,
                },
                Relocation::Dialing(dial) => match dial.as_mut().poll(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok((other, session, login))) => {
                        self.relocation = Relocation::None;
                        if other.route().is_some_and(|route| !route.is_current()) {
                            // Another move has begun meanwhile.
                            continue;
                        }
                        self.relocated(link, other, session, login);
                        // Calls wait for the new connection, and the previous one may be closed.
                        cx.waker().wake_by_ref();
                        return;
                    }
                    Poll::Ready(Err(_)) if self.engine.session().settings.needs_primary => {
                        // Nothing can be sent anywhere: reconnect.
                        self.relocation = Relocation::Draining;
                        return;
                    }
                    Poll::Ready(Err(disconnect)) => {
                        let error = disconnect.into_error();
                        tracing::debug!(%error, "cannot move to another server yet");
                        self.relocation = Relocation::Paused(Box::pin(sleep(PAUSE)));
                    }
                },
            }
        }
    }

    /// Continues on another connection.
    fn relocated(&mut self, link: &mut Link, other: Link, session: Session, login: LoginVersion) {
        let current = self.engine.session();
        if session.server() != current.server() || session.is_stateful() != current.is_stateful() {
            // Another kind of server: start over with it.
            self.start_draining();
            return;
        }
        let previous = std::mem::replace(link, other);
        if self.engine.pending().in_flight() == 0 {
            self.close_aside(previous);
        } else {
            self.set_aside(previous);
        }
        self.engine.drain().end();
        *self.engine.session_mut() = session;
        self.login = login;
        self.liveness_check = None;
        self.unreachable = false;
        self.note_session();
        self.set_connected();
    }

    /// Publishes what is known about the connection that is ready.
    pub(super) fn note_session(&mut self) {
        let session = self.engine.session();
        self.status.note_session(Established {
            escapes: !session.server().cr_lf,
            has_session: session.is_stateful(),
            resp3: session.uses_resp3(),
            login: self.login,
        });
        self.status.note_route(session.route());
        if self.role == Role::Shared
            && let Some(route) = session.route()
            && let Some(previous) = self.factory.target.origin.lead_to(route)
        {
            tracing::info!(
                server = &**route.name(),
                previous = &**previous.name(),
                "moved to another server"
            );
            self.status.note_move();
            if let Some(dispatcher) = &mut self.dispatcher {
                dispatcher.note_move();
            }
        }
    }
}
