//! Observers of commands: what a program measures without the client knowing its metrics library.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::ServerError;

use super::ClientOptions;
use crate::error::{Error, ErrorKind};

/// A finished operation of a client, passed to the function of
/// [`ClientOptions::observe`].
///
/// An operation is what one future of the client does: a command, a pipeline, a bulk, a
/// transaction, or a subscription. The fields correspond to the attributes of OpenTelemetry's
/// conventions for database clients, and hold no keys and no values.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Operation<'a> {
    /// `db.operation.name`: the command without its arguments, or `PIPELINE`, `BULK` or `MULTI`,
    /// followed by the command if all commands of the batch have the same name: `PIPELINE SET`.
    pub name: &'a str,
    /// `db.operation.batch.size`: the number of the caller's commands, if there are several.
    pub batch_size: Option<usize>,
    /// `db.client.operation.duration`: the time from the first poll to the result, including all
    /// waiting, retries and the conversion of the reply.
    pub duration: Duration,
    /// Error of the operation; of a batch, the first one.
    pub error: Option<&'a Error>,
    /// Whether the caller dropped the future before there was a result.
    pub is_cancelled: bool,
    /// `server.address`: host of the URL, or path of the Unix socket. Empty with a custom
    /// connector.
    pub server_address: &'a str,
    /// `server.port`, unless the transport has none.
    pub server_port: Option<u16>,
    /// `db.system.name`: `redis` or `swarmkeydb`.
    pub system: &'static str,
    /// `db.namespace`: the number of the database, if the URL names one.
    pub namespace: Option<&'a str>,
}

impl<'a> Operation<'a> {
    /// Returns the attribute `db.response.status_code`: the code of the server's error, such as
    /// `WRONGTYPE`.
    pub fn status_code(&self) -> Option<&'a str> {
        self.error.and_then(status_code)
    }

    /// Returns the attribute `error.type`, or `None` after success: the
    /// [code](Self::status_code) of the server's error, or else the name of the
    /// [kind](crate::ErrorKind::as_str) of error, or `cancelled`.
    pub fn error_type(&self) -> Option<&'a str> {
        match self.error {
            Some(error) => Some(error_type(error)),
            None if self.is_cancelled => Some(CANCELLED),
            None => None,
        }
    }
}

/// Value of `error.type` for operations that were cancelled.
pub(crate) const CANCELLED: &str = "cancelled";

/// Returns the code of the server's error, if it has one.
pub(crate) fn status_code(error: &Error) -> Option<&str> {
    plausible_code(error.server_error()?)
}

/// Returns the code of an error, if it is one.
pub(crate) fn plausible_code(error: &ServerError) -> Option<&str> {
    let code = error.code();
    // A script may fail with any text. A word that is not a code of a plausible length could be one
    // of its values, and would make the number of different attributes unbounded.
    (!code.is_empty() && code.len() <= 16).then_some(code)
}

/// Returns the value of `error.type`.
pub(crate) fn error_type(error: &Error) -> &str {
    status_code(error).unwrap_or_else(|| ErrorKind::as_str(error.kind()))
}

type Observe = dyn Fn(&Operation<'_>) + Send + Sync;

/// Function that a program gave to observe its commands.
#[derive(Clone)]
pub(crate) struct Observer(Arc<Observe>);

impl Observer {
    /// Passes on an operation. A panic of the function does not reach the caller of the command.
    pub(crate) fn observe(&self, operation: &Operation<'_>) {
        if catch_unwind(AssertUnwindSafe(|| (self.0)(operation))).is_err() {
            tracing::error!(operation = operation.name, "the observer has panicked");
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a function)")
    }
}

impl ClientOptions {
    /// Sets a function that the client calls once for each finished [`Operation`], to feed any
    /// metrics library. Default: none. See [observability](crate::guide::observability).
    ///
    /// The function runs in the task that awaits the operation or drops its future.
    /// If the function is slow, it delays only that task, never the connection. If it panics, the
    /// client logs that at level error, and the operation ends as without the function. It is not
    /// called for operations that the client rejects before they start, such as a command with an
    /// invalid argument.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::{Client, ClientOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let url = gateway.ws_url();
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let options = ClientOptions::new(url).observe(move |operation| {
    ///     sender.send((operation.name.to_owned(), operation.error.is_some())).ok();
    /// });
    /// let client = Client::connect(options).await?;
    /// client.set("name", "ann").await?;
    /// assert_eq!(receiver.try_recv()?, ("SET".to_owned(), false));
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe(mut self, observer: impl Fn(&Operation<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer(Arc::new(observer)));
        self
    }
}
