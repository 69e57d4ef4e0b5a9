//! A transport that a failover has opened: tells its route, and reports its own end.

use std::sync::Arc;
use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};

use super::route::Connection;
use crate::route::Routing as _;
use crate::{Intercept, PeerIdentity, Route, Transport, TransportError};

pub(super) struct Routed {
    connection: Arc<Connection>,
    route: Route,
}

impl Routed {
    pub(super) fn new(connection: Connection) -> Self {
        let connection = Arc::new(connection);
        let route = Route::new(Arc::clone(&connection) as Arc<_>);
        Self { connection, route }
    }

    fn noting<T>(
        &self,
        polled: Poll<Result<T, TransportError>>,
    ) -> Poll<Result<T, TransportError>> {
        if let Poll::Ready(Err(_)) = &polled {
            self.connection.lost();
        }
        polled
    }
}

impl Intercept for Routed {
    fn route<'a>(&'a self, _: &'a dyn Transport) -> Option<&'a Route> {
        Some(&self.route)
    }

    fn peer_identified(&mut self, inner: &mut dyn Transport, peer: &PeerIdentity) {
        self.connection.established();
        inner.peer_identified(peer);
    }

    fn poll_ready(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.noting(inner.poll_ready(cx))
    }

    fn start_send(
        &mut self,
        inner: &mut dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), TransportError> {
        inner
            .start_send(request)
            .inspect_err(|_| self.connection.lost())
    }

    fn poll_flush(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.noting(inner.poll_flush(cx))
    }

    fn poll_receive(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        self.noting(inner.poll_receive(cx))
    }
}

impl Drop for Routed {
    fn drop(&mut self) {
        self.connection.closed();
    }
}
