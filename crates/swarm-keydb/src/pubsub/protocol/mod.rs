//! Pub/Sub protocol of a connection: drives the state machine of subscriptions.

#[cfg(test)]
mod tests;

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::{Frame, Request, RequestRef};
use swarm_transport::{Capabilities, RequestRejection};
use tokio::sync::{mpsc, watch};

use super::buffer::Buffer;
use super::machine::Machine;
use super::registry::Submission;
use super::subscription::EventSink;
use crate::connection::ConnectionFactory;
use crate::connection::{
    CLOSE_TIMEOUT, Connection, Disconnect, End, Fault, Lifetime, Link, Loss, Next, OutageLog,
    Outgoing, Protocol, Reconnect, Session, Stop, Violation,
};
use crate::credentials::{Credentials, LoginVersion};
use crate::failure::Failure;
use crate::request_reply::Availability;
use crate::runtime::{Instant, Sleep, sleep};

/// The Pub/Sub protocol.
pub(super) struct PubSub {
    machine: Machine<EventSink>,
    submissions: mpsc::UnboundedReceiver<Submission>,
    /// No more submissions will come.
    submissions_done: bool,
    /// Resolves when the client is closed.
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    closed: bool,
    /// Buffer of the only subscription, under
    /// [`Overflow::Backpressure`](super::Overflow::Backpressure). While it is full, the connection
    /// receives nothing.
    backpressure: Option<Buffer>,
    /// Whether receiving is paused because that buffer is full.
    paused: bool,
    /// Tells whether dialing is worthwhile.
    availability: Availability,
    outages: OutageLog,
    /// The last request, which the transport may borrow.
    request: Option<Request>,
    /// Fires when the connection is closed although the server has not acknowledged the last
    /// UNSUBSCRIBE.
    unsubscribe_by: Option<Pin<Box<Sleep>>>,
}

impl PubSub {
    /// Starts the task of a connection. The task ends when all senders of submissions are dropped,
    /// or the client is closed.
    pub(super) fn spawn(
        factory: &ConnectionFactory,
        availability: Availability,
        mut closing: watch::Receiver<bool>,
        backpressure: Option<Buffer>,
    ) -> mpsc::UnboundedSender<Submission> {
        let _context = factory.tasks.enter();
        let (sender, submissions) = mpsc::unbounded_channel();
        let protocol = Self {
            machine: Machine::new(factory.target.settings.clone()),
            submissions,
            submissions_done: false,
            closing: Box::pin(async move {
                if closing.wait_for(|closing| *closing).await.is_err() {
                    // The client was dropped without being closed: its subscriptions stay open.
                    pending::<()>().await;
                }
            }),
            closed: false,
            backpressure,
            paused: false,
            availability,
            outages: OutageLog::beside_shared("subscriptions"),
            request: None,
            unsubscribe_by: None,
        };
        let connection = Connection::new(protocol, factory.dialer(), factory.reconnect());
        factory.tasks.spawn(connection.run());
        sender
    }

    /// Processes the submissions that have arrived.
    fn poll_submissions(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        if !self.closed && self.closing.as_mut().poll(cx).is_ready() {
            self.closed = true;
            self.machine.end_all(&Failure::Closed { sent: false });
        }
        if self.closed {
            return Err(Stop::Ended);
        }
        while !self.submissions_done {
            match self.submissions.poll_recv(cx) {
                Poll::Ready(Some(Submission::Subscribe { id, names, sink })) => {
                    self.machine.subscribe(id, names, sink);
                }
                Poll::Ready(Some(Submission::Unsubscribe(id))) => self.machine.unsubscribe(id),
                #[cfg(feature = "cluster")]
                Poll::Ready(Some(Submission::Release(id))) => self.machine.release(id),
                Poll::Ready(None) => self.submissions_done = true,
                Poll::Pending => break,
            }
        }
        if self.submissions_done && self.machine.is_idle() {
            return Err(Stop::Ended);
        }
        Ok(())
    }

