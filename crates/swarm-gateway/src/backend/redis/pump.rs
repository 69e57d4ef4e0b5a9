//! Task that owns a client's upstream connection: forwards commands, replies, and pushes.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use swarm_resp::{Frame, Request, RespVersion};
use swarm_transport::TransportError;
use tokio::sync::{mpsc, oneshot};

use super::replies::{Listening, Sorted};
use super::transaction::Transaction;
use super::upstream::{Address, Upstream};
use crate::backend::Client;
use crate::fault::ReplyFault;
use crate::outbox::Ending;

/// Request from a session to its pump.
pub(super) enum Job {
    Call {
        name: String,
        args: Vec<Bytes>,
        /// Signals that the replies are in the outbox. Dropping the receiver cancels the command.
        done: oneshot::Sender<()>,
    },
    Greet {
        protocol: Option<RespVersion>,
        name: Option<Bytes>,
        /// Receives the connection ID, or the text of the error reply.
        done: oneshot::Sender<Result<u64, String>>,
    },
}

/// Payload of the PING sent after a SUBSCRIBE-family command. Its echo marks the last reply,
/// because only the server knows how many replies there are.
const FENCE: &str = "swarm-gateway";

pub(super) struct Pump {
    address: Arc<Address>,
    client: Client,
    upstream: Option<Upstream>,
    listening: Listening,
    transaction: Transaction,
    in_transaction: Arc<AtomicBool>,
}

impl Pump {
    pub(super) fn new(
        address: Arc<Address>,
        client: Client,
        in_transaction: Arc<AtomicBool>,
    ) -> Self {
        Self {
            address,
            client,
            upstream: None,
            listening: Listening::default(),
            transaction: Transaction::default(),
            in_transaction,
        }
    }

    /// Runs until the session ends, the upstream disconnects, or a command is canceled.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            let job = tokio::select! {
                job = jobs.recv() => job,
                heard = self.hear() => match heard {
                    Ok(()) => continue,
                    Err(error) => return self.lost(&error),
                },
            };
            // A command that was sent upstream can only be canceled by closing the connection. Its
            // watches and queued commands are lost too, so the client connection must end as well.
            let worked = match job {
                None => return,
                Some(Job::Call {
                    name,
                    args,
                    mut done,
                }) => tokio::select! {
                    called = self.call(&name, args) => called.map(|()| done.send(()).is_ok()),
                    () = done.closed() => return self.client.outbox.end(Ending::Gone),
                },
                Some(Job::Greet {
                    protocol,
                    name,
                    mut done,
                }) => tokio::select! {
                    greeted = self.greet(protocol, name) => {
                        greeted.map(|reply| done.send(reply).is_ok())
                    }
                    () = done.closed() => return self.client.outbox.end(Ending::Gone),
                },
            };
            if let Err(error) = worked {
                return self.lost(&error);
            }
        }
    }

    fn lost(&self, error: &TransportError) {
        tracing::warn!(id = self.client.id, %error, "connection to Redis lost");
        self.client.outbox.end(Ending::Lost);
    }

    /// Forwards pushes while no command is running.
    async fn hear(&mut self) -> Result<(), TransportError> {
        let Some(upstream) = &mut self.upstream else {
            return pending().await;
        };
        let frame = upstream.receive().await?;
        let (Sorted::Push(frame) | Sorted::Acknowledgement(frame) | Sorted::Reply(frame)) =
            self.listening.sort(frame, false);
        self.client.outbox.push(frame, None);
        Ok(())
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

    async fn call(&mut self, name: &str, args: Vec<Bytes>) -> Result<(), TransportError> {
        if name == "RESET" && self.upstream.is_none() {
            self.reply(name, vec![Frame::simple("RESET")]);
            return Ok(());
        }
        if let Some(text) = refusal(name, &args, self.transaction.is_open()) {
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
            self.reply(name, vec![Frame::error(text)]);
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
        self.reply(name, vec![reply]);
        Ok(())
    }

    /// Sends a command and awaits its single reply.
    async fn ask(&mut self, command: Request) -> Result<Frame, TransportError> {
        let Some(upstream) = &mut self.upstream else {
            return pending().await;
        };
        upstream.send([command]).await?;
        loop {
            match self.listening.sort(upstream.receive().await?, false) {
                Sorted::Reply(frame) => return Ok(frame),
                Sorted::Push(frame) | Sorted::Acknowledgement(frame) => {
                    self.client.outbox.push(frame, None);
                }
            }
        }
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
                    self.reply(name, std::mem::take(&mut replies));
                    self.client.outbox.push(frame, None);
                }
            }
        }
        self.reply(name, replies);
        Ok(())
    }

    async fn greet(
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

    /// Puts the replies of one command into the outbox, subject to any planned fault.
    fn reply(&mut self, name: &str, replies: Vec<Frame>) {
        let Some(first) = replies.first() else {
            return;
        };
        for ran in self.transaction.note(name, first) {
            self.client.faults.count(&ran);
        }
        let is_open = self.transaction.is_open();
        self.in_transaction.store(is_open, Ordering::Relaxed);
        let fault = self.client.faults.reply_fault(name);
        self.client.outbox.replies(replies, fault);
    }
}

fn is_subscribing(name: &str) -> bool {
    matches!(
        name,
        "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE" | "SUNSUBSCRIBE"
    )
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
fn refusal(name: &str, args: &[Bytes], in_transaction: bool) -> Option<String> {
    let replies = args
        .get(1)
        .is_some_and(|word| name == "CLIENT" && word.eq_ignore_ascii_case(b"REPLY"));
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
