//! A client's dialog with Redis: how commands map to requests, and frames to replies and pushes.

use std::collections::HashMap;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use swarm_resp::{Frame, Request, RespVersion};
use swarm_transport::TransportError;

use super::replies::{Listening, Sorted};
use super::transaction::Transaction;
use super::upstream::{Address, Upstream};
use crate::backend::Client;
use crate::fault::ReplyFault;
use crate::outbox::Ending;

/// Payload of the PING sent after a SUBSCRIBE-family command. Its echo marks the last reply,
/// because only the server knows how many replies there are.
const FENCE: &str = "swarm-gateway";

pub(super) struct Conversation {
    address: Arc<Address>,
    client: Client,
    upstream: Option<Upstream>,
    listening: Listening,
    transaction: Transaction,
}

impl Conversation {
    pub(super) fn new(address: Arc<Address>, client: Client) -> Self {
        Self {
            address,
            client,
            upstream: None,
            listening: Listening::default(),
            transaction: Transaction::default(),
        }
    }

    pub(super) const fn in_transaction(&self) -> bool {
        self.transaction.is_open()
    }

    /// Returns the connection, if there is one.
    pub(super) const fn upstream(&mut self) -> Option<&mut Upstream> {
        self.upstream.as_mut()
    }

    /// Returns whether a command may be sent before the replies to earlier ones have arrived: it
    /// has one reply, and changes nothing that the gateway must know for the next command.
    pub(super) fn pipelines<'a>(
        &self,
        name: &str,
        mut args: impl Iterator<Item = &'a [u8]>,
    ) -> bool {
        self.upstream.is_some()
            && !is_subscribing(name)
            && match name {
                "MULTI" | "EXEC" | "DISCARD" | "RESET" | "AUTH" | "HELLO" | "QUIT" => false,
                "CLIENT" => refusal(name, args.nth(1), self.transaction.is_open()).is_none(),
                _ if refusal(name, None, self.transaction.is_open()).is_some() => false,
                _ => !waits(name, args),
            }
    }

    /// Receives the next reply, and puts pushes into the outbox.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        let Some(upstream) = &mut self.upstream else {
            return Poll::Pending;
        };
        loop {
            let frame = std::task::ready!(upstream.poll_receive(cx))?;
            match self.listening.sort(frame, false) {
                Sorted::Reply(frame) => return Poll::Ready(Ok(frame)),
                Sorted::Push(frame) | Sorted::Acknowledgement(frame) => {
                    self.client.outbox.push(frame, None);
                }
            }
        }
    }

    /// Returns the connection, dialing first if necessary. The error is the text of the error
    /// reply.
    async fn connected(&mut self) -> Result<&mut Upstream, String> {
        let upstream = match self.upstream.take() {
            Some(upstream) => upstream,
            None => {
                let protocol = self.client.outbox.protocol();
                let dialed = self.address.dial(protocol).await.map_err(|error| {
                    tracing::warn!(id = self.client.id, error, "cannot reach Redis");
                    format!("ERR the gateway cannot reach Redis: {error}")
                });
                self.listening.protocol = protocol;
                dialed?
            }
        };
        Ok(self.upstream.insert(upstream))
    }

    /// Runs a command that is alone on the connection.
    pub(super) async fn call(
        &mut self,
        name: &str,
        args: Vec<Bytes>,
    ) -> Result<(), TransportError> {
        if name == "RESET" && self.upstream.is_none() {
            self.reply(name, Frame::simple("RESET"));
            return Ok(());
        }
        let subcommand = args.get(1).map(Bytes::as_ref);
        if let Some(text) = refusal(name, subcommand, self.transaction.is_open()) {
            self.transaction.spoil();
            let error = Frame::error(text);
            self.client.outbox.reply(error, ReplyFault::default());
            return Ok(());
        }
        if let Err(text) = self.connected().await {
            let error = Frame::error(text);
            self.client.outbox.reply(error, ReplyFault::default());
            return Ok(());
        }
        if name == "EXEC" && self.transaction.is_spoiled() {
            self.ask(Request::new("DISCARD", ())).await?;
            let text = "EXECABORT Transaction discarded because of previous errors.";
            self.reply(name, Frame::error(text));
            return Ok(());
        }
        let command = Request::new("", args);
        if is_subscribing(name) {
            return self.subscribe(name, command).await;
        }
        let reply = self.ask(command).await?;
        if name == "RESET" && reply.as_error().is_none() {
            self.listening = Listening::default();
            if let Some(upstream) = &mut self.upstream
                && let Err(error) = self.address.introduce(upstream).await
            {
                tracing::warn!(
                    id = self.client.id,
                    error,
                    "Redis rejected the gateway's credentials"
                );
                self.client.outbox.end(Ending::Lost);
            }
        }
        self.reply(name, reply);
        Ok(())
    }

    /// Sends a command and awaits its single reply.
    async fn ask(&mut self, command: Request) -> Result<Frame, TransportError> {
        let Some(upstream) = &mut self.upstream else {
            return pending().await;
        };
        upstream.send([command]).await?;
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// Sends a SUBSCRIBE-family command and collects all of its replies.
    async fn subscribe(&mut self, name: &str, command: Request) -> Result<(), TransportError> {
        let fence = Request::new("PING", FENCE);
        if let Some(upstream) = &mut self.upstream {
            upstream.send([command, fence]).await?;
        }
        let mut replies = Vec::new();
        while let Some(upstream) = &mut self.upstream {
            let frame = upstream.receive().await?;
            match self.listening.sort(frame, true) {
                Sorted::Reply(frame) if is_fence(&frame) => break,
                Sorted::Reply(frame) | Sorted::Acknowledgement(frame) => replies.push(frame),
                Sorted::Push(frame) => {
                    // The server never interleaves a push with the replies of one command, so a
                    // push comes either before the first or after the last.
                    self.replies(name, std::mem::take(&mut replies));
                    self.client.outbox.push(frame, None);
                }
            }
        }
        self.replies(name, replies);
        Ok(())
    }

    /// Switches the protocol and sets the connection name.
    pub(super) async fn greet(
        &mut self,
        protocol: Option<RespVersion>,
        name: Option<Bytes>,
    ) -> Result<Result<u64, String>, TransportError> {
        if let Err(text) = self.connected().await {
            return Ok(Err(text));
        }
        let version = protocol.map(|protocol| match protocol {
            RespVersion::Resp3 => 3,
            _ => 2,
        });
        let name = name.map(|name| ("SETNAME", name));
        let reply = self.ask(Request::new("HELLO", (version, name))).await?;
        if let Some(error) = reply.as_error() {
            return Ok(Err(error.to_string()));
        }
        if let Some(protocol) = protocol {
            self.listening.protocol = protocol;
        }
        let facts = reply.convert::<HashMap<String, Frame>>();
        let id = facts.ok().and_then(|facts| facts.get("id")?.as_integer());
        let id = id.and_then(|id| u64::try_from(id).ok());
        Ok(Ok(id.unwrap_or(self.client.id)))
    }

    /// Puts the reply of a command into the outbox, subject to any planned fault.
    pub(super) fn reply(&mut self, name: &str, reply: Frame) {
        self.note(name, &reply);
        let fault = self.client.faults.reply_fault(name);
        self.client.outbox.reply(reply, fault);
    }

    /// Puts the replies of a command with any number of them into the outbox.
    fn replies(&mut self, name: &str, replies: Vec<Frame>) {
        let Some(first) = replies.first() else {
            return;
        };
        self.note(name, first);
        let fault = self.client.faults.reply_fault(name);
        self.client.outbox.replies(replies, fault);
    }

    fn note(&mut self, name: &str, reply: &Frame) {
        self.transaction
            .note(name, reply, |ran| self.client.faults.count(ran));
    }
}

