//! HTTP to the simulated server: requests that run at the same time, in any order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Frame, RequestRef};
use swarm_transport::facts::{Session, facts};
use swarm_transport::{
    Capabilities, RequestRejection, Transport, TransportError, TransportErrorKind,
};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::world::{World, ids, text};

pub(super) struct HttpTransport {
    world: World,
    concurrency: usize,
    /// The replies, in the order of the requests.
    in_flight: VecDeque<oneshot::Receiver<Frame>>,
    waiter: Option<Waker>,
}

impl HttpTransport {
    pub(super) fn new(world: World, concurrency: usize) -> Self {
        Self {
            world,
            concurrency,
            in_flight: VecDeque::new(),
            waiter: None,
        }
    }

    fn wake(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }
}

/// Runs a request. Without a reply, the exchange has failed.
async fn exchange(
    world: World,
    number: u32,
    request: Vec<Bytes>,
    mut reply: oneshot::Sender<Frame>,
) {
    let mut rng = world.rng(number);
    let keys = match &*request[0] {
        b"SET" | b"XADD" | b"EVAL" => 1,
        b"MSET" => request.len() / 2,
        _ => 0,
    };
    let service = world.setup.service * u32::try_from(keys).unwrap();
    let time = Duration::from_micros(rng.u64(0..3000)) + service;
    let before = time.mul_f64(rng.f64());
    let is_lost = |world: &World, rng: &mut fastrand::Rng| world.is_http_down() && rng.bool();
    if is_lost(&world, &mut rng) {
        return;
    }
    tokio::select! {
        biased;
        () = reply.closed() => {
            // The client has given up. The server may run the request nevertheless.
            if rng.bool() {
                return;
            }
            sleep(before).await;
        }
        () = sleep(before) => {}
    }
    let frame = world.run(&request, number, reply.is_closed());
    sleep(time.saturating_sub(before)).await;
    if !is_lost(&world, &mut rng) {
        let _gone = reply.send(frame);
    }
}

impl Transport for HttpTransport {
    fn capabilities(&self) -> Capabilities {
        Capabilities::FULL
            .with_push(false)
            .with_session(false)
            .with_binary_arguments(false)
            .with_ordered(self.concurrency == 1)
            .with_resp3(false)
    }

    fn check(&self, request: RequestRef<'_>) -> Result<(), RequestRejection> {
        match facts(&request.args()).session {
            Session::Unchanged => Ok(()),
            _ => Err(RequestRejection::Unsupported {
                command: String::from_utf8_lossy(request.name()).into_owned(),
                needs: "a session",
                transport: "HTTP",
            }),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.in_flight.len() < self.concurrency {
            return Poll::Ready(Ok(()));
        }
        self.waiter = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
        let words: Vec<_> = request.args().map(Bytes::copy_from_slice).collect();
        let number = self.world.next_request();
        self.world
            .trace(|| format!("HTTP {number:x} <- {}", text(&words)));
        if let Some(id) = ids(&words) {
            self.world.note_sent(id, number);
        }
        let (sender, reply) = oneshot::channel();
        tokio::spawn(exchange(self.world.clone(), number, words, sender));
        self.in_flight.push_back(reply);
        self.wake();
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        self.waiter = Some(cx.waker().clone());
        let Some(reply) = self.in_flight.front_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(reply) = Pin::new(reply).poll(cx) else {
            return Poll::Pending;
        };
        self.in_flight.pop_front();
        self.wake();
        Poll::Ready(
            reply.map_err(|_| {
                TransportError::new(TransportErrorKind::Io, "the exchange has failed")
            }),
        )
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }
}
