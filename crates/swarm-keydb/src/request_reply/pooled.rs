//! The shared connection as one of several: its part in the pool of the client's connections.

use std::task::Context;
use std::time::Duration;

use super::dispatch::Dispatcher;
use super::{RequestReply, Role};
use crate::options::CommandOrder;
use crate::pool::Limits;
use crate::status::Growth;

/// Round trip that is assumed where no handshake shows one: a transport without sessions sends one
/// request at a time, so another connection helps on a distant server, too.
const WITHOUT_HANDSHAKE: Duration = Duration::from_millis(1);

impl RequestReply {
    /// The connection is ready: creates the dispatcher if the server may need several connections.
    pub(super) fn enter_pool(&mut self) {
        let now = tokio::time::Instant::now().into_std();
        let handshake = match self.opened {
            // The handshake takes at least two round trips.
            Some(opened) if self.engine.session().is_stateful() => {
                now.saturating_duration_since(opened) / 2
            }
            _ => WITHOUT_HANDSHAKE,
        };
        self.status.note_handshake(handshake);
        let Some(dedicated) = &self.dedicated else {
            return;
        };
        let server = self.engine.session().server();
        let options = &self.factory.options;
        let max = match options.ordering {
            CommandOrder::All => 1,
            // One connection is fastest, whatever the options allow.
            _ if !server.write_queue => 1,
            _ => options.max_connections.unwrap_or(server.max_connections()),
        };
        let min = options.min_connections.min(max);
        let limits = Limits { min, max };
        let known = &mut self.dispatcher;
        if let Some(mut dispatcher) = known.take_if(|known| known.limits() != limits) {
            // Another kind of server.
            dispatcher.disengage(&mut self.engine, now);
            self.engine.pooled().set_window(usize::MAX);
        }
        if self.dispatcher.is_none() && server.write_queue {
            let dispatcher = Dispatcher::new(self.factory.clone(), dedicated.clone(), limits);
            self.dispatcher = Some(Box::new(dispatcher));
        }
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.connected(&mut self.engine, handshake, now);
            dispatcher.note_connections(&self.status);
        } else {
            self.status.note_connections(1, 1, Growth::Single);
        }
    }

    /// The connection is lost. Calls that were not sent, or may be sent again, return to the pool.
    pub(super) fn leave_pool(&mut self) {
        let now = tokio::time::Instant::now().into_std();
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.adopt(&mut self.engine, now);
            dispatcher.disconnected(now);
            dispatcher.note_connections(&self.status);
        } else {
            self.status.note_connections(0, 1, Growth::Single);
        }
        if self.is_pooled() {
            self.give_back_calls();
        }
    }

    /// Whether calls may come from a pool: on a worker, or while several connections are in use.
    pub(super) fn is_pooled(&self) -> bool {
        let dispatcher = self.dispatcher.as_ref();
        self.role == Role::Secondary || dispatcher.is_some_and(|dispatcher| dispatcher.is_engaged())
    }

    /// Hands out calls of the pool.
    #[inline]
    pub(super) fn poll_pool(&mut self, cx: &mut Context<'_>) {
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.poll(&mut self.engine, &self.status, cx);
            if self.queue_done {
                dispatcher.close(self.closing.by());
            }
        }
    }
}
