//! Unsolicited pongs that carry the acknowledgment for which the peer waits, where no socket option does.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a peer that owes replies may send nothing before it is taken to wait for an acknowledgment. The kernel
/// would send one after some 40 ms.
const PAUSE: Duration = Duration::from_millis(1);

/// How many bytes of requests a SwarmKeyDb gateway reads behind a command that runs. With more, it reads nothing until the command
/// has ended, pings included.
const READ_AHEAD: usize = 64 << 10;

/// When to send a pong: replies are owed, something arrived that nothing sent since has acknowledged, and then
/// nothing came for a moment. So there is at most one pong for each time that something arrives.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    /// Requests without a reply. Pushes count as replies, so this may be less than the truth, and never more.
    owed: usize,
    /// Bytes of the requests that were sent since nothing was owed.
    sent: usize,
    /// Bytes that had arrived when something was sent last.
    acknowledged: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Nudge {
    /// A request of so many `bytes` is sent when so many bytes have `arrived`.
    pub(super) const fn sent(&mut self, bytes: usize, arrived: u64) {
        if self.owed == 0 {
            self.sent = 0;
        }
        self.owed += 1;
        self.sent = self.sent.saturating_add(bytes);
        self.acknowledged = arrived;
    }

    /// A frame was received.
    pub(super) const fn received(&mut self) {
        self.owed = self.owed.saturating_sub(1);
    }

    /// Whether the peer may be unable to answer a ping, although it lives: it runs a command, and too much waits behind that.
    pub(super) const fn may_hold_up_pongs(&self) -> bool {
        self.owed > 1 && self.sent >= READ_AHEAD
    }

    /// Ready when a pong is to be sent; to be polled when there is nothing to read. So many bytes have `arrived`, the last
    /// of them when the peer was `heard`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, arrived: u64, heard: Instant) -> Poll<()> {
        if self.owed == 0 || arrived == self.acknowledged {
            return Poll::Pending;
        }
        let due = heard + PAUSE;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            // A timer that was set for earlier bytes is moved only when it ends: that is rarer than bytes are.
            if timer.is_elapsed() && timer.deadline() < due {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= due {
                self.acknowledged = arrived;
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! When a pong is due, on a clock that stands still.

    use std::task::Waker;

    use super::*;

    fn is_due(nudge: &mut Nudge, arrived: u64, heard: Instant) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        nudge.poll(&mut cx, arrived, heard).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn one_pong_for_what_arrived_while_more_is_owed() {
        let mut nudge = Nudge::default();
        let start = Instant::now();
        nudge.sent(1, 0);
        nudge.sent(1, 0);
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut nudge, 0, start), "nothing arrived");

        let heard = Instant::now();
        nudge.received();
        assert!(!is_due(&mut nudge, 7, heard), "the pause begins");
        tokio::time::advance(PAUSE / 2).await;
        assert!(!is_due(&mut nudge, 7, heard));
        // More arrives: the pause begins anew.
        let heard = Instant::now();
        assert!(!is_due(&mut nudge, 9, heard));
        tokio::time::advance(PAUSE * 3 / 4).await;
        assert!(!is_due(&mut nudge, 9, heard));
        tokio::time::advance(PAUSE * 2).await;
        assert!(is_due(&mut nudge, 9, heard));
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut nudge, 9, heard), "once is enough");
    }

    #[tokio::test(start_paused = true)]
    async fn no_pong_when_nothing_is_owed_or_a_request_went_out() {
        let mut nudge = Nudge::default();
        let heard = Instant::now();
        nudge.sent(1, 0);
        nudge.received();
        assert!(!is_due(&mut nudge, 7, heard));
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut nudge, 7, heard), "nothing is owed");
        nudge.sent(1, 7);
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut nudge, 7, heard), "the request acknowledged it");
    }
}
