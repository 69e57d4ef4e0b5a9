//! What a test tells a peer to do, and what it learns of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use swarm_resp::{Frame, Request};
use tokio::sync::Semaphore;

/// How a peer treats a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers every request.
    Answers,
    /// Reads and never answers, but for PING.
    IsMute,
    /// Does not even read behind the handshake.
    IsDeaf,
    /// Answers so many requests, PING not counted, then ends its side.
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

    /// Requests that arrived, PING not counted.
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

    /// The reply to a request, or none.
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

    /// Whether the peer ends its side now.
    pub(crate) fn leaves(&self) -> bool {
        matches!(self.manner, Manner::Leaves(after) if self.requests() >= after)
    }
}

/// The arguments of a command.
pub(crate) fn args(request: &Request) -> Vec<Vec<u8>> {
    request.args().map(<[u8]>::to_vec).collect()
}
