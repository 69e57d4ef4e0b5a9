//! How a script reaches the store: it stops at a command, and waits for the reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use mlua::Error;
use swarm_resp::{Frame, RespVersion};
use tokio::sync::mpsc::UnboundedSender;

use super::super::Stop;
use super::raised::Raised;

/// The error that ends a script.
pub(super) const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// The script's ends of the channels.
pub(in super::super) struct Port {
    pub(in super::super) stops: UnboundedSender<Stop>,
    pub(in super::super) replies: Receiver<Option<Frame>>,
    pub(in super::super) killed: Arc<AtomicBool>,
}

impl Port {
    pub(super) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    /// Runs or only checks a command, and waits for its reply.
    pub(super) fn call(
        &self,
        args: Vec<Bytes>,
        protocol: RespVersion,
        only_checks: bool,
    ) -> mlua::Result<Frame> {
        // A script that spends its time in commands runs few instructions.
        if self.is_killed() {
            return Err(Raised::reply(KILLED));
        }
        let gone = || Error::runtime("the server is about to stop");
        let call = Stop::Call {
            args,
            protocol,
            only_checks,
        };
        self.stops.send(call).map_err(|_| gone())?;
        self.replies.recv().ok().flatten().ok_or_else(gone)
    }
}
