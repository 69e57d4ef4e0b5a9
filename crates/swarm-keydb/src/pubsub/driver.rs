//! The task behind a subscribed connection: it moves requests and frames between the machine and a transport, and dials
//! when somebody wants to hear something.

#[cfg(test)]
mod tests;

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::RequestRef;
use swarm_transport::{BoxTransport, Capabilities, Connect, RequestRejection, TransportError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep};

use super::buffer::Buffer;
use super::hub::Mail;
use super::machine::Machine;
use super::subscription::Outlet;
use crate::connection::Violation;
use crate::credentials::Login;
use crate::driver::{
    Backoff, Broken, GOODBYE, GRACE, RECEIVE_BATCH, Reach, no_connection_in_time,
    no_handshake_in_time,
};
use crate::engine::Failure;
use crate::options::Origin;

pub(super) struct Driver {
    machine: Machine<Outlet>,
    mailbox: mpsc::UnboundedReceiver<Mail>,
    /// No more mail will come.
    mailbox_done: bool,
    /// Ready when the client is closed.
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    closed: bool,
    /// The only listener's buffer, when nothing is read while that is full.
    gate: Option<Buffer>,
    connector: Arc<dyn Connect>,
    login: Login,
    /// Whether it makes sense to dial.
    reach: Reach,
    connect_timeout: Duration,
    reconnect: bool,
    backoff: Backoff,
    /// How many bytes had come when that was asked last, as far as the wire can tell.
    received_bytes: Option<u64>,
    timer: Pin<Box<Sleep>>,
    /// When the timer rings, if it is set.
    armed: Option<std::time::Instant>,
}

/// Why work is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nobody wants to hear anything now.
    Idle,
    /// Nobody will ever again.
    Ended,
}

/// Why a connection is left.
enum Left {
    Stopped(Stop),
    Broken(Broken),
}

impl From<Stop> for Left {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl From<TransportError> for Left {
    fn from(error: TransportError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<Violation> for Left {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation.into())
    }
}

impl Driver {
    /// Starts the task of a connection. It ends when no sender of mail is left, or the client is closed.
    pub(super) fn spawn(
        origin: &Origin,
        reach: Reach,
        mut closing: watch::Receiver<bool>,
        gate: Option<Buffer>,
    ) -> mpsc::UnboundedSender<Mail> {
        let Origin {
            target,
            options,
            tasks,
        } = origin;
        let _context = tasks.enter();
        let (sender, mailbox) = mpsc::unbounded_channel();
        let driver = Self {
            machine: Machine::new(target.settings.clone()),
            mailbox,
            mailbox_done: false,
            closing: Box::pin(async move {
                if closing.wait_for(|closing| *closing).await.is_err() {
                    // The client was dropped without being closed: its subscriptions live on.
                    pending::<()>().await;
                }
            }),
            closed: false,
            gate,
            connector: Arc::clone(&target.connector),
            login: target.login.clone(),
            reach,
            connect_timeout: options.connect_timeout,
            reconnect: options.reconnect,
            backoff: Backoff::new(options.reconnect_base_delay, options.reconnect_max_delay),
            received_bytes: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
        };
        tasks.spawn(driver.run());
        sender
    }

    async fn run(mut self) {
        loop {
            let wanted = poll_fn(|cx| match self.poll_mail(cx) {
                Err(Stop::Ended) => Poll::Ready(false),
                _ if self.machine.is_wanted() => Poll::Ready(true),
                _ => Poll::Pending,
            });
            if !wanted.await || self.listen().await == Stop::Ended {
                return;
            }
        }
    }

