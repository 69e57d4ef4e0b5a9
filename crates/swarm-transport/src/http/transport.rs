//! The HTTP transport: concurrent requests, replies in request order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use swarm_resp::{Frame, RequestRef};

use super::platform::{Exchange, Running};
use super::refuse;
use crate::{
    Capabilities, PeerIdentity, RequestRejection, Transport, TransportError, TransportErrorKind,
    TransportOptions,
};

pub(super) struct HttpTransport {
    exchange: Arc<Exchange>,
    /// Requests in flight, oldest first. Replies are returned from the front.
    in_flight: VecDeque<Running>,
    concurrency: usize,
    capabilities: Capabilities,
    /// The task that waits for a request or for capacity.
    waiter: Option<Waker>,
    closed: bool,
}

impl HttpTransport {
    pub(super) fn new(exchange: Arc<Exchange>, options: &TransportOptions) -> Self {
        Self {
            exchange,
            in_flight: VecDeque::new(),
            concurrency: options.http_concurrency,
            capabilities: Capabilities {
                push: false,
                session: false,
                binary_arguments: false,
                pipelining: true,
                ordered: options.http_concurrency == 1,
                resp3: false,
                max_request: options.max_request,
            },
            waiter: None,
            closed: false,
        }
    }

    fn ensure_open(&self) -> Result<(), TransportError> {
        if self.closed {
            return Err(TransportError::new(
                TransportErrorKind::Closed,
                "the transport is closed",
            ));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.closed = true;
        self.in_flight.clear();
    }
}

impl Transport for HttpTransport {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        refuse::check(request)?;
        self.capabilities.check(request)
    }

    fn peer_identified(&mut self, peer: &PeerIdentity) {
        self.exchange.peer_identified(peer);
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        if self.in_flight.len() < self.concurrency {
            return Poll::Ready(Ok(()));
        }
        // Capacity is released when the oldest reply is taken.
        self.waiter = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.ensure_open()?;
        let running = Running::start(&self.exchange, request);
        self.in_flight.push_back(running);
        if let Some(waker) = self.waiter.take() {
            waker.wake();
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.ensure_open()?;
        // Each request runs by itself as soon as it is started.
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.ensure_open()?;
        let Some(front) = self.in_flight.front_mut() else {
            self.waiter = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let result = ready!(front.poll(cx));
        self.in_flight.pop_front();
        if let Some(waker) = self.waiter.take() {
            waker.wake();
        }
        // The PING on connect was answered, so the peer does speak HTTP.
        Poll::Ready(result.map_err(|error| {
            self.end();
            error.after_replies()
        }))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // Wait until all started requests have run; their replies are discarded.
        while let Some(front) = self.in_flight.front_mut() {
            let _ = ready!(front.poll(cx));
            self.in_flight.pop_front();
        }
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("capabilities", &self.capabilities)
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}
