//! Unsolicited pongs that carry TCP acknowledgments, for platforms without `TCP_QUICKACK`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Idle time, while replies are pending, after which the peer may be waiting for an acknowledgment.
/// The kernel would send it after about 40 ms.
const PAUSE: Duration = Duration::from_millis(1);

/// Number of request bytes that a SwarmKeyDb gateway reads ahead while a command runs. Beyond that,
/// it reads nothing, not even pings, until the command completes.
const READ_AHEAD: usize = 64 << 10;

/// Decides when to send a pong: replies are pending, data arrived that no later request
/// acknowledged, and then nothing arrived for [`PAUSE`]. There is at most one pong per arrival.
#[derive(Debug, Default)]
pub(super) struct AckPong {
    /// Number of pending replies. Pushes count as replies, so the number may be too low, but never
    /// too high.
    pending: usize,
    /// Size of the requests sent since no reply was pending.
    sent: usize,
    /// Number of bytes that had arrived when data was last sent.
    acknowledged: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl AckPong {
    /// Records that a request of `bytes` is sent, after `arrived` bytes were received.
    pub(super) const fn sent(&mut self, bytes: usize, arrived: u64) {
        if self.pending == 0 {
            self.sent = 0;
        }
        self.pending += 1;
        self.sent = self.sent.saturating_add(bytes);
        self.acknowledged = arrived;
    }

    /// Records a received frame.
    pub(super) const fn received(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// Returns whether the peer may be unable to answer pings although it is alive, because it runs
    /// a command and more requests than it reads ahead are queued behind it.
    pub(super) const fn may_delay_pongs(&self) -> bool {
        self.pending > 1 && self.sent >= READ_AHEAD
    }

    /// Waits until a pong is due. Call this when there is nothing to read. `arrived` is the number
    /// of bytes received so far, the last of them at `last_read`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        arrived: u64,
        last_read: Instant,
    ) -> Poll<()> {
        if self.pending == 0 || arrived == self.acknowledged {
            return Poll::Pending;
        }
        let due = last_read + PAUSE;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            // Reset the timer only when it expires, which happens less often than data arrives.
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
    //! When a pong is due, on a paused clock.

    use std::task::Waker;

    use super::*;

    fn is_due(ack_pong: &mut AckPong, arrived: u64, last_read: Instant) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        ack_pong.poll(&mut cx, arrived, last_read).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn one_pong_per_arrival_while_replies_are_pending() {
        let mut ack_pong = AckPong::default();
        let start = Instant::now();
        ack_pong.sent(1, 0);
        ack_pong.sent(1, 0);
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut ack_pong, 0, start), "nothing arrived");

        let last_read = Instant::now();
        ack_pong.received();
        assert!(
            !is_due(&mut ack_pong, 7, last_read),
            "the pause has just begun"
        );
        tokio::time::advance(PAUSE / 2).await;
        assert!(!is_due(&mut ack_pong, 7, last_read));
        // More data restarts the pause.
        let last_read = Instant::now();
        assert!(!is_due(&mut ack_pong, 9, last_read));
        tokio::time::advance(PAUSE * 3 / 4).await;
        assert!(!is_due(&mut ack_pong, 9, last_read));
        tokio::time::advance(PAUSE * 2).await;
        assert!(is_due(&mut ack_pong, 9, last_read));
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut ack_pong, 9, last_read), "once is enough");
    }

    #[tokio::test(start_paused = true)]
    async fn no_pong_if_no_reply_is_pending_or_a_request_was_sent() {
        let mut ack_pong = AckPong::default();
        let last_read = Instant::now();
        ack_pong.sent(1, 0);
        ack_pong.received();
        assert!(!is_due(&mut ack_pong, 7, last_read));
        tokio::time::advance(PAUSE * 10).await;
        assert!(!is_due(&mut ack_pong, 7, last_read), "no reply is pending");
        ack_pong.sent(1, 7);
        tokio::time::advance(PAUSE * 10).await;
        assert!(
            !is_due(&mut ack_pong, 7, last_read),
            "the request acknowledged it"
        );
    }
}
