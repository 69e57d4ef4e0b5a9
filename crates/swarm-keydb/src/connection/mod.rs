//! Connections: dialing, handshake, transfer of requests and frames, closing and reconnecting, for
//! any protocol on top.
//!
//! A [`Connection`] owns one connection after another and runs in one task. It is the only place
//! that polls a transport together with a clock; the [`Protocol`] on top of it says what to send
//! and takes what arrives.

mod backoff;
mod dialer;
mod disconnect;
mod end;
mod factory;
mod handshake;
mod link;
mod nonce;
mod origin;
mod outage_log;
mod reconnect;
#[cfg(feature = "sentinel")]
mod sentinel;
mod session;
mod settings;
mod several;
#[cfg(test)]
mod tests;
mod timer;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::Capabilities;
use swarm_transport::Route;

pub(crate) use dialer::{Dialer, GRACE};
pub(crate) use disconnect::Disconnect;
pub(crate) use end::{End, Stop};
pub(crate) use factory::{ConnectionFactory, Target};
pub(crate) use handshake::HandshakeError;
pub(crate) use link::{Link, Outgoing};
pub(crate) use nonce::Nonce;
use origin::Attempt;
pub(crate) use origin::Origin;
pub(crate) use outage_log::{Fault, OutageLog};
pub(crate) use reconnect::{Lifetime, Loss, Next, Reconnect, requested_delay};
pub(crate) use session::{Session, Violation};
pub(crate) use settings::Settings;
use timer::{DeadlineTimer, Fired};

use crate::credentials::{Credentials, LoginVersion};
use crate::failure::Failure;
use crate::runtime::{self, Instant, Sleep, sleep, sleep_until, timeout};

/// Maximum number of frames received before requests are sent again.
pub(crate) const RECEIVE_BATCH: usize = 256;

/// Maximum time for closing a connection.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Protocol on top of a connection.
///
/// The methods perform I/O only on links passed to them, and read the clock only where the time is
/// not passed in.
pub(crate) trait Protocol: Outgoing + Send {
    /// Whether the connection yields to other tasks between receiving and sending. Tasks whose
    /// replies have arrived then add their next requests to the same write, and on a multi-threaded
    /// runtime the first of them does not wake the connection alone.
    const YIELDS: bool;

    /// Accumulated effects of a batch of frames.
    type Batch: Default;

    fn session(&self) -> &Session;
    fn session_mut(&mut self) -> &mut Session;

    /// Ready when a connection is needed.
    ///
    /// # Errors
    ///
    /// When none ever will be.
    fn poll_needed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>>;

    /// Waits until dialing is worthwhile. An error is passed to
    /// [`fail_waiting`](Self::fail_waiting).
    fn wait_available(&self) -> impl Future<Output = Result<(), Failure>> + Send + 'static;

    /// Fails the calls or subscriptions that wait for a connection.
    fn fail_waiting(&mut self, failure: &Failure);