    /// Makes one connection after another for as long as somebody wants to hear something.
    async fn listen(&mut self) -> Stop {
        loop {
            let reach = self.reach.clone();
            match self.while_offline(async move { reach.wait().await }).await {
                Err(stop) => return stop,
                Ok(Ok(())) => {}
                Ok(Err(Failure::OnlyFallback(_))) => {
                    // Those who have just come are told so already. The others wait.
                    let reach = self.reach.clone();
                    if let Err(stop) = self
                        .while_offline(async move { reach.fallback_is_over().await })
                        .await
                    {
                        return stop;
                    }
                    continue;
                }
                Ok(Err(refused)) => {
                    self.machine.end_all(&refused);
                    continue;
                }
            }
            let login = self.login.version();
            let broken = match self.connect().await {
                Left::Stopped(stop) => return stop,
                Left::Broken(broken) => broken.explained(|error| self.machine.explain(error)),
            };
            let (was_ready, served) = (self.machine.is_ready(), self.machine.has_served());
            self.machine.disconnected();
            let (refused, again) = (
                broken.refused_credentials().cloned(),
                broken.is_unreadable_hello(),
            );
            let error = Arc::new(broken.into_error());
            tracing::debug!(%error, "subscribed connection lost");
            if !was_ready {
                self.reach.note_beside(Some(&error));
            }
            if again {
                // The next handshake does without it.
                continue;
            }
            let failure = match refused {
                Some(error) => Failure::Auth { sent: false, error },
                None => Failure::Lost {
                    sent: false,
                    error: Arc::clone(&error),
                },
            };
            if failure.is_about_credentials() {
                if self.login.version() != login {
                    // Others have taken the place of the credentials that were refused.
                    continue;
                }
                // Waiting will not help.
                self.machine.end_all(&failure);
            } else if !self.reconnect {
                self.machine.end_all(&failure);
            }
            let delay = if served {
                self.backoff.redial_delay(error.retry_after())
            } else {
                (self.backoff).next_delay_as_asked(Instant::now(), error.retry_after())
            };
            if let Err(stop) = self.while_offline(tokio::time::sleep(delay)).await {
                return stop;
            }
        }
    }

    /// Makes a connection and serves it until it is left.
    async fn connect(&mut self) -> Left {
        let deadline = Instant::now() + self.connect_timeout;
        let (login, connector) = (self.login.clone(), Arc::clone(&self.connector));
        let dial = tokio::time::timeout_at(deadline + GRACE, login.dial(&*connector));
        let mut transport = match self.while_offline(dial).await {
            Ok(Ok(Ok((transport, credentials)))) => {
                self.machine.log_in_with(credentials);
                transport
            }
            Ok(Ok(Err(error))) => return error.into(),
            Ok(Err(_)) => return no_connection_in_time().into(),
            Err(stop) => return stop.into(),
        };
        let capabilities = transport.capabilities();
        let Capabilities { session, push, .. } = capabilities;
        if !(session && push) {
            let refusal = RequestRejection::Unsupported {
                command: "SUBSCRIBE".to_owned(),
                needs: "subscriptions",
                transport: "this transport",
            };
            self.machine.end_all(&Failure::Refused(refusal));
            return Stop::Idle.into();
        }
        self.machine.connected(capabilities);
        let left = self.serve(&mut transport, deadline).await;
        if let Left::Stopped(_) = left {
            self.machine.disconnected();
            self.say_goodbye(transport).await;
        }
        left
    }

    /// Waits for `work` while wishes come and go.
    async fn while_offline<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.poll_mail(cx)?;
            if !self.machine.is_wanted() {
                return Poll::Ready(Err(Stop::Idle));
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// Moves requests and frames until the connection is left.
    async fn serve(&mut self, transport: &mut BoxTransport, handshake_by: Instant) -> Left {
        let mut handshake_timer = pin!(tokio::time::sleep_until(handshake_by));
        // How long the server may take to acknowledge that nothing is wanted any more.
        let mut farewell = pin!(None::<Sleep>);
        let (mut ready, mut flushed, mut stalled) = (false, true, false);
        let left = poll_fn(|cx| {
            loop {
                self.poll_mail(cx)?;
                self.send(transport, &mut flushed, cx)?;
                let received = self.receive(transport, &mut stalled, cx)?;
                // While nothing is read, nothing can be overdue.
                let passed = !stalled && self.poll_deadlines(cx)?;
                if self.machine.is_wanted() {
                    farewell.set(None);
                } else if self.machine.is_idle() {
                    return Poll::Ready(Err(Left::from(Stop::Idle)));
                } else {
                    if farewell.is_none() {
                        farewell.set(Some(tokio::time::sleep(GOODBYE)));
                    }
                    let timer = farewell.as_mut().as_pin_mut();
                    if timer.is_some_and(|timer| timer.poll(cx).is_ready()) {
                        return Poll::Ready(Err(Stop::Idle.into()));
                    }
                }
                if !ready {
                    ready = self.machine.is_ready();
                    if ready {
                        transport.peer_identified(self.machine.peer());
                        self.reach.note_beside(None);
                        self.backoff.connected(Instant::now());
                    } else if handshake_timer.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Err(no_handshake_in_time().into()));
                    }
                }
                // What came in may let more go out; otherwise everything waits to be woken.
                if received == 0 && !passed {
                    return Poll::Pending;
                }
            }
        });
        let Err(left): Result<std::convert::Infallible, _> = left.await;
        left
    }

