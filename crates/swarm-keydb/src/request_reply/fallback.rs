//! HTTP fallback of the shared connection. The client dials it in parallel with the connection,
//! never before it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_transport::{BoxTransport, Connect, TransportError, TransportErrorKind};

use super::engine::OverFallback;
use super::lost::now;
use super::{ReplySender, RequestReply};
use crate::connection::{GRACE, Link, requested_delay};
use crate::credentials::LoginVersion;
use crate::runtime::{Instant, Sleep, sleep, timeout};
use crate::status::State;

/// Time that the client waits for the connection before it dials the fallback, unless an attempt to
/// connect fails sooner. A server that accepts connections but does not reply costs this time
/// instead of the whole `connect_timeout`.
const FALLBACK_DELAY: Duration = Duration::from_secs(1);

/// Maximum time for requests on the fallback once the connection is back. All other calls wait for
/// them.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

type Dial = Pin<Box<dyn Future<Output = Result<BoxTransport, TransportError>> + Send>>;

/// The fallback and its state.
pub(super) struct Fallback {
    connector: Arc<dyn Connect>,
    connect_timeout: Duration,
    state: FallbackState,
    /// Fires when the client dials the fallback although no attempt to connect has failed yet.
    grace: Option<Pin<Box<Sleep>>>,
    /// When the server of the fallback accepts connections again, if it has sent `Retry-After`.
    refused_until: Option<Instant>,
}

enum FallbackState {
    Closed,
    Dialing(Dial, LoginVersion),
    Open(Open),
}

struct Open {
    link: Link,
    /// Version of the credentials that its requests carry.
    login: LoginVersion,
    /// Fires when pending requests fail because the connection is back.
    settle_by: Option<Pin<Box<Sleep>>>,
}

impl Fallback {
    pub(super) fn new(connector: Arc<dyn Connect>, connect_timeout: Duration) -> Self {
        let mut fallback = Self {
            connector,
            connect_timeout,
            state: FallbackState::Closed,
            grace: None,
            refused_until: None,
        };
        fallback.start_grace();
        fallback
    }

    /// The fallback could not be dialed, or is lost.
    fn failed(&mut self, error: &TransportError) {
        self.state = FallbackState::Closed;
        self.refused_until = requested_delay(error).map(|delay| Instant::now() + delay);
    }

    /// Starts the delay before the client dials the fallback. Called when the connection is lost.
    pub(super) fn start_grace(&mut self) {
        self.grace = Some(Box::pin(sleep(FALLBACK_DELAY.min(self.connect_timeout))));
    }

    /// Dials unless the server of the fallback has asked for a wait that is not over. Then the next
    /// attempt to connect that fails leads here again.
    fn dial(&mut self, login: LoginVersion) {
        self.grace = None;
        if self
            .refused_until
            .is_some_and(|until| Instant::now() < until)
        {
            return;
        }
        self.refused_until = None;
        let connector = Arc::clone(&self.connector);
        let limit = self.connect_timeout.saturating_add(GRACE);
        let dial = async move {
            let dialed = timeout(limit, async move { connector.connect().await }).await;
            dialed.unwrap_or_else(|_| {
                let what = "the HTTP gateway did not respond in time";
                Err(TransportError::new(TransportErrorKind::Timeout, what))
            })
        };
        self.state = FallbackState::Dialing(Box::pin(dial), login);
    }
}

impl RequestReply {
    /// Dials the fallback after a failed attempt to connect.
    pub(super) fn dial_fallback(&mut self) {
        let login = self.dialer.login_version();
        if let Some(fallback) = &mut self.fallback
            && matches!(fallback.state, FallbackState::Closed)
        {
            fallback.dial(login);
        }
    }

    /// Closes the fallback because the server or a gateway refuses this client.
    pub(super) fn disable_fallback(&mut self, error: &Arc<TransportError>) {
        let Some(fallback) = &mut self.fallback else {
            return;
        };
        fallback.grace = None;
        if let FallbackState::Open(_) =
            std::mem::replace(&mut fallback.state, FallbackState::Closed)
        {
            self.engine.fallback().disconnected(error, now());
            self.status.set(State::Reconnecting);
            self.note_outage();
        }
    }

