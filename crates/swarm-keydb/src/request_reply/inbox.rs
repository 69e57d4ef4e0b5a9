//! What callers have put in and the driver has not taken, and the room for it.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use super::ReplySlot;
use super::promise::{Promise, Promised, Wake, promise};
use crate::request_reply::{Body, Call};

/// A queue that the driver takes whole, so that the lock is paid for once per batch on its side, and that wakes it only
/// when it sleeps: of many letters, the first does.
///
/// One lock guards the queue and the room that calls take, for what many tasks share costs most when they run at the same
/// time.
pub(super) struct Inbox {
    state: Mutex<State>,
    /// Room that was given back and is not counted as free yet.
    freed: Arc<AtomicUsize>,
}

struct State {
    letters: VecDeque<Letter>,
    standing: Standing,
    /// Whether the driver does not know the standing.
    is_news: bool,
    /// The driver, while it sleeps.
    sleeper: Option<Waker>,
    free: usize,
    /// Who waits for room, in order. Nobody overtakes them.
    waiters: VecDeque<Waiter>,
    /// How many of these have left, about.
    left: usize,
}

/// What may still come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// More letters may.
    pub(super) open: bool,
    /// What is under way is not waited for.
    pub(super) aborted: bool,
}

struct Waiter {
    size: usize,
    admitted: Promise<()>,
}

/// A call that the driver does not have yet.
pub(crate) struct Letter {
    pub(crate) body: Box<Body<ReplySlot>>,
    pub(crate) due: Due,
    /// How much room it takes.
    pub(crate) size: usize,
}

/// When a caller's time is up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// So long after the driver takes the call, which it does at once when the call is put in at once: so one look at the
    /// clock does for many.
    After(Duration),
    At(Instant),
}

/// What became of a letter.
pub(crate) enum Posted {
    Done,
    /// There is no room for it.
    Full(Letter),
    /// No more calls are taken.
    Closed,
}

/// A share of the room. A call keeps it until its reply has come, even when nobody waits for that any more.
#[derive(Debug)]
pub(crate) struct Share {
    size: usize,
    home: Arc<AtomicUsize>,
}

impl Drop for Share {
    fn drop(&mut self) {
        // The driver holds all shares, and counts what came back before it sleeps.
        self.home.fetch_add(self.size, Ordering::Relaxed);
    }
}

