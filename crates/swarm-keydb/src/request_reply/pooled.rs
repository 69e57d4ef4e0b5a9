//! The shared connection as one of several: its part in the pool of the client's connections.

use std::task::Context;
use std::time::Duration;

use super::dispatch::Dispatcher;
use super::{RequestReply, Role};
use crate::options::CommandOrder;
use crate::pool::Limits;
use crate::runtime::Instant;
use crate::status::Growth;

/// Round trip that is assumed where no handshake shows one: a transport without sessions sends one
/// request at a time, so another connection helps on a distant server, too.
const WITHOUT_HANDSHAKE: Duration = Duration::from_millis(1);

/// Limits of a server that needs one connection.
const ONE: Limits = Limits { min: 1, max: 1 };

impl RequestReply {
    /// The connection is ready: creates the dispatcher if the server may need several connections.
    pub(super) fn enter_pool(&mut self) {
        let now = Instant::now();
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
        let platform = self.factory.target.max_connections.unwrap_or(max);
        let max = max.min(platform);
        let min = options.min_connections.min(max);
        let limits = Limits { min, max };
        if self.dispatcher.is_none() && server.write_queue {
            let dispatcher = Dispatcher::new(self.factory.clone(), dedicated.clone(), limits);
            self.dispatcher = Some(Box::new(dispatcher));
        }
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.set_limits(limits, !server.write_queue, now);
            dispatcher.connected(&mut self.engine, handshake, now);
        }
        self.note_connections(1);
    }

    /// The connection is about to be set aside: its calls in flight stay in order with later ones.
    pub(super) fn order_aside(&mut self) {
        let Some(dedicated) = &self.dedicated else {
            return;
        };
        if self.dispatcher.is_none() && self.factory.options.ordering == CommandOrder::None {
            return;
        }
        let now = Instant::now();
        let dispatcher = self.dispatcher.get_or_insert_with(|| {
            let (factory, dedicated) = (self.factory.clone(), dedicated.clone());
            let mut dispatcher = Dispatcher::new(factory, dedicated, ONE);
            dispatcher.set_limits(ONE, true, now);
            Box::new(dispatcher)
        });
        dispatcher.set_aside(&mut self.engine, now);
    }

    /// The connection is lost. Calls that were not sent, or may be sent again, return to the pool.
    pub(super) fn leave_pool(&mut self) {
        let now = Instant::now();
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.adopt(&mut self.engine, now);
            dispatcher.disconnected(now);
            dispatcher.fence_calls_elsewhere(&mut self.engine);
        }
        self.note_connections(0);
        if self.is_pooled() {
            self.give_back_calls();
        }
    }

    /// Publishes the number of connections: this many, if the server needs no more than one.
    fn note_connections(&self, primary: usize) {
        match &self.dispatcher {
            Some(dispatcher) if !dispatcher.is_temporary() => {
                dispatcher.note_connections(&self.status);
            }
            _ => self.status.note_connections(primary, 1, Growth::Single),
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
            if dispatcher.is_done() {
                self.dispatcher = None;
            }
        }
    }
}
