//! The browser's tasks, timers and clock. Everything runs on the thread that created it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use send_wrapper::SendWrapper;
use tokio::sync::{Notify, oneshot};

pub(crate) use web_time::{Instant, Instant as StdInstant, SystemTime};

mod events;

#[cfg(feature = "blocking")]
compile_error!("the feature `blocking` is not available in a browser, where no call may block");

/// The longest time that `setTimeout` takes. It fires at once for longer ones.
const MAX_TIMER: Duration = Duration::from_millis(i32::MAX as u64);

/// Returns a point in time as the public API shows it.
pub(crate) const fn into_std(instant: Instant) -> StdInstant {
    instant
}

/// Spawns the tasks of a client.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(());

impl Tasks {
    /// Creates a handle to the runtime. A page always has one.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "on native targets, there may be none"
    )]
    pub(crate) const fn current() -> Result<Self, &'static str> {
        Ok(Self(()))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle {
        let abort = Arc::new(Notify::new());
        let handle = AbortHandle(Arc::downgrade(&abort));
        let (running, ended) = oneshot::channel();
        wasm_bindgen_futures::spawn_local(async move {
            tokio::select! {
                biased;
                () = abort.notified() => {}
                () = task => {}
            }
            drop(abort);
            let _nobody_waits = running.send(());
        });
        JoinHandle { handle, ended }
    }

    /// Enters a context for timers. Timers of a page need none.
    pub(crate) const fn timers(&self) -> Option<EnterGuard<'_>> {
        None
    }

    /// Enters the runtime. A page needs not.
    pub(crate) const fn enter(&self) -> EnterGuard<'_> {
        EnterGuard(PhantomData)
    }
}

/// Stands for the context that tokio needs and a page does not.
#[derive(Debug)]
pub(crate) struct EnterGuard<'a>(PhantomData<&'a ()>);

/// Handle to a task. Resolves when the task has ended. Dropping it does not end the task.
#[derive(Debug)]
pub(crate) struct JoinHandle<T = ()> {
    handle: AbortHandle,
    ended: oneshot::Receiver<T>,
}

impl JoinHandle {
    pub(crate) fn abort(&self) {
        self.handle.abort();
    }

    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.handle.clone()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.handle.0.strong_count() == 0
    }
}

impl Future for JoinHandle {
    type Output = Result<(), oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.ended).poll(cx)
    }
}

/// Ends a task before its next step. The task holds the other reference while it runs.
#[derive(Debug, Clone)]
pub(crate) struct AbortHandle(Weak<Notify>);

impl AbortHandle {
    pub(crate) fn abort(&self) {
        if let Some(task) = self.0.upgrade() {
            task.notify_one();
        }
    }
}

/// Lets other tasks run, and the task itself be aborted.
pub(crate) async fn consume_budget() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Returns the future itself, because a page has no budgets of tasks.
pub(crate) const fn unconstrained<F>(future: F) -> F {
    future
}

/// Timer that fires at a point in time or, if the page is throttled or asleep, later.
#[derive(Debug)]
pub(crate) struct Sleep {
    deadline: Instant,
    /// Runs until the deadline, or for as long as a timer may. Started by the first poll.
    timer: Option<SendWrapper<TimeoutFuture>>,
}

impl Sleep {
    pub(crate) fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        if self.deadline != deadline {
            self.deadline = deadline;
            self.timer = None;
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        loop {
            if let Some(timer) = &mut self.timer {
                if Pin::new(timer).poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.timer = None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.timer = Some(SendWrapper::new(TimeoutFuture::new(millis(left))));
        }
    }
}

/// Returns for how many milliseconds to set a timer, rounded up.
fn millis(time: Duration) -> u32 {
    let millis = time.min(MAX_TIMER).as_micros().div_ceil(1000);
    u32::try_from(millis).unwrap_or(i32::MAX.unsigned_abs())
}

pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        timer: None,
    }
}

pub(crate) fn sleep(time: Duration) -> Sleep {
    sleep_until(after(time))
}

/// Returns a point in time from now. One that cannot be represented is about 30 years away, as with
/// tokio.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    let far = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(time).unwrap_or_else(|| now + far)
}

/// Waits before an attempt to reconnect, at most until the page comes to the front or the machine
/// goes online. Returns whether it did.
pub(crate) async fn pause(time: Duration) -> bool {
    let mut awake = events::Awake::new();
    tokio::select! {
        () = sleep(time) => false,
        () = awake.wait() => true,
    }
}

/// How late a timer may fire without a reason, and how long a late one waits for what arrived
/// meanwhile.
const LATE: Duration = Duration::from_secs(1);

/// The time is up.
#[derive(Debug)]
pub(crate) struct Elapsed(());

pub(crate) fn timeout<F: Future>(
    time: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    timeout_at(after(time), future)
}

/// If the page was asleep when the time was up, what arrived meanwhile is delivered first.
pub(crate) fn timeout_at<F: Future>(
    deadline: Instant,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let elapsed = async move {
        sleep_until(deadline).await;
        if deadline.elapsed() > LATE {
            sleep(LATE).await;
        }
    };
    async move {
        let (mut future, mut elapsed) = (pin!(future), pin!(elapsed));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            elapsed.as_mut().poll(cx).map(|()| Err(Elapsed(())))
        })
        .await
    }
}
