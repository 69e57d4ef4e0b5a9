//! The doors that clients come through, and the pump that every connection runs.
//!
//! Three loops of one task serve a connection: one reads, one runs commands in order, one writes. Bounded queues join
//! them, so that a client which does not read its replies is not read from either.

mod budget;
pub(crate) mod http;
pub(crate) mod tcp;
pub(crate) mod ws;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Frame, Kind, Limits};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::dialect::Quirk;
use crate::outbox::{Ending, Form, Item, Outbox};
use crate::session::{Inbound, ListenerKind, Next, Session, Shared};

/// Commands read ahead of the one that runs.
const READ_AHEAD: usize = 64;

/// Commands read ahead by a server that notices a close at once, however many wait.
const READ_TO_CLOSE: usize = 16 << 10;

/// How long a stopping gateway waits for a client to read what it is owed.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the client may take to answer the goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The reading half of a connection.
pub(crate) trait Source: Send {
    /// Reads the next command; `None` when the client is done or the connection broke.
    ///
    /// Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<Inbound>> + Send;
}

/// The writing half of a connection.
pub(crate) trait Sink: Send {
    /// Writes a frame, perhaps only into a buffer.
    fn put(&mut self, frame: Frame, form: Form) -> impl Future<Output = io::Result<()>> + Send;

    /// Sends the first bytes of a frame, as far as the client takes them.
    fn put_part(
        &mut self,
        frame: Frame,
        form: Form,
        bytes: usize,
    ) -> impl Future<Output = ()> + Send;

    /// Sends what is buffered.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Says goodbye.
    fn end(&mut self, ending: Ending) -> impl Future<Output = io::Result<()>> + Send;
}

/// Tells every connection that the gateway stops.
pub(crate) type Stop = watch::Receiver<bool>;

/// Returns once a flag is raised; one whose owner is gone counts as raised.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|raised| *raised).await;
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: ListenerKind,
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
        client_gone.clone(),
    );
    let id = session.id();
    shared.faults.register(id, &outbox);
    tracing::debug!(id, "connection opened");
    let read_ahead = if drops { READ_TO_CLOSE } else { READ_AHEAD };
    let (commands, mut queue) = mpsc::channel(read_ahead);

    let reading = async {
        let ending = read(&mut source, &commands, &shared, drops, stop).await;
        drop(commands);
        // Nothing more comes: what waits for data would wait for nobody.
        gone.send_replace(true);
        ending
    };
    let running = run(session, &mut queue, &outbox);
    let feeding = async {
        // A client that quits is not read to the end; for any other ending, what was read is run first.
        tokio::pin!(reading, running);
        let ending = tokio::select! {
            next = &mut running => return next,
            ending = &mut reading => ending,
        };
        if drops && ending != Ending::Shutdown {
            // What runs is dropped midway, and what waits behind it with it.
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
            _ = &mut feeding => match timeout(DRAIN_TIMEOUT, writing).await {
                Ok(written) => written,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            },
        }
    };
    match written {
        Ok(Written::Ended) => {
            // A socket that is dropped with bytes unread takes what was sent with it.
            let _ = timeout(CLOSE_TIMEOUT, async {
                while source.next().await.is_some() {}
            })
            .await;
            tracing::debug!(id, "connection closed");
        }
        Ok(Written::Overflowed) => {
            tracing::warn!(
                id,
                "connection cut: the client does not read what it is sent"
            );
        }
        Ok(Written::Cut) => tracing::debug!(id, "connection cut, as a fault asks for"),
        Err(error) => tracing::debug!(id, %error, "connection lost"),
    }
}

/// How writing came to its end.
enum Written {
    Ended,
    Cut,
    Overflowed,
}

/// Reads commands until the client or the gateway ends it.
async fn read(
    source: &mut impl Source,
    commands: &mpsc::Sender<Inbound>,
    shared: &Shared,
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
        if commands.send(inbound).await.is_err() {
            return Ending::Gone;
        }
    }
}

/// Runs commands in order until the client or the queue ends it, and then gives up all that the session holds.
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

/// Sends what the outbox holds, all that is there at once.
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
                outbox.take().await
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

/// The arguments of a command: an array of bulk strings.
fn command(frame: &Frame) -> Result<Vec<Bytes>, String> {
    let items = match frame.kind() {
        Kind::Array => frame.items().into_iter().flatten(),
        kind => return Err(format!("expected an array of bulk strings, got {kind}")),
    };
    items
        .map(|item| match item.kind() {
            Kind::BulkString => Ok(item.to_bytes().unwrap_or_default()),
            kind => Err(format!("expected a bulk string, got {kind}")),
        })
        .collect()
}

/// An inline command: words with blanks between them.
fn inline(message: &Bytes) -> Option<Vec<Bytes>> {
    let line = message.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let words: Vec<Bytes> = (line.split(u8::is_ascii_whitespace))
        .filter(|word| !word.is_empty())
        .map(Bytes::copy_from_slice)
        .collect();
    (!words.is_empty()).then_some(words)
}

/// The limits of a command of at most `max_message` bytes.
fn limits(max_message: usize) -> Limits {
    let mut limits = Limits::default();
    limits.max_bulk = max_message;
    limits.max_line = max_message.min(64 << 10);
    limits.max_frame = max_message;
    limits.max_depth = 1;
    limits.max_elements = 1 << 20;
    limits
}
