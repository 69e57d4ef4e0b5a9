//! Time in an episode: it passes as it did in the recording, not as fast as the machine is.

use std::time::Duration;

use swarm_gateway::Clock;

use crate::recording::Step;

/// Time that a bulk or array reply over TCP took, because the server splits it into several writes
/// and the client delayed its acknowledgement.
const SPLIT_REPLY: Duration = Duration::from_millis(44);

/// Number of other steps in a millisecond.
const STEPS: u64 = 2;

/// Clock of an episode.
pub(crate) struct Pace {
    clock: Clock,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            clock: Clock::manual(),
        }
    }
}

impl Pace {
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Lets the time of a step pass.
    pub(crate) fn follow(&mut self, step: &Step) {
        let answer = step.received.values().flatten().next();
        let split = answer.is_some_and(|answer| {
            let single = [&b"$-1"[..], b"*-1", b"*0"];
            matches!(answer.first(), Some(b'$' | b'*'))
                && !single.iter().any(|start| answer.starts_with(start))
        });
        if step.door == "tcp" && split {
            self.clock.advance(SPLIT_REPLY);
        } else if step.number.is_multiple_of(STEPS) {
            self.clock.advance(Duration::from_millis(1));
        }
    }

    /// Awaits the answer of a step. The time that a command blocks passes again and again until it
    /// is answered, because nothing shows that it has begun to wait.
    pub(crate) async fn within_block<T>(&self, step: &Step, answer: impl Future<Output = T>) -> T {
        let mut words = step.send.iter();
        let found = words.any(|word| word.eq_ignore_ascii_case(b"BLOCK"));
        let time = words.next().filter(|_| found);
        let time = time.and_then(|time| String::from_utf8_lossy(time).trim().parse().ok());
        let Some(time) = time.map(Duration::from_millis) else {
            return answer.await;
        };
        tokio::pin!(answer);
        loop {
            match tokio::time::timeout(Duration::from_millis(10), &mut answer).await {
                Ok(answer) => return answer,
                Err(_) => self.clock.advance(time),
            }
        }
    }
}