    /// Pending while the buffer under backpressure is full.
    fn poll_backpressure(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.backpressure {
            Some(buffer) if self.machine.is_ready() && self.machine.is_wanted() => {
                buffer.poll_capacity(cx)
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Outgoing for PubSub {
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let request = self.machine.next_request(now, check)?;
        Some(self.request.insert(request).view())
    }
}

impl Protocol for PubSub {
    const YIELDS: bool = false;

    type Batch = ();

    fn session(&self) -> &Session {
        self.machine.session()
    }

    fn session_mut(&mut self) -> &mut Session {
        self.machine.session_mut()
    }

    fn poll_needed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        match self.poll_submissions(cx) {
            Err(stop) => Poll::Ready(Err(stop)),
            Ok(()) if self.machine.is_wanted() => Poll::Ready(Ok(())),
            Ok(()) => Poll::Pending,
        }
    }

    fn wait_available(&self) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        let availability = self.availability.clone();
        async move {
            loop {
                match availability.wait().await {
                    // New subscriptions have already failed with this error. Existing ones wait.
                    Err(Failure::OnlyFallback { .. }) => availability.wait_fallback_closed().await,
                    result => return result,
                }
            }
        }
    }

    fn fail_waiting(&mut self, failure: &Failure) {
        self.machine.end_all(failure);
    }

    fn poll_intake(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop> {
        self.poll_submissions(cx)?;
        Ok(false)
    }

    fn poll_offline(&mut self, _: &mut Context<'_>) -> Result<bool, Stop> {
        if self.machine.is_wanted() {
            Ok(true)
        } else {
            Err(Stop::Idle)
        }
    }

    fn accept(&mut self, capabilities: Capabilities) -> Result<(), Stop> {
        let Capabilities { session, push, .. } = capabilities;
        if session && push {
            return Ok(());
        }
        self.machine
            .end_all(&Failure::Refused(RequestRejection::Unsupported {
                command: "SUBSCRIBE".to_owned(),
                needs: "subscriptions",
                transport: "this transport",
            }));
        Err(Stop::Idle)
    }

    fn opened(
        &mut self,
        capabilities: Capabilities,
        credentials: Option<Credentials>,
        _: LoginVersion,
    ) {
        self.machine.log_in_with(credentials);
        self.machine.connected(capabilities);
    }

    fn ready(&mut self) {
        self.availability.note_dial(None);
        let address = self.availability.address();
        self.outages.over(address.as_deref(), None);
    }

    fn poll_auxiliary(&mut self, _: &mut Link, _: &mut Context<'_>) {}

    fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_backpressure(cx).is_pending() {
            self.paused = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut self.paused) {
            let now = Instant::now();
            self.machine.resume(now);
        }
        Poll::Ready(())
    }

    fn receive(&mut self, (): &mut (), frame: Frame) -> Result<(), Violation> {
        let now = Instant::now();
        self.machine.receive(now, &frame)
    }

    fn received(&mut self, (): ()) {}

    fn poll_outdated(&mut self, _: &mut Link, _: &mut Context<'_>) -> Result<(), End> {
        // The gap is reported as that of any other loss.
        Err(Disconnect::Moved.into())
    }

    fn poll_end(&mut self, _: &mut Reconnect, cx: &mut Context<'_>) -> Result<(), End> {
        if self.machine.is_wanted() {
            self.unsubscribe_by = None;
            return Ok(());
        }
        if self.machine.is_idle() {
            return Err(Stop::Idle.into());
        }
        let timer = self
            .unsubscribe_by
            .get_or_insert_with(|| Box::pin(sleep(CLOSE_TIMEOUT)));
        if timer.as_mut().poll(cx).is_ready() {
            return Err(Stop::Idle.into());
        }
        Ok(())
    }

    fn may_sleep(&mut self, _: &mut Context<'_>) -> bool {
        // Polling the submissions has registered the task.
        true
    }

    fn next_deadline(&self) -> Option<Instant> {
        // While the client does not receive, the server cannot be silent.
        if self.paused {
            None
        } else {
            self.machine.next_deadline()
        }
    }

    fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        self.machine.expire(now)
    }

    fn resumed(&mut self, now: Instant) {
        self.machine.resumed(now);
    }

    fn lost(&mut self, loss: &Loss) -> Result<(), Stop> {
        self.machine.disconnected();
        if loss.lifetime == Lifetime::Failed {
            self.availability.note_dial(Some(&loss.error));
            if self.availability.is_connected() {
                let address = self.availability.address();
                let fault = Fault {
                    error: &loss.error,
                    is_lasting: !loss.error.is_transient(),
                    waiting: None,
                };
                self.outages.failed(address.as_deref(), &fault);
            }
        }
        if let Next::Failed(setback) = &loss.next
            && (setback.refused || setback.is_final)
        {
            // Another attempt would fail the same way.
            self.machine.end_all(&setback.failure);
        }
        Ok(())
    }

    fn keep_open(&mut self, _: Link, _: &Disconnect) {}

    fn stopping(&mut self, link: Link) -> Option<Link> {
        self.machine.disconnected();
        Some(link)
    }

    fn close_timeout(&self) -> Duration {
        CLOSE_TIMEOUT
    }

    fn is_needed_again(&mut self, cx: &mut Context<'_>) -> bool {
        // Closing the client does not interrupt closing the connection.
        let _ended = self.poll_submissions(cx);
        self.machine.is_wanted()
    }

    fn end(&mut self) {}

    fn poll_lingering(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
