//! Listeners, and the connection loops that they share.
//!
//! One task serves a connection with three loops: reading, running commands in order, and writing.
//! Bounded queues connect them, so the gateway stops reading from a client that does not read its
//! replies.

mod budget;
pub(crate) mod http;
mod input;
pub(crate) mod tcp;
pub(crate) mod ws;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{CommandDecoder, CommandLimits, Frame, ProtocolError};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::dialect::Quirk;
use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form, Item, Outbox};
use crate::session::{Door, Inbound, Next, Session, Shared};
use crate::shutdown::{DRAIN_TIMEOUT, raised};
use crate::stream::Addresses;

/// Number of commands read ahead of the running one.
const READ_AHEAD: usize = 64;

/// Number of commands read ahead by a server that detects a close immediately, however many are
/// queued.
const READ_TO_CLOSE: usize = 16 << 10;

/// How long the client may take to complete the close handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Read half of a connection.
pub(crate) trait Source: Send {
    /// Reads the next command. Returns `None` when the client is done or the connection is broken.
    ///
    /// # Cancel safety
    ///
    /// Implementations are cancel safe; no input is lost.
    fn next(&mut self) -> impl Future<Output = Option<Inbound>> + Send;
}

/// Write half of a connection.
pub(crate) trait Sink: Send {
    /// Writes a frame, possibly into a buffer.
    fn put(&mut self, frame: Frame, form: Form) -> impl Future<Output = io::Result<()>> + Send;

    /// Sends the first bytes of a frame, as far as the client accepts them.
    fn put_part(
        &mut self,
        frame: Frame,
        form: Form,
        bytes: usize,
    ) -> impl Future<Output = ()> + Send;

