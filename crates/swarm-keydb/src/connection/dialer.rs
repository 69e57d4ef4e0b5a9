//! Opening connections to the server.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use swarm_transport::Route;
use swarm_transport::{Connect, TransportError, TransportErrorKind};
use tracing::Instrument as _;

use super::origin::Attempt;
use super::{Disconnect, Link, Origin, Session};
use crate::credentials::{Credentials, Login, LoginVersion};
use crate::runtime::{Instant, timeout_at};

/// Extra time for a dial. The transport bounds it by the same timeout, and its error names the
/// address and what the dial waited for.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// Opens connections and fetches the credentials for them. Clones share the credentials.
#[derive(Clone)]
pub(crate) struct Dialer {
    connector: Arc<dyn Connect>,
    login: Login,
    connect_timeout: Duration,
    origin: Arc<Origin>,
}

impl Dialer {
    pub(crate) fn new(
        connector: Arc<dyn Connect>,
        login: Login,
        connect_timeout: Duration,
    ) -> Self {
        Self {
            connector,
            login,
            connect_timeout,
            origin: Arc::default(),
        }
    }

    /// Sets the server that traces name.
    pub(crate) fn to(mut self, origin: &Arc<Origin>) -> Self {
        self.origin = Arc::clone(origin);
        self
    }

    pub(crate) const fn login(&self) -> &Login {
        &self.login
    }

    pub(crate) fn login_version(&self) -> LoginVersion {
        self.login.version()
    }

    /// Maximum time to open a connection, including its handshake.
    pub(crate) const fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Opens a connection. Returns the credentials for its handshake, too, and the attempt, which
    /// ends with the handshake.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached by the deadline or [`GRACE`] later, or the credentials
    /// provider fails.
    pub(super) async fn dial(
        &self,
        deadline: Instant,
    ) -> Result<(Link, Option<Credentials>, Attempt), Disconnect> {
        let attempt = self.origin.connecting();
        let dial = self.login.dial(&*self.connector);
        let dialed = timeout_at(deadline + GRACE, dial)
            .instrument(attempt.span())
            .await
            .unwrap_or_else(|_| Err(not_connected_in_time()));
        match dialed {
            Ok((transport, credentials)) => {
                let link = Link::new(transport);
                if let Some(route) = link.route() {
                    attempt.leads_to(route);
                }
                Ok((link, credentials, attempt))
            }
            Err(error) => {
                let reason = error.into();
                attempt.failed(&reason);
                Err(reason)
            }
        }
    }

    /// Opens a connection and completes its handshake within `connect_timeout`. Tries again if the
    /// reply to HELLO is unreadable.
    ///
    /// # Errors
    ///
    /// When the connection or its handshake fails or takes too long.
    pub(crate) async fn establish(&self, session: &mut Session) -> Result<Link, Disconnect> {
        let deadline = Instant::now() + self.connect_timeout;
        loop {
            match self.try_to_establish(session, deadline).await {
                Err(disconnect) if disconnect.is_unreadable_hello() => {}
                result => return result,
            }
        }
    }

    async fn try_to_establish(
        &self,
        session: &mut Session,
        deadline: Instant,
    ) -> Result<Link, Disconnect> {
        let (mut link, credentials, attempt) = self.dial(deadline).await?;
        session.log_in_with(credentials);
        session.arrive(link.route());
        session.open(link.capabilities());
        let deadline = handshake_by(&link, deadline);
        let address = session.settings.address.clone();
        let handshake = poll_fn(|cx| {
            loop {
                link.poll_send(session, cx)?;
                if session.is_ready() {
                    return Poll::Ready(Ok::<(), Disconnect>(()));
                }
                let Poll::Ready(frame) = link.poll_receive(cx) else {
                    return Poll::Pending;
                };
                session.receive(Instant::now(), &frame?)?;
            }
        });
        let done = timeout_at(deadline, handshake)
            .await
            .unwrap_or_else(|_| Err(no_handshake_in_time(address.as_deref()).into()));
        if let Err(reason) = done {
            reason.report_to(link.route());
            attempt.failed(&reason);
            return Err(reason);
        }
        attempt.succeeded();
        link.established();
        if session.is_stateful() {
            link.peer_identified(session.peer());
        }
        Ok(link)
    }
}

/// Returns when a handshake must be complete: earlier if another endpoint can be tried instead.
pub(super) fn handshake_by(link: &Link, deadline: Instant) -> Instant {
    let patience = link.route().and_then(Route::patience);
    let earlier = patience.and_then(|patience| Instant::now().checked_add(patience));
    earlier.map_or(deadline, |earlier| earlier.min(deadline))
}

fn not_connected_in_time() -> TransportError {
    TransportError::new(
        TransportErrorKind::Timeout,
        "not connected within connect_timeout: the server, the credentials provider or a custom \
         connector is too slow",
    )
}

pub(super) fn no_handshake_in_time(address: Option<&str>) -> TransportError {
    TransportError::new(
        TransportErrorKind::Timeout,
        format!(
            "not connected within connect_timeout: {} accepted the connection, but did not answer \
             the handshake; check that the port is that of the server",
            address.unwrap_or("the server")
        ),
    )
}