fn is_subscribing(name: &str) -> bool {
    matches!(
        name,
        "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE" | "SUNSUBSCRIBE"
    )
}

/// Returns whether a command may block waiting for data; such a command is canceled when its client
/// disconnects.
pub(super) fn waits<'a>(name: &str, mut args: impl Iterator<Item = &'a [u8]>) -> bool {
    match name {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BLMPOP" | "BRPOPLPUSH" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => true,
        "XREAD" | "XREADGROUP" => args.any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")),
        _ => false,
    }
}

/// Returns whether this is the reply to the marker PING, which is an array on a RESP2 connection
/// with subscriptions.
fn is_fence(frame: &Frame) -> bool {
    let text = match frame.items() {
        Some(mut items) => items.nth(1).and_then(|text| text.as_str()),
        None => frame.as_str(),
    };
    text == Some(FENCE)
}

/// Returns the reason a command cannot be forwarded: it does not produce exactly one reply, or it
/// would affect other clients.
fn refusal(name: &str, subcommand: Option<&[u8]>, in_transaction: bool) -> Option<String> {
    let replies = name == "CLIENT"
        && subcommand.is_some_and(|subcommand| subcommand.eq_ignore_ascii_case(b"REPLY"));
    match name {
        "MONITOR" | "SYNC" | "PSYNC" | "REPLCONF" => {
            Some(format!("ERR {name} is not available through the gateway"))
        }
        _ if replies => Some("ERR CLIENT REPLY is not available through the gateway".to_owned()),
        _ if in_transaction && (is_subscribing(name) || matches!(name, "AUTH" | "HELLO")) => {
            Some("ERR Command not allowed inside a transaction".to_owned())
        }
        _ => None,
    }
}