    /// Flushes buffered frames.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Waits until the connection is to show that it is alive.
    fn alive_due(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Shows that the connection is alive.
    fn keep_alive(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Performs the close handshake.
    fn end(&mut self, ending: Ending) -> impl Future<Output = io::Result<()>> + Send;
}

/// Signals shutdown to every connection.
pub(crate) type Stop = watch::Receiver<bool>;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: ListenerKind,
    addresses: Addresses,
    mut source: impl Source,
    mut sink: impl Sink,
    stop: Stop,
) {
    let dialect = listener.dialect(shared.dialect);
    let drops = dialect.has(Quirk::CloseDrops);
    let outbox = Arc::new(Outbox::new(dialect));
    let (gone, client_gone) = watch::channel(false);
    let session = Session::new(
        shared.clone(),
        outbox.clone(),
        listener,
        addresses,
        client_gone.clone(),
    );
    let id = session.id();
    let door = session.door();
    let mut opened = shared.faults.open(Some(&outbox));
    tracing::debug!(id, "connection opened");
    let read_ahead = if drops { READ_TO_CLOSE } else { READ_AHEAD };
    let (commands, mut queue) = mpsc::channel(read_ahead);

    let reading = async {
        let ending = read(&mut source, &commands, &shared, door.as_ref(), drops, stop).await;
        drop(commands);
        // No more input: a command that waits for data would have no client to receive it.
        gone.send_replace(true);
        ending
    };
    let running = run(session, &mut queue, &outbox);
    let feeding = async {
        // QUIT ends reading immediately; otherwise all commands that were read run first.
        tokio::pin!(reading, running);
        let ending = tokio::select! {
            next = &mut running => return next,
            ending = &mut reading => ending,
        };
        if drops && ending != Ending::Shutdown {
            // The running command is aborted, and the queued ones are dropped.
            outbox.end(ending);
            return Next::End;
        }
        let next = running.await;
        if next == Next::Continue {
            outbox.end(ending);
        }
        next
    };
    let writing = write(&mut sink, &outbox, &shared, client_gone);

    let written = {
        tokio::pin!(feeding, writing);
        tokio::select! {
            written = &mut writing => written,
            () = outbox.overflowed() => Ok(Written::Overflowed),
            () = opened.cut() => Ok(Written::Cut),
            _ = &mut feeding => match timeout(DRAIN_TIMEOUT, writing).await {
                Ok(written) => written,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            },
        }
    };
    match written {
        Ok(Written::Ended) => {
            // Dropping a socket with unread bytes discards data that was already sent.
            let _ = timeout(CLOSE_TIMEOUT, async {
                while source.next().await.is_some() {}
            })
            .await;
            tracing::debug!(id, "connection closed");
        }
        Ok(Written::Overflowed) => {
            tracing::warn!(id, "connection closed: the client does not read its pushes");
        }
        Ok(Written::Cut) => tracing::debug!(id, "connection cut by an injected fault"),
        Err(error) => tracing::debug!(id, %error, "connection lost"),
    }
}

/// How writing ended.
enum Written {
    Ended,
    Cut,
    Overflowed,
}

/// Reads commands until the client or the gateway ends the connection.
async fn read(
    source: &mut impl Source,
    commands: &mpsc::Sender<Inbound>,
    shared: &Shared,
    door: Option<&Door>,
    quits_at_once: bool,
    mut stop: Stop,
) -> Ending {
    loop {
        let inbound = tokio::select! {
            biased;
            () = raised(&mut stop) => return Ending::Shutdown,
            () = shared.faults.frozen() => {
                shared.faults.thawed().await;
                continue;
            }
            inbound = source.next() => inbound,
        };
        let Some(inbound) = inbound else {
            return Ending::Gone;
        };
        if quits_at_once && inbound.is_quit() {
            return Ending::Quit;
        }
        let Some(inbound) = (match door {
            Some(door) => door.admit(inbound),
            None => Some(inbound),
        }) else {
            continue;
        };
        if commands.send(inbound).await.is_err() {
            return Ending::Gone;
        }
    }
}

/// Runs commands in order until the client or the queue ends, then drops the session.
async fn run(mut session: Session, queue: &mut mpsc::Receiver<Inbound>, outbox: &Outbox) -> Next {
    while let Some(inbound) = queue.recv().await {
        outbox.capacity().await;
        if session.handle(inbound).await == Next::End {
            drop(session);
            outbox.end(Ending::Quit);
            return Next::End;
        }
    }
    Next::Continue
}

/// Sends everything in the outbox, flushing when it is empty.
async fn write(
    sink: &mut impl Sink,
    outbox: &Outbox,
    shared: &Shared,
    mut client_gone: watch::Receiver<bool>,
) -> io::Result<Written> {
    loop {
        let item = match outbox.try_take() {
            Some(item) => item,
            None => {
                sink.flush().await?;
                loop {
                    tokio::select! {
                        biased;
                        item = outbox.take() => break item,
                        () = sink.alive_due() => sink.keep_alive().await?,
                    }
                }
            }
        };
        shared.faults.thawed().await;
        match item {
            Item::Frame(frame, form) => sink.put(frame, form).await?,
            Item::Wait(wait) => {
                sink.flush().await?;
                tokio::select! {
                    () = wait.over() => {}
                    () = raised(&mut client_gone) => {}
                }
            }
            Item::Part(frame, form, bytes) => {
                sink.flush().await?;
                sink.put_part(frame, form, bytes).await;
                return Ok(Written::Cut);
            }
            Item::Cut => {
                sink.flush().await?;
                return Ok(Written::Cut);
            }
            Item::End(ending) => {
                sink.flush().await?;
                sink.end(ending).await?;
                return Ok(Written::Ended);
            }
        }
    }
}

/// Parses the first line of a message as an inline command. Returns no words if it is blank.
fn inline(message: &[u8], max_message: usize) -> Result<Vec<Bytes>, ProtocolError> {
    let line = message.split(|byte| *byte == b'\n').next();
    let line = [line.unwrap_or_default(), b"\n"].concat();
    decoder(max_message).decode_message(line.into())
}

/// Returns a decoder of commands of at most `max_message` bytes.
fn decoder(max_message: usize) -> CommandDecoder {
    let limits = CommandLimits::new()
        .with_max_arg(max_message)
        .with_max_command(max_message);
    CommandDecoder::with_limits(limits)
}
