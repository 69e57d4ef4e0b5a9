//! The way over HTTP while the connection cannot be made.

use std::sync::Arc;
use std::task::{Context, Poll};

use swarm_transport::{BoxTransport, Connect, TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::{Driver, GRACE};
use crate::engine::{Caller, Engine};
use crate::status::State;

/// The other way, and whether it is open.
pub(super) struct Detour {
    connector: Arc<dyn Connect>,
    open: Option<Open>,
}

struct Open {
    transport: BoxTransport,
    flushed: bool,
}

impl Detour {
    pub(super) fn new(connector: Arc<dyn Connect>) -> Self {
        Self {
            connector,
            open: None,
        }
    }
}

impl Driver {
    /// Tries the other way, after a dial has failed. Says whether it is open.
    pub(super) async fn open_detour(&mut self) -> Option<bool> {
        let Some(detour) = &self.detour else {
            return Some(false);
        };
        if detour.open.is_some() {
            return Some(true);
        }
        let connector = Arc::clone(&detour.connector);
        let dial = tokio::time::timeout(
            self.connect_timeout.saturating_add(GRACE),
            connector.connect(),
        );
        let dialed = self.while_offline(dial).await?;
        let open = match dialed {
            Ok(Ok(transport)) => Some(Open {
                transport,
                flushed: true,
            }),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the HTTP gateway cannot be reached either");
                None
            }
            Err(_) => None,
        };
        let is_open = open.is_some();
        if let Some(detour) = &mut self.detour {
            detour.open = open;
        }
        if is_open {
            self.status.set(State::Fallback);
        }
        Some(is_open)
    }

    pub(super) fn detour_is_open(&self) -> bool {
        self.detour
            .as_ref()
            .is_some_and(|detour| detour.open.is_some())
    }

    /// Moves requests and frames over the other way, if it is open. Once there is a connection again, nothing more is sent
    /// there, and it closes when all is answered.
    pub(super) fn poll_detour(&mut self, connected: bool, cx: &mut Context<'_>) {
        let Some(detour) = &mut self.detour else {
            return;
        };
        let Some(open) = &mut detour.open else { return };
        if let Err(error) = open.poll(&mut self.engine, connected, cx) {
            tracing::debug!(%error, "the HTTP gateway is lost");
            self.engine.detour_failed(&Arc::new(error));
            detour.open = None;
            self.status.set(State::Reconnecting);
        } else if connected && self.engine.detour_is_settled() {
            self.engine.close_detour();
            detour.open = None;
        }
    }
}

impl Open {
    fn poll<C: Caller>(
        &mut self,
        engine: &mut Engine<C>,
        connected: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        loop {
            let now = Instant::now().into_std();
            while !connected && let Poll::Ready(ready) = self.transport.poll_ready(cx) {
                ready?;
                let transport = &self.transport;
                let Some(request) = engine.next_detour(now, |request| transport.check(request))
                else {
                    break;
                };
                self.transport.start_send(request)?;
                self.flushed = false;
            }
            if !self.flushed
                && let Poll::Ready(done) = self.transport.poll_flush(cx)
            {
                done?;
                self.flushed = true;
            }
            let Poll::Ready(frame) = self.transport.poll_receive(cx) else {
                return Ok(());
            };
            engine.receive_detour(frame?).map_err(|violation| {
                TransportError::new(TransportErrorKind::Protocol, violation.to_string())
            })?;
        }
    }
}