    /// Processes new calls or subscriptions. Returns whether more are likely to follow at once.
    ///
    /// # Errors
    ///
    /// When the connection is not needed any more.
    fn poll_intake(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop>;

    /// Does the work that is due while there is no connection. Returns whether the task may sleep;
    /// if so, new work wakes it.
    ///
    /// # Errors
    ///
    /// When the connection is not needed any more.
    fn poll_offline(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop>;

    /// Checks whether a transport supports the protocol.
    ///
    /// # Errors
    ///
    /// When the transport does not support it, and callers have been notified.
    fn accept(&mut self, capabilities: Capabilities) -> Result<(), Stop>;

    /// A connection is open, and its handshake begins.
    fn opened(
        &mut self,
        capabilities: Capabilities,
        credentials: Option<Credentials>,
        login: LoginVersion,
    );

    /// The handshake is done.
    fn ready(&mut self);

    /// Does work besides sending and receiving. May replace the link by one whose handshake is
    /// done.
    fn poll_auxiliary(&mut self, link: &mut Link, cx: &mut Context<'_>);

    /// Ready when a frame may be received.
    fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Processes a frame.
    ///
    /// # Errors
    ///
    /// When the frame proves that the connection can no longer be used.
    fn receive(&mut self, batch: &mut Self::Batch, frame: Frame) -> Result<(), Violation>;

    /// Ends a batch of one or more frames.
    fn received(&mut self, batch: Self::Batch);

    /// The connector has chosen another endpoint for new connections. Called again and again until
    /// the connection ends, or the link is replaced by one to that endpoint.
    ///
    /// # Errors
    ///
    /// When the connection ends, because no reply over it is awaited.
    fn poll_outdated(&mut self, link: &mut Link, cx: &mut Context<'_>) -> Result<(), End>;

    /// Checks, after sending and receiving, whether the connection ends.
    ///
    /// # Errors
    ///
    /// When the connection ends.
    fn poll_end(&mut self, reconnect: &mut Reconnect, cx: &mut Context<'_>) -> Result<(), End>;

    /// Whether the task may sleep. If so, new work wakes it.
    fn may_sleep(&mut self, cx: &mut Context<'_>) -> bool;

    /// When [`expire`](Self::expire) is due.
    fn next_deadline(&self) -> Option<Instant>;

    /// Acts on the deadlines that have passed.
    ///
    /// # Errors
    ///
    /// When the server has been silent for too long.
    fn expire(&mut self, now: Instant) -> Result<(), Violation>;

    /// The task was suspended beyond a deadline. Asks the server whether the connection works; what
    /// has arrived meanwhile is received before deadlines count again.
    fn resumed(&mut self, now: Instant);

    /// A connection was lost or could not be made. The link, if there was one, may be kept.
    ///
    /// # Errors
    ///
    /// When the client does not reconnect.
    fn lost(&mut self, loss: &Loss) -> Result<(), Stop>;

    /// Keeps the link of a connection that was lost by the client's decision, if replies on it
    /// still matter.
    fn keep_open(&mut self, link: Link, disconnect: &Disconnect);

    /// The connection is about to be closed. Returns the link, unless it must stay open.
    fn stopping(&mut self, link: Link) -> Option<Link>;

    /// Maximum time for closing the connection.
    fn close_timeout(&self) -> Duration;

    /// When an attempt to connect must end at the latest.
    fn connect_by(&self, limit: Instant) -> Instant {
        limit
    }

    /// Whether a connection is needed again while one is being closed.
    fn is_needed_again(&mut self, cx: &mut Context<'_>) -> bool;

    /// No further connection will be opened. Links that were kept may still be open.
    fn end(&mut self);

    /// Ready when no kept link is open any more.
    fn poll_lingering(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// One connection after another, and the protocol on top.
pub(crate) struct Connection<P> {
    protocol: P,
    dialer: Dialer,
    reconnect: Reconnect,
    timer: DeadlineTimer,
}

impl<P: Protocol> Connection<P> {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(protocol: P, dialer: Dialer, reconnect: Reconnect) -> Self {
        Self {
            protocol,
            dialer,
            reconnect,
            timer: DeadlineTimer::new(),
        }
    }

    /// Opens a connection whenever one is needed, drives it, and reconnects, until the protocol
    /// ends.
    pub(crate) async fn run(mut self) {
        loop {
            let needed = poll_fn(|cx| self.protocol.poll_needed(cx)).await;
            let (stop, link) = match needed {
                Ok(()) => self.keep_connected().await,
                Err(stop) => (stop, None),
            };
            if let Some(link) = link.and_then(|link| self.protocol.stopping(link)) {
                self.close(link).await;
            }
            if stop == Stop::Ended {
                break;
            }
        }
        self.protocol.end();
        poll_fn(|cx| {
            // Without a connection, this cannot fail.
            let _never = self.poll_deadlines(cx);
            self.protocol.poll_lingering(cx)
        })
        .await;
    }

    /// Opens one connection after another until the protocol stops. Returns the connection, if one
    /// is open.
    async fn keep_connected(&mut self) -> (Stop, Option<Link>) {
        loop {
            match self.connect_once().await {
                Ok(()) => {}
                Err(stopped) => return stopped,
            }
        }
    }

    /// Opens a connection, drives it until it is lost, and waits before the next attempt.
    async fn connect_once(&mut self) -> Result<(), (Stop, Option<Link>)> {
        let offline = |stop| (stop, None);
        let wait_available = self.protocol.wait_available();
        if let Err(failure) = self.while_offline(wait_available).await.map_err(offline)? {
            self.protocol.fail_waiting(&failure);
            return Ok(());
        }
        let limit = Instant::now() + self.dialer.connect_timeout();
        let deadline = self.protocol.connect_by(limit);
        let login = self.dialer.login_version();
        let dialer = self.dialer.clone();
        let dialed = self.while_offline(dialer.dial(deadline)).await;
        let mut has_alternative = false;
        let (disconnect, lifetime) = match dialed.map_err(offline)? {
            Err(disconnect) => (disconnect, Lifetime::Failed),
            Ok((mut link, credentials, attempt)) => {
                let capabilities = link.capabilities();
                self.protocol.accept(capabilities).map_err(offline)?;
                self.protocol.session_mut().arrive(link.route());
                self.protocol.opened(capabilities, credentials, login);
                let deadline = dialer::handshake_by(&link, deadline);
                match self.serve(&mut link, attempt, deadline).await {
                    End::Stopped(stop) => return Err((stop, Some(link))),
                    End::Lost(disconnect) => {
                        let session = self.protocol.session();
                        let lifetime = Lifetime::of(session);
                        let disconnect = disconnect.explained(|error| session.explain(error));
                        disconnect.report_to(link.route());
                        has_alternative = link.route().is_some_and(Route::has_alternative);
                        self.protocol.keep_open(link, &disconnect);
                        (disconnect, lifetime)
                    }
                }
            }
        };
        let current = self.dialer.login_version();
        let loss = (self.reconnect).judge(disconnect, lifetime, login, current, has_alternative);
        let loss = loss.at(self.protocol.session().settings.address.as_ref());
        tracing::debug!(error = %loss.error, "connection lost");
        self.protocol.lost(&loss).map_err(offline)?;
        let delay = self.reconnect.delay_after(&loss, Instant::now());
        let now = Instant::now();
        let until = self.protocol.connect_by(now + delay);
        let delay = until.saturating_duration_since(now);
        if !delay.is_zero() {
            let hurries = loss.error.retry_after().is_none();
            self.pause(delay, hurries, login).await.map_err(offline)?;
        }
        Ok(())
    }

    /// Waits before the next attempt to connect, or until there are new credentials. In a browser,
    /// also until the network may be back, unless the server has asked for the delay.
    async fn pause(
        &mut self,
        delay: Duration,
        hurries: bool,
        login: LoginVersion,
    ) -> Result<(), Stop> {
        let credentials = self.dialer.login().clone();
        let pause = async move {
            tokio::select! {
                is_back = runtime::pause(delay), if hurries => is_back,
                () = sleep(delay), if !hurries => false,
                () = credentials.replaced(login) => false,
            }
        };
        if self.while_offline(pause).await? {
            self.reconnect.succeeded();
        }
        Ok(())
    }

    /// Waits for `work` while there is no connection.
    async fn while_offline<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            loop {
                self.protocol.poll_intake(cx)?;
                // Without a connection, this cannot fail.
                let _never = self.poll_deadlines(cx);
                if self.protocol.poll_offline(cx)? {
                    break;
                }
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// Moves requests and frames until the connection ends.
    async fn serve(&mut self, link: &mut Link, attempt: Attempt, handshake_by: Instant) -> End {
        let mut handshake_timer = pin!(sleep_until(handshake_by));
        // Until the handshake is done.
        let mut attempt = Some(attempt);
        let mut yielded = false;
        let end = poll_fn(|cx| {
            loop {
                let more = self.protocol.poll_intake(cx)?;
                if P::YIELDS && more && !yielded {
                    yielded = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                yielded = false;
                // Before sending, because the endpoint may no longer accept writes.
                if link.poll_outdated(cx).is_ready() {
                    self.protocol.poll_outdated(link, cx)?;
                }
                self.protocol.poll_auxiliary(link, cx);
                link.poll_send(&mut self.protocol, cx)?;
                let received = self.receive(link, cx)?;
                let passed = self.poll_deadlines(cx)?;
                self.protocol.poll_end(&mut self.reconnect, cx)?;
                if attempt.is_some()
                    && self.poll_handshake(link, handshake_timer.as_mut(), cx)?
                    && let Some(attempt) = attempt.take()
                {
                    attempt.succeeded();
                }
                if P::YIELDS && received > 1 {
                    yielded = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // What has arrived may let more requests out. Otherwise the task sleeps.
                if received == 0 && !passed && self.protocol.may_sleep(cx) {
                    return Poll::Pending;
                }
            }
        });
        let Err(end): Result<std::convert::Infallible, End> = end.await;
        if let (Some(attempt), End::Lost(reason)) = (attempt, &end) {
            attempt.failed(reason);
        }
        end
    }

    /// Returns whether the handshake is done.
    fn poll_handshake(
        &mut self,
        link: &mut Link,
        timer: std::pin::Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Result<bool, Disconnect> {
        let session = self.protocol.session();
        if session.is_ready() {
            if session.is_stateful() {
                link.peer_identified(session.peer());
            }
            link.established();
            self.reconnect.connected(Instant::now());
            self.protocol.ready();
            Ok(true)
        } else if timer.poll(cx).is_ready() {
            let address = session.settings.address.as_deref();
            Err(dialer::no_handshake_in_time(address).into())
        } else {
            Ok(false)
        }
    }

    /// Receives the frames that have arrived. Returns their number.
    #[inline]
    fn receive(&mut self, link: &mut Link, cx: &mut Context<'_>) -> Result<usize, Disconnect> {
        let mut batch = P::Batch::default();
        let mut taken = 0;
        while taken < RECEIVE_BATCH {
            if self.protocol.poll_capacity(cx).is_pending() {
                break;
            }
            let Poll::Ready(frame) = link.poll_receive(cx) else {
                // Frames are activity themselves.
                if link.has_progressed() && taken == 0 {
                    let now = Instant::now();
                    self.protocol.session_mut().note_activity(now);
                }
                break;
            };
            self.protocol.receive(&mut batch, frame?)?;
            taken += 1;
        }
        if taken > 0 {
            self.protocol.received(batch);
        }
        Ok(taken)
    }

    /// Returns whether a deadline has passed, so that there may be something to send.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Result<bool, Violation> {
        let mut passed = false;
        loop {
            let Some(deadline) = self.protocol.next_deadline() else {
                self.timer.disarm();
                return Ok(passed);
            };
            let Poll::Ready(fired) = self.timer.poll(deadline, cx) else {
                return Ok(passed);
            };
            match fired {
                Fired::InTime(now) => self.protocol.expire(now)?,
                Fired::Late(now) => self.protocol.resumed(now),
            }
            passed = true;
        }
    }

    /// Closes a connection, unless one is needed again meanwhile.
    async fn close(&mut self, mut link: Link) {
        let limit = self.protocol.close_timeout();
        self.timer.disarm();
        let close = poll_fn(|cx| {
            if self.protocol.is_needed_again(cx) {
                return Poll::Ready(());
            }
            link.poll_close(cx).map(|_best_effort| ())
        });
        let _in_time = timeout(limit, close).await;
    }
}
