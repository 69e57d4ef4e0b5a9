//! Tests of the results of a bulk, without a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use swarm_resp::Frame;

use super::{ResultSender, Results};
use crate::failure::Failure;

/// A task that waits, and how often it was woken.
#[derive(Default)]
struct Woken(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    /// Whether the task has to wait.
    fn waits(&self, poll: impl FnOnce(&Context<'_>) -> Poll<()>) -> bool {
        let waker = Waker::from(Arc::clone(&self.0));
        poll(&Context::from_waker(&waker)).is_pending()
    }

    /// Returns how often the task was woken since the last call.
    fn count(&self) -> usize {
        self.0.0.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn results_are_in_the_order_of_positions() {
    let results = Results::new(3, 100);
    let senders = [0, 1].map(|position| results.sender(position, 1));
    assert!(senders.iter().all(ResultSender::start));
    let [first, second] = senders;
    drop(second.send(Ok(Frame::bulk("second"))));
    drop(first.send(Ok(Frame::bulk("first"))));
    results.fail(2, Failure::Withheld);
    let [Ok(first), Ok(second), Err(Failure::Withheld)] = &results.into_vec()[..] else {
        panic!("unexpected results");
    };
    assert_eq!(
        [first.as_str(), second.as_str()],
        [Some("first"), Some("second")]
    );
}

#[test]
fn the_task_is_woken_once_per_batch_of_sent_commands() {
    let (results, task) = (Results::new(1000, 10_000), Woken::default());
    let mut senders: Vec<_> = (0..128)
        .map(|position| results.sender(position, 1))
        .collect();
    assert!(task.waits(|cx| results.poll_capacity(1, cx)));
    for sender in &senders[..63] {
        assert!(sender.start());
    }
    assert_eq!(task.count(), 0);
    assert!(senders[63].start());
    assert_eq!(task.count(), 1);
    assert!(!task.waits(|cx| results.poll_capacity(1, cx)));
    senders.clear();
    assert_eq!(task.count(), 0);
}

#[test]
fn commands_take_at_most_the_limit_but_one_may_take_more() {
    let (results, task) = (Results::new(10, 100), Woken::default());
    assert!(!task.waits(|cx| results.poll_capacity(1000, cx)));
    let large = results.sender(0, 1000);
    assert!(task.waits(|cx| results.poll_capacity(1, cx)));
    assert!(large.start());
    assert_eq!(task.count(), 0);
    drop(large.send(Err(Failure::Withheld)));
    assert_eq!(task.count(), 1);
    let small = results.sender(1, 60);
    assert!(!task.waits(|cx| results.poll_capacity(40, cx)));
    assert!(task.waits(|cx| results.poll_capacity(41, cx)));
    drop(small);
    assert_eq!(task.count(), 1);
}

#[test]
fn the_task_waits_until_every_queued_command_has_its_result() {
    let (results, task) = (Results::new(3, 100), Woken::default());
    assert!(!task.waits(|cx| results.poll_settled(cx)));
    let (first, second) = (results.sender(0, 1), results.sender(1, 1));
    assert!(task.waits(|cx| results.poll_settled(cx)));
    drop(first.send(Err(Failure::Withheld)));
    assert_eq!(task.count(), 0);
    drop(second);
    assert_eq!(task.count(), 1);
    assert!(!task.waits(|cx| results.poll_settled(cx)));
}

#[test]
fn a_withdrawn_command_is_not_sent_and_keeps_its_failure() {
    let (results, task) = (Results::new(3, 100), Woken::default());
    let (sent, unsent) = (results.sender(0, 1), results.sender(1, 1));
    assert!(sent.start());
    results.withdraw(&Failure::Withheld);
    assert!(unsent.is_closed() && !unsent.start());
    assert!(!sent.is_closed() && sent.start());
    assert!(task.waits(|cx| results.poll_settled(cx)));
    drop(unsent);
    assert_eq!(task.count(), 0);
    drop(sent.send(Ok(Frame::bulk("reply"))));
    assert_eq!(task.count(), 1);
    let results = results.into_vec();
    assert!(matches!(
        &results[..],
        [Ok(_), Err(Failure::Withheld), Err(Failure::Withheld)]
    ));
}

#[test]
fn a_sender_that_is_dropped_reports_whether_its_command_was_sent() {
    let results = Results::new(2, 100);
    let (sent, unsent) = (results.sender(0, 1), results.sender(1, 1));
    assert!(sent.start());
    drop((sent, unsent));
    let results = results.into_vec();
    let outcomes = [true, false].map(|sent| format!("{:?}", Failure::runtime_gone(sent)));
    let shown: Vec<_> = results
        .iter()
        .map(|result| format!("{:?}", result.as_ref().err()))
        .collect();
    assert_eq!(shown, outcomes.map(|failure| format!("Some({failure})")));
}

#[test]
fn dropping_the_results_withdraws_what_was_not_sent() {
    let results = Results::new(2, 100);
    let sender = results.sender(0, 1);
    assert!(!sender.is_closed());
    drop(results);
    assert!(sender.is_closed() && !sender.start());
}
