//! What the deployed WebSocket gateway answers as it reads, ahead of pending replies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use swarm_resp::Frame;

use super::{Inbound, Shared};
use crate::login::WRONG_PASSWORD;
use crate::outbox::Outbox;

/// Answers AUTH, malformed input, and commands before authentication at once and in order.
pub(crate) struct Door {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    authenticated: Arc<AtomicBool>,
}

impl Door {
    pub(super) const fn new(
        shared: Arc<Shared>,
        outbox: Arc<Outbox>,
        authenticated: Arc<AtomicBool>,
    ) -> Self {
        Self {
            shared,
            outbox,
            authenticated,
        }
    }

    /// Returns the input if it is for the session.
    pub(crate) fn admit(&self, inbound: Inbound) -> Option<Inbound> {
        let name = inbound.name();
        let answer = match inbound.args() {
            Err(text) => Some(Err(text.to_owned())),
            Ok(args) if &*name == "AUTH" => Some(self.auth(args)),
            Ok(_) if matches!(&*name, "PING" | "QUIT") => None,
            Ok(_) if !self.authenticated.load(Ordering::Relaxed) => {
                Some(Err("NOAUTH Authentication required.".to_owned()))
            }
            Ok(_) => None,
        };
        let Some(answer) = answer else {
            return Some(inbound);
        };
        let fault = self.shared.faults.reply_fault(&name);
        let frame = answer.unwrap_or_else(Frame::error);
        self.outbox
            .answer_ahead(frame, inbound.json_name(&name), fault);
        None
    }

    fn auth(&self, args: &[Bytes]) -> Result<Frame, String> {
        self.shared.faults.count("AUTH");
        if let Some(reply) = self.shared.faults.answer_for("AUTH") {
            return Ok(reply);
        }
        match args {
            _ if self.shared.password.is_none() => {}
            [_, password] if self.shared.accepts_password(Some(password)) => {}
            [_, _] => return Err(WRONG_PASSWORD.to_owned()),
            _ => return Err("ERR wrong number of arguments for 'AUTH' command".to_owned()),
        }
        self.authenticated.store(true, Ordering::Relaxed);
        Ok(Frame::simple("OK"))
    }
}
