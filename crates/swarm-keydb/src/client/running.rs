//! An operation that runs: its span, and what the observer of the client learns about it.

use std::borrow::Cow;
use std::sync::Arc;

use swarm_resp::Frame;
use tracing::Span;
use tracing::field::Empty;

use crate::connection::Origin;
use crate::error::Error;
use crate::failure::Failure;
#[cfg(feature = "cluster")]
use crate::options::ClientOptions;
use crate::options::{CANCELLED, Operation, error_type, status_code};
use crate::request_reply::ConnectionHandle;
use crate::runtime::Instant;

/// An operation between its first poll and its result. Empty unless spans are enabled or an
/// observer is set. An operation that is dropped without a result was cancelled.
#[derive(Default)]
pub(crate) struct Running(Option<Box<Active>>);

struct Active {
    span: Span,
    name: Cow<'static, str>,
    batch_size: Option<usize>,
    origin: Arc<Origin>,
    /// When the operation began. `None` if there is no observer.
    began: Option<Instant>,
    is_finished: bool,
}

impl Running {
    /// Starts a command.
    #[expect(clippy::ptr_arg, reason = "cloning a borrowed name allocates nothing")]
    #[inline]
    pub(crate) fn command(name: &Cow<'static, str>, connection: &ConnectionHandle) -> Self {
        if !is_watched(connection) {
            // Even a disabled span costs time.
            return Self(None);
        }
        Self::start(name.clone(), None, connection)
    }

    /// Starts a batch of the caller's commands.
    pub(crate) fn batch(
        kind: &'static str,
        names: &[Cow<'static, str>],
        connection: &ConnectionHandle,
    ) -> Self {
        if !is_watched(connection) {
            return Self(None);
        }
        let name = match names {
            [first, rest @ ..] if rest.iter().all(|name| name == first) => {
                Cow::Owned(format!("{kind} {first}"))
            }
            _ => kind.into(),
        };
        let size = Some(names.len()).filter(|size| *size > 1);
        Self::start(name, size, connection)
    }

    fn start(
        name: Cow<'static, str>,
        batch_size: Option<usize>,
        connection: &ConnectionHandle,
    ) -> Self {
        let origin = Arc::clone(connection.origin());
        let (address, port) = origin.server();
        let span = tracing::debug_span!(
            "operation",
            otel.name = &*name,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = origin.system(),
            db.namespace = origin.namespace.as_deref(),
            db.operation.name = &*name,
            db.operation.batch.size = batch_size.and_then(|size| i64::try_from(size).ok()),
            db.response.status_code = Empty,
            server.address = address,
            server.port = port.map(i64::from),
            error.type = Empty,
        );
        Self(Some(Box::new(Active {
            span,
            name,
            batch_size,
            began: origin.observer.as_ref().map(|_| Instant::now()),
            origin,
            is_finished: false,
        })))
    }

    /// Whether operations of clients with these options have spans or an observer.
    #[cfg(feature = "cluster")]
    pub(crate) fn is_watched(options: &ClientOptions) -> bool {
        tracing::level_enabled!(tracing::Level::DEBUG) || options.observer.is_some()
    }

    /// Returns the span of an operation that runs.
    pub(super) fn span(&self) -> Option<&Span> {
        self.0.as_ref().map(|active| &active.span)
    }

    /// Records the results of a batch: the first failure is that of the operation.
    pub(crate) fn finish_batch(
        mut self,
        names: &[Cow<'static, str>],
        results: &[Result<Frame, Failure>],
    ) {
        if self.0.is_none() {
            return;
        }
        let failed = results.iter().zip(names).find_map(|(result, name)| {
            let failure = result.as_ref().err()?.clone();
            Some(Error::from_failure(failure).for_command(name.clone()))
        });
        self.finish(failed.as_ref());
    }

    /// Records the result. Does nothing the second time.
    #[inline]
    pub(crate) fn finish(&mut self, error: Option<&Error>) {
        if let Some(mut active) = self.0.take() {
            active.finish(error);
        }
    }
}

#[inline]
fn is_watched(connection: &ConnectionHandle) -> bool {
    tracing::level_enabled!(tracing::Level::DEBUG) || connection.is_observed()
}

impl Active {
    fn finish(&mut self, error: Option<&Error>) {
        if let Some(error) = error {
            self.span.record("error.type", error_type(error));
            if let Some(code) = status_code(error) {
                self.span.record("db.response.status_code", code);
            }
            self.span.record("otel.status_code", "ERROR");
        }
        self.observe(error, false);
        self.is_finished = true;
    }

    fn observe(&self, error: Option<&Error>, is_cancelled: bool) {
        let Some((began, observer)) = self.began.zip(self.origin.observer.as_ref()) else {
            return;
        };
        observer.observe(&Operation {
            name: &self.name,
            batch_size: self.batch_size,
            duration: began.elapsed(),
            error,
            is_cancelled,
            server_address: &self.origin.address,
            server_port: self.origin.port,
            system: self.origin.system(),
            namespace: self.origin.namespace.as_deref(),
        });
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if !self.is_finished {
            self.span.record("error.type", CANCELLED);
            self.observe(None, true);
        }
    }
}
