//! Asking over another connection whether a server lives that has gone silent in the middle of a command that writes.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use swarm_transport::{BoxTransport, Connect};
use tokio::time::timeout;

use super::{Broken, Driver, Engine, ReplySlot};
use crate::credentials::Login;
use crate::status::State;

/// A connection whose handshake is done, or why there is none.
type Asked = Result<(BoxTransport, Engine<ReplySlot>), Broken>;

/// The question that is under way.
pub(super) type Inquiry = Pin<Box<dyn Future<Output = Option<Asked>> + Send>>;

impl Driver {
    /// Whether there is anything for [`poll_inquiry`](Self::poll_inquiry) to do. Hardly ever.
    #[inline]
    pub(super) const fn inquires(&self) -> bool {
        self.engine.is_doubted() || self.inquiry.is_some() || self.unreachable
    }

    /// Asks when the engine wants to know. When the server answers, sets the silent connection aside and puts the other in its
    /// place. Says whether it has.
    pub(super) fn poll_inquiry(
        &mut self,
        transport: &mut BoxTransport,
        cx: &mut Context<'_>,
    ) -> bool {
        if self.engine.take_question()
            && self.reconnect
            && !self.asides.is_full()
            && self.inquiry.is_none()
        {
            tracing::debug!(
                "the server is silent while a command that writes is owed; asking over another connection"
            );
            let asked = ask(
                Arc::clone(&self.connector),
                self.login.clone(),
                self.engine.another(),
            );
            let asked = timeout(self.connect_timeout, asked);
            self.inquiry = Some(Box::pin(async { asked.await.ok() }));
        }
        if self.unreachable && !self.engine.is_doubted() {
            self.unreachable = false;
            self.status.set(State::Connected);
        }
        let Some(inquiry) = &mut self.inquiry else {
            return false;
        };
        if !self.engine.is_doubted() {
            self.inquiry = None;
            return false;
        }
        let Poll::Ready(asked) = inquiry.as_mut().poll(cx) else {
            return false;
        };
        self.inquiry = None;
        match asked {
            Some(Ok((mut other, engine))) if self.role.is_served_by(other.capabilities()) => {
                if engine.has_session() {
                    other.peer_identified(engine.peer());
                }
                let silent = std::mem::replace(transport, other);
                self.set_aside(silent);
                self.engine.adopt(engine);
                self.unreachable = false;
                self.status.set(State::Connected);
                true
            }
            _ => {
                self.unreachable = true;
                self.status.set(State::Reconnecting);
                false
            }
        }
    }
}

/// Connects and shakes hands; the handshake is the question.
async fn ask(connector: Arc<dyn Connect>, login: Login, mut engine: Engine<ReplySlot>) -> Asked {
    loop {
        match shake_hands(&*connector, &login, &mut engine).await {
            Ok(transport) => return Ok((transport, engine)),
            // The engine does without it the next time.
            Err(broken) if broken.is_unreadable_hello() => {}
            Err(broken) => return Err(broken),
        }
    }
}

async fn shake_hands(
    connector: &dyn Connect,
    login: &Login,
    engine: &mut Engine<ReplySlot>,
) -> Result<BoxTransport, Broken> {
    let (mut transport, credentials) = login.dial(connector).await?;
    engine.log_in_with(credentials);
    engine.connected(transport.capabilities());
    let mut flushed = true;
    poll_fn(|cx| {
        loop {
            let now = tokio::time::Instant::now().into_std();
            while let Poll::Ready(ready) = transport.poll_ready(cx) {
                ready?;
                let Some(request) = engine.next_request(now, |_| Ok(())) else {
                    break;
                };
                transport.start_send(request)?;
                flushed = false;
            }
            if !flushed && let Poll::Ready(done) = transport.poll_flush(cx) {
                done?;
                flushed = true;
            }
            if engine.is_ready() {
                return Poll::Ready(Ok::<(), Broken>(()));
            }
            let Poll::Ready(frame) = transport.poll_receive(cx) else {
                return Poll::Pending;
            };
            engine.receive(now, frame?)?;
        }
    })
    .await?;
    Ok(transport)
}
