//! Liveness check: opens another connection to a server that has gone silent while a write is
//! pending.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{RequestReply, Role};
use crate::connection::{Disconnect, Link, Session};
use crate::status::State;

/// A connection whose handshake is done, or the reason why there is none.
type Established = Result<(Link, Session), Disconnect>;

/// A check that is in progress.
pub(super) type LivenessCheck = Pin<Box<dyn Future<Output = Established> + Send>>;

impl RequestReply {
    /// Whether [`poll_liveness_check`](Self::poll_liveness_check) has anything to do. Rarely true.
    #[inline]
    pub(super) const fn checks_liveness(&self) -> bool {
        self.engine.session().is_suspected() || self.liveness_check.is_some() || self.unreachable
    }

    /// Opens another connection when the engine suspects the server; the handshake is the check. If
    /// the server answers, sets the silent connection aside and continues on the new one.
    pub(super) fn poll_liveness_check(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        if self.role == Role::Secondary && self.engine.session().is_suspected() {
            // The pool has other connections for the calls that wait behind the overdue reply.
            self.give_back_calls();
        }
        if self.engine.session_mut().take_unchecked_suspicion()
            && self.reconnects
            && !self.asides.is_full()
            && self.liveness_check.is_none()
        {
            tracing::debug!(
                "the server is silent while a write is pending; checking over another connection"
            );
            let dialer = self.dialer.clone();
            let mut session = Session::new(self.engine.session().settings.clone());
            self.liveness_check = Some(Box::pin(async move {
                let link = dialer.establish(&mut session).await?;
                Ok((link, session))
            }));
        }
        if self.unreachable && !self.engine.session().is_suspected() {
            self.unreachable = false;
            self.set_connected();
        }
        let Some(liveness_check) = &mut self.liveness_check else {
            return;
        };
        if !self.engine.session().is_suspected() {
            self.liveness_check = None;
            return;
        }
        let Poll::Ready(established) = liveness_check.as_mut().poll(cx) else {
            return;
        };
        self.liveness_check = None;
        match established {
            Ok((other, session)) => {
                let silent = std::mem::replace(link, other);
                self.set_aside(silent);
                *self.engine.session_mut() = session;
                self.unreachable = false;
                self.set_connected();
            }
            Err(disconnect) => {
                self.unreachable = true;
                self.status.set(State::Reconnecting);
                let error = Arc::new(disconnect.into_error());
                self.begin_outage(&error, !error.is_transient());
            }
        }
    }
}
