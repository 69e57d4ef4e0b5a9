//! What an upstream connection owes, and what arrives on it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use swarm_resp::{Frame, Kind};
use tokio::sync::oneshot;

use crate::backend::Client;

/// Replies that were asked for and did not arrive yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    expected: VecDeque<Expected>,
    /// How many channels and patterns the connection listens to, as the server acknowledged last.
    listens: i64,
}

/// The replies to one command.
#[derive(Debug)]
pub(super) struct Expected {
    /// In capitals.
    pub(super) name: String,
    pub(super) count: usize,
    /// Acknowledgements of subscriptions, which are pushes in RESP3.
    pub(super) acknowledged: bool,
    /// `None` when the gateway asked for itself: then the client sees nothing of it.
    pub(super) done: Option<oneshot::Sender<()>>,
}

impl Owed {
    pub(super) fn expect(&self, expected: Expected) {
        self.lock().expected.push_back(expected);
    }

    /// Passes on what arrived.
    pub(super) fn arrived(&self, frame: Frame, client: &Client) {
        let queue = &mut *self.lock();
        let first_word = first_word(&frame);
        let is_push = match frame.kind() {
            Kind::Push => true,
            // In RESP2 a connection that listens gets no other arrays that begin so.
            Kind::Array => {
                queue.listens > 0 && (first_word == b"message" || first_word == b"pmessage")
            }
            _ => false,
        };
        let acknowledges = first_word.ends_with(b"subscribe");
        let answers = |expected: &&mut Expected| !is_push || acknowledges && expected.acknowledged;
        let Some(expected) = queue.expected.front_mut().filter(answers) else {
            client.outbox.push(frame);
            return;
        };
        if expected.acknowledged {
            queue.listens = third(&frame).unwrap_or(queue.listens);
        } else if expected.name == "RESET" {
            queue.listens = 0;
        }
        expected.count = expected.count.saturating_sub(1);
        let last = expected.count == 0 || frame.kind() == Kind::SimpleError;
        if expected.done.is_some() {
            client.faults.count(&expected.name);
            let obstacle = client.faults.obstacle(&expected.name);
            client.outbox.reply(frame, obstacle);
        }
        if last
            && let Some(expected) = queue.expected.pop_front()
            && let Some(done) = expected.done
        {
            // A caller that is gone does not wait for it.
            let _ = done.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn third(frame: &Frame) -> Option<i64> {
    frame.items()?.nth(2)?.as_integer()
}

fn first_word(frame: &Frame) -> &[u8] {
    let first = frame.view().items().and_then(|mut items| items.next());
    first.and_then(|first| first.as_bytes()).unwrap_or_default()
}
