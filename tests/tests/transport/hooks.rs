//! Controls a peer's behavior from a test, and reports what the peer has seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use swarm_resp::{Frame, Request};
use tokio::sync::Semaphore;

/// Behavior of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers every request.
    Answers,
    /// Reads, but answers only PING.
    IsMute,
    /// Does not read after the handshake.
    IsDeaf,
    /// Answers this many requests, PING excluded, then closes its side.
    Leaves(usize),
}

/// Shared by a test and the peers of its connections.
#[derive(Debug, Clone)]
pub(crate) struct Hooks {
    pub(crate) manner: Manner,
    requests: Arc<AtomicUsize>,
    ended: Arc<Semaphore>,
}

impl Hooks {
    pub(crate) fn new(manner: Manner) -> Self {
        Self {
            manner,
            requests: Arc::default(),
            ended: Arc::new(Semaphore::new(0)),
        }
    }

    /// Returns the number of requests received, PING excluded.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Waits until a connection has ended.
    pub(crate) async fn ended(&self) {
        self.ended.acquire().await.unwrap().forget();
    }

    pub(crate) fn end(&self) {
        self.ended.add_permits(1);
    }

    /// Returns the reply to a request, if any.
    pub(crate) fn reply(&self, args: &[impl AsRef<[u8]>]) -> Option<Frame> {
        let args: Vec<_> = args.iter().map(AsRef::as_ref).collect();
        if args == [b"PING".as_slice()] {
            return Some(Frame::simple("PONG"));
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        if self.manner == Manner::IsMute {
            return None;
        }
        Some(match args.as_slice() {
            [b"ECHO", value] => Frame::bulk(value.to_vec()),
            [b"LIST", values @ ..] => {
                let values: Vec<_> = values
                    .iter()
                    .map(|value| Frame::bulk(value.to_vec()))
                    .collect();
                Frame::array(&values)
            }
            [b"FAIL"] => Frame::error("ERR as asked"),
            _ => Frame::null(),
        })
    }

    /// Returns whether the peer closes its side now.
    pub(crate) fn leaves(&self) -> bool {
        matches!(self.manner, Manner::Leaves(after) if self.requests() >= after)
    }
}

/// Returns the arguments of a command.
pub(crate) fn args(request: &Request) -> Vec<Vec<u8>> {
    request.args().map(<[u8]>::to_vec).collect()
}