    /// Hands over all that may be sent now, then flushes once.
    fn send(
        &mut self,
        transport: &mut BoxTransport,
        flushed: &mut bool,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        let now = Instant::now().into_std();
        while let Poll::Ready(ready) = transport.poll_ready(cx) {
            ready?;
            let check = |request: RequestRef<'_>| transport.check(request);
            let Some(request) = self.machine.next_request(now, check) else {
                break;
            };
            transport.start_send(request.view())?;
            *flushed = false;
        }
        if !*flushed && let Poll::Ready(done) = transport.poll_flush(cx) {
            done?;
            *flushed = true;
        }
        Ok(())
    }

    /// Takes the frames that are there, as long as there is room for them. Says how many.
    fn receive(
        &mut self,
        transport: &mut BoxTransport,
        stalled: &mut bool,
        cx: &mut Context<'_>,
    ) -> Result<usize, Left> {
        for taken in 0..RECEIVE_BATCH {
            if self.poll_gate(cx).is_pending() {
                *stalled = true;
                return Ok(taken);
            }
            if std::mem::take(stalled) {
                self.machine.resume(Instant::now().into_std());
            }
            let Poll::Ready(frame) = transport.poll_receive(cx) else {
                self.hear(transport);
                return Ok(taken);
            };
            self.machine.receive(Instant::now().into_std(), &frame?)?;
        }
        Ok(RECEIVE_BATCH)
    }

    /// Pending while nothing is to be read.
    fn poll_gate(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.gate {
            Some(buffer) if self.machine.is_ready() && self.machine.is_wanted() => {
                buffer.poll_room(cx)
            }
            _ => Poll::Ready(()),
        }
    }

    /// A large message that trickles in is no silence.
    fn hear(&mut self, transport: &BoxTransport) {
        let received = transport.received_bytes();
        if received != self.received_bytes {
            self.received_bytes = received;
            self.machine.hear(Instant::now().into_std());
        }
    }

    /// Takes the mail that is there.
    fn poll_mail(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        if !self.closed && self.closing.as_mut().poll(cx).is_ready() {
            self.closed = true;
            self.machine.end_all(&Failure::Closed { sent: false });
        }
        if self.closed {
            return Err(Stop::Ended);
        }
        while !self.mailbox_done {
            match self.mailbox.poll_recv(cx) {
                Poll::Ready(Some(Mail::Join { id, names, outlet })) => {
                    self.machine.join(id, names, outlet);
                }
                Poll::Ready(Some(Mail::Leave(id))) => self.machine.leave(id),
                Poll::Ready(None) => self.mailbox_done = true,
                Poll::Pending => break,
            }
        }
        if self.mailbox_done && self.machine.is_idle() {
            return Err(Stop::Ended);
        }
        Ok(())
    }

    /// Says whether a deadline has passed, so that there may be something to send.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Result<bool, Left> {
        let mut passed = false;
        while let Some(deadline) = self.machine.next_deadline() {
            // Deadlines move back with every frame. A timer that rings early now and then costs less than one that is set
            // anew each time.
            if self.armed.is_none_or(|armed| deadline < armed) {
                self.armed = Some(deadline);
                self.timer.as_mut().reset(Instant::from_std(deadline));
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                break;
            }
            self.armed = None;
            self.machine.expire(Instant::now().into_std())?;
            passed = true;
        }
        Ok(passed)
    }

    /// Closes a connection in good order, unless somebody wants another meanwhile.
    async fn say_goodbye(&mut self, mut transport: BoxTransport) {
        let close = poll_fn(|cx| {
            // An end of the client changes nothing here.
            let _ended = self.poll_mail(cx);
            if self.machine.is_wanted() {
                return Poll::Ready(());
            }
            transport.poll_close(cx).map(|_done| ())
        });
        let _best_effort = tokio::time::timeout(GOODBYE, close).await;
    }
}