impl Inbox {
    pub(super) fn new(room: usize) -> Self {
        let state = State {
            letters: VecDeque::new(),
            standing: Standing {
                open: true,
                aborted: false,
            },
            is_news: false,
            sleeper: None,
            free: room,
            waiters: VecDeque::new(),
            left: 0,
        };
        Self {
            state: Mutex::new(state),
            freed: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked, so what is there is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much room nobody takes.
    pub(super) fn free(&self) -> usize {
        let state = self.lock();
        state.free + self.freed.load(Ordering::Relaxed)
    }

    /// Whether letters may still be put in.
    pub(super) fn is_open(&self) -> bool {
        self.lock().standing.open
    }

    /// Puts a letter in, if there is room for it and nobody waits for some.
    pub(super) fn post(&self, letter: Letter) -> Posted {
        let mut state = self.lock();
        if !state.standing.open {
            return Posted::Closed;
        }
        if !state.waiters.is_empty() || letter.size > state.free {
            drop(state);
            return Posted::Full(letter);
        }
        state.free -= letter.size;
        state.letters.push_back(letter);
        let sleeper = state.sleeper.take();
        drop(state);
        wake(sleeper);
        Posted::Done
    }

    /// Lines up for room.
    pub(super) fn line_up(self: Arc<Self>, size: usize) -> Place {
        let (admitted, admission) = promise(None);
        let mut state = self.lock();
        if state.standing.open {
            state.waiters.push_back(Waiter { size, admitted });
        }
        // There may be room by now, and a driver that sleeps would give none.
        let admissions = self.admit(&mut state);
        drop(state);
        drop(admissions);
        Place {
            inbox: self,
            size,
            admission: Some(admission),
            admitted: false,
        }
    }

    /// Lets no more letters in. Those before are still answered.
    pub(super) fn close(&self) {
        self.end(false);
    }

    /// Ends the driver at once.
    pub(super) fn abort(&self) {
        self.end(true);
    }

    fn end(&self, abort: bool) {
        let mut state = self.lock();
        state.standing.open = false;
        state.standing.aborted |= abort;
        state.is_news = true;
        let waiters = std::mem::take(&mut state.waiters);
        let sleeper = state.sleeper.take();
        drop(state);
        wake(sleeper);
        drop(waiters);
    }

    /// Takes all that is there, and says what may still come.
    pub(super) fn take(&self, letters: &mut VecDeque<Letter>) -> Standing {
        let mut state = self.lock();
        if letters.is_empty() {
            std::mem::swap(letters, &mut state.letters);
        } else {
            letters.append(&mut state.letters);
        }
        state.is_news = false;
        state.standing
    }

    /// Makes a call of a letter that was taken.
    pub(super) fn open(&self, letter: Letter, now: Instant) -> Call<ReplySlot> {
        let deadline = match letter.due {
            Due::After(timeout) => deadline(now, timeout),
            Due::At(deadline) => deadline,
        };
        Call {
            body: letter.body,
            deadline,
            ticket: Share {
                size: letter.size,
                home: Arc::clone(&self.freed),
            },
        }
    }

    /// Whether nothing is there that the driver does not know. Then what comes next wakes it.
    pub(super) fn rest(&self, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        let idle = state.letters.is_empty() && !state.is_news;
        if idle && !(state.sleeper.as_ref()).is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.sleeper = Some(cx.waker().clone());
        }
        let admitted = self.admit(&mut state);
        drop(state);
        drop(admitted);
        idle
    }

    /// Counts the room that was given back, and gives it to those who wait. They are to be woken once the lock is released.
    #[must_use]
    fn admit(&self, state: &mut State) -> Vec<Wake> {
        state.free += self.freed.swap(0, Ordering::Relaxed);
        state.admit()
    }

    /// The driver has ended: nothing that is still there will be answered.
    pub(super) fn abandon(&self) {
        self.close();
        self.take(&mut VecDeque::new());
    }
}

impl State {
    /// Gives room to those who wait for it.
    #[must_use]
    fn admit(&mut self) -> Vec<Wake> {
        let mut admitted = Vec::new();
        while let Some(next) = self.waiters.front()
            && (next.admitted.is_gone() || next.size <= self.free)
            && let Some(next) = self.waiters.pop_front()
        {
            if next.admitted.is_gone() {
                self.left = self.left.saturating_sub(1);
                continue;
            }
            self.free -= next.size;
            admitted.push(next.admitted.keep(()));
        }
        admitted
    }

    /// Somebody in line has left. Their entries are swept out when they are half of all.
    fn drain(&mut self) {
        self.left += 1;
        if self.left > self.waiters.len() / 2 {
            self.waiters.retain(|waiter| !waiter.admitted.is_gone());
            self.left = 0;
        }
    }
}

/// A place in the line for room, and later the room. Ready with whether there is room: there is none when the client closes.
pub(crate) struct Place {
    inbox: Arc<Inbox>,
    size: usize,
    admission: Option<Promised<()>>,
    admitted: bool,
}

impl Place {
    /// Puts a letter into the room that was waited for. Says whether it could.
    pub(super) fn post(mut self, letter: Letter) -> bool {
        let mut state = self.inbox.lock();
        if !state.standing.open {
            return false;
        }
        self.admitted = false;
        state.letters.push_back(letter);
        let sleeper = state.sleeper.take();
        drop(state);
        wake(sleeper);
        true
    }
}

impl Future for Place {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(admission) = &mut self.admission {
            self.admitted = ready!(Pin::new(admission).poll(cx)).is_some();
            self.admission = None;
        }
        Poll::Ready(self.admitted)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.admission.is_none() && !self.admitted {
            return;
        }
        // Under the lock, so that room is not given to somebody who is just leaving.
        let mut state = self.inbox.lock();
        if self.admitted || self.admission.take().is_some_and(Promised::was_kept) {
            state.free += self.size;
        } else {
            state.drain();
        }
        let admitted = self.inbox.admit(&mut state);
        drop(state);
        drop(admitted);
    }
}

impl fmt::Debug for Inbox {
    /// Shows how much room there is, and nothing of what is in there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("free", &self.free())
            .finish_non_exhaustive()
    }
}

/// The moment at which a timeout is over that begins now.
pub(super) fn deadline(now: Instant, timeout: Duration) -> Instant {
    // A timeout beyond what the clock can express is as good as a year.
    let year = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(timeout).unwrap_or(now + year)
}

fn wake(sleeper: Option<Waker>) {
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}