    pub(super) fn fallback_is_open(&self) -> bool {
        let state = self.fallback.as_ref().map(|fallback| &fallback.state);
        matches!(state, Some(FallbackState::Open(_)))
    }

    /// Sends and receives over the fallback if it is open, and dials it when that is due. Once the
    /// connection is back, no new requests are sent over the fallback, which closes after the last
    /// reply or [`SETTLE_TIMEOUT`].
    pub(super) fn poll_fallback(&mut self, connected: bool, cx: &mut Context<'_>) {
        let login = self.dialer.login_version();
        let Some(fallback) = &mut self.fallback else {
            return;
        };
        if connected {
            fallback.grace = None;
            if let FallbackState::Dialing(..) = fallback.state {
                fallback.state = FallbackState::Closed;
            }
        } else if let Some(grace) = &mut fallback.grace
            && grace.as_mut().poll(cx).is_ready()
        {
            fallback.grace = None;
            if let FallbackState::Closed = fallback.state {
                fallback.dial(login);
            }
        }
        if let FallbackState::Dialing(dial, login) = &mut fallback.state {
            let Poll::Ready(dialed) = dial.as_mut().poll(cx) else {
                return;
            };
            match dialed {
                Ok(transport) => {
                    fallback.state = FallbackState::Open(Open {
                        link: Link::new(transport),
                        login: *login,
                        settle_by: None,
                    });
                    self.status.set(State::Fallback);
                    self.note_outage();
                    self.report_started(Ok(()));
                }
                Err(error) => {
                    tracing::debug!(%error, "the HTTP fallback is unreachable, too");
                    fallback.failed(&error);
                    self.fail_start();
                }
            }
        }
        self.poll_open_fallback(connected, cx);
    }

    fn poll_open_fallback(&mut self, connected: bool, cx: &mut Context<'_>) {
        let current = self.dialer.login_version();
        let Some(fallback) = &mut self.fallback else {
            return;
        };
        let FallbackState::Open(open) = &mut fallback.state else {
            return;
        };
        // The credentials that its requests carry may be outdated.
        let is_outdated = open.login != current;
        let mut polled = open.poll(self.engine.fallback(), connected || is_outdated, cx);
        let settled = self.engine.fallback().is_settled();
        if !connected {
            open.settle_by = None;
        } else if polled.is_ok() && !settled {
            let settle_by = open
                .settle_by
                .get_or_insert_with(|| Box::pin(sleep(SETTLE_TIMEOUT)));
            if settle_by.as_mut().poll(cx).is_ready() {
                let what =
                    "the HTTP gateway did not reply within a second after the client reconnected";
                polled = Err(TransportError::new(TransportErrorKind::Timeout, what));
            }
        }
        match polled {
            Err(error) => {
                tracing::debug!(%error, "the HTTP fallback was lost");
                fallback.failed(&error);
                self.engine.fallback().disconnected(&Arc::new(error), now());
                if !connected {
                    self.status.set(State::Reconnecting);
                    self.note_outage();
                }
            }
            Ok(()) if settled && connected => {
                self.engine.fallback().close();
                fallback.state = FallbackState::Closed;
            }
            Ok(()) if settled && is_outdated => {
                self.engine.fallback().close();
                fallback.dial(current);
                cx.waker().wake_by_ref();
            }
            Ok(()) => {}
        }
    }
}

impl Open {
    fn poll(
        &mut self,
        mut calls: OverFallback<'_, ReplySender>,
        closing: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        calls.sweep();
        loop {
            if closing {
                self.link.poll_flush(cx)?;
            } else {
                self.link.poll_send(&mut calls, cx)?;
            }
            let Poll::Ready(frame) = self.link.poll_receive(cx) else {
                return Ok(());
            };
            calls.receive(frame?).map_err(|violation| {
                TransportError::new(TransportErrorKind::Protocol, violation.to_string())
            })?;
        }
    }
}
