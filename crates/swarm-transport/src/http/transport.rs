//! Requests over HTTP as an ordered transport.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use swarm_resp::{Frame, RequestRef};
use tokio::task::JoinHandle;

use super::exchange::Exchange;
use super::refuse;
use crate::{
    Capabilities, PeerIdentity, RequestRejection, Transport, TransportError, TransportErrorKind,
    TransportOptions,
};

pub(super) struct HttpTransport {
    exchange: Arc<Exchange>,
    /// Requests on their way, oldest first. Their results leave from the front.
    in_flight: VecDeque<Running>,
    concurrency: usize,
    capabilities: Capabilities,
    /// Who waits for a frame while nothing is in flight.
    idle: Option<Waker>,
    dead: bool,
}

/// A task that ends with its handle.
struct Running(JoinHandle<Result<Frame, TransportError>>);

impl Running {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        Pin::new(&mut self.0).poll(cx).map(|joined| {
            joined.unwrap_or_else(|error| {
                let what = "the task of a request ended before it had its answer";
                Err(TransportError::new(TransportErrorKind::Io, what).with_source(error))
            })
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
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
            idle: None,
            dead: false,
        }
    }

    fn alive(&self) -> Result<(), TransportError> {
        if self.dead {
            return Err(TransportError::new(
                TransportErrorKind::Closed,
                "the transport is closed",
            ));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.dead = true;
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
        self.alive()?;
        if self.in_flight.len() < self.concurrency {
            return Poll::Ready(Ok(()));
        }
        // There is room again when the front's result is taken.
        self.idle = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        self.alive()?;
        let (exchange, request) = (Arc::clone(&self.exchange), request.to_request());
        let task = tokio::spawn(async move { exchange.run(&request).await });
        self.in_flight.push_back(Running(task));
        if let Some(waker) = self.idle.take() {
            waker.wake();
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.alive()?;
        // Each request is a task of its own, on its way since it was started.
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.alive()?;
        let Some(front) = self.in_flight.front_mut() else {
            self.idle = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let result = ready!(front.poll(cx));
        self.in_flight.pop_front();
        if let Some(waker) = self.idle.take() {
            waker.wake();
        }
        // The dial's PING was a reply.
        Poll::Ready(result.map_err(|error| {
            self.end();
            error.after_replies()
        }))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // What was started reaches the server before the connections go; the results are nobody's.
        while let Some(front) = self.in_flight.front_mut() {
            let _ = ready!(front.poll(cx));
            self.in_flight.pop_front();
        }
        self.dead = true;
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
