//! Tests of capacity and wake-ups.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;

/// Counts wake-ups.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut noop())
}

fn try_send(sender: &Sender<u32, &'static str>, size: u32) -> bool {
    sender.try_send(size, size).is_ok()
}

/// Receives everything. The values count against the capacity until the permits are dropped.
fn take(receiver: &mut Receiver<u32, &'static str>) -> Vec<Permit> {
    let mut permits = Vec::new();
    drop(receiver.take(|_, permit| permits.push(permit)));
    permits
}

#[test]
fn only_the_first_value_wakes_a_receiver_and_only_while_it_sleeps() {
    let (sender, mut receiver) = queue(4);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let cx = Context::from_waker(&waker);
    assert!(receiver.sleep(&cx));
    assert!(try_send(&sender, 1) && try_send(&sender, 1));
    assert_eq!(wakes.count(), 1);
    assert!(!receiver.sleep(&cx), "two values are queued");
    assert!(try_send(&sender, 1));
    assert_eq!(wakes.count(), 1, "the receiver is awake");
    assert_eq!(take(&mut receiver).len(), 3);
    assert!(receiver.sleep(&cx));
    sender.close();
    assert_eq!(wakes.count(), 2, "closing wakes the receiver");
    assert!(!receiver.sleep(&cx), "the receiver has not seen that yet");
    assert!(!receiver.take(|_, _| {}).open, "closed");
    assert!(receiver.sleep(&cx));
}

#[test]
fn a_value_takes_capacity_until_its_permit_is_dropped() {
    let (sender, mut receiver) = queue(4);
    assert!(try_send(&sender, 3));
    assert!(!try_send(&sender, 2));
    let permits = take(&mut receiver);
    assert_eq!(sender.free(), 1, "receiving a value frees nothing");
    drop(permits);
    assert_eq!(sender.free(), 4);
    assert!(try_send(&sender, 4), "although the receiver has not slept");
}

/// A sender that does not wait must see returned capacity that the receiver has not collected.
#[test]
fn returned_capacity_can_be_taken_at_once() {
    let (sender, mut receiver) = queue(100);
    for _ in 0..10 {
        for _ in 0..100 {
            assert!(try_send(&sender, 1));
        }
        assert!(!try_send(&sender, 1));
        drop(take(&mut receiver));
    }
}

#[test]
fn waiting_senders_are_served_in_order_and_cannot_be_overtaken() {
    let (sender, mut receiver) = queue(10);
    assert!(try_send(&sender, 10));
    let mut first = Box::pin(sender.send(1, 8));
    let mut second = Box::pin(sender.send(2, 8));
    let mut third = Box::pin(sender.send(3, 2));
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(poll(waiting.as_mut()).is_pending());
    }
    drop(take(&mut receiver));
    assert!(receiver.sleep(&noop()));
    assert!(poll(third.as_mut()).is_pending(), "it must not overtake");
    assert!(!try_send(&sender, 1), "nor must others");
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
    assert!(poll(second.as_mut()).is_pending());
    drop(second);
    assert_eq!(poll(third.as_mut()), Poll::Ready(Ok(())));
    drop((first, third));
    let mut values = Vec::new();
    drop(receiver.take(|value, _| values.push(value)));
    assert_eq!(values, [1, 3]);
    assert_eq!(sender.free(), 10);
}

/// On several threads, the task of the second may run first.
#[test]
fn senders_that_find_capacity_together_keep_their_order() {
    let (sender, mut receiver) = queue(4);
    assert!(try_send(&sender, 4));
    let mut first = Box::pin(sender.send(1, 1));
    let mut second = Box::pin(sender.send(2, 1));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(take(&mut receiver));
    assert!(receiver.sleep(&noop()));
    assert!(poll(second.as_mut()).is_pending(), "the first comes first");
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
    let mut values = Vec::new();
    drop(receiver.take(|value, _| values.push(value)));
    assert_eq!(values, [1, 2]);
}

/// Tokio's primitives return without getting in line when the budget of a task is spent.
#[tokio::test]
async fn a_task_whose_cooperative_budget_is_spent_gets_in_line() {
    let (sender, mut receiver) = queue(4);
    assert!(try_send(&sender, 4));
    while tokio::task::coop::has_budget_remaining() {
        tokio::task::coop::consume_budget().await;
    }
    let mut first = Box::pin(sender.send(1, 1));
    let mut second = Box::pin(sender.send(2, 1));
    assert!(poll(first.as_mut()).is_pending());
    tokio::task::yield_now().await;
    assert!(poll(second.as_mut()).is_pending());
    drop(take(&mut receiver));
    assert!(receiver.sleep(&noop()));
    assert!(poll(second.as_mut()).is_pending(), "the first comes first");
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
}

#[test]
fn capacity_granted_to_a_dropped_sender_goes_to_the_next() {
    let (sender, mut receiver) = queue(4);
    assert!(try_send(&sender, 4));
    let mut first = Box::pin(sender.send(1, 4));
    let mut second = Box::pin(sender.send(2, 4));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(take(&mut receiver));
    assert!(receiver.sleep(&noop()));
    // It was granted capacity, and has not been polled since.
    drop(first);
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
}

#[test]
fn capacity_granted_to_the_last_waiting_sender_returns_when_it_is_dropped() {
    let (sender, mut receiver) = queue(4);
    assert!(try_send(&sender, 4));
    let mut waiting = Box::pin(sender.send(1, 4));
    assert!(poll(waiting.as_mut()).is_pending());
    drop(take(&mut receiver));
    assert!(receiver.sleep(&noop()));
    drop(waiting);
    assert_eq!(sender.free(), 4);
    assert!(try_send(&sender, 4));
}

#[test]
fn a_new_waiting_sender_collects_capacity_while_the_receiver_sleeps() {
    let (sender, mut receiver) = queue(10);
    assert!(try_send(&sender, 10));
    let permits = take(&mut receiver);
    assert!(receiver.sleep(&noop()));
    drop(permits);
    assert_eq!(poll(pin!(sender.send(1, 1))), Poll::Ready(Ok(())));
    assert_eq!(sender.free(), 9);
}

#[test]
fn closing_fails_waiting_senders_and_later_ones() {
    let (sender, _receiver) = queue(1);
    assert!(try_send(&sender, 1));
    let mut waiting = pin!(sender.send(1, 1));
    assert!(poll(waiting.as_mut()).is_pending());
    sender.close();
    assert_eq!(poll(waiting), Poll::Ready(Err(Closed)));
    assert_eq!(poll(pin!(sender.send(1, 1))), Poll::Ready(Err(Closed)));
    assert!(matches!(sender.try_send(1, 0), Err(TrySendError::Closed)));
}

#[test]
fn queued_values_survive_the_sender_and_are_dropped_with_the_receiver() {
    let value = Arc::new(());
    let (sender, mut receiver) = queue::<_, ()>(2);
    assert!(sender.try_send(Arc::clone(&value), 1).is_ok());
    drop(sender);
    let mut received = 0;
    assert!(!receiver.take(|_, _| received += 1).open);
    assert_eq!(received, 1);

    let (sender, receiver) = queue::<_, ()>(2);
    assert!(sender.try_send(Arc::clone(&value), 1).is_ok());
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(!sender.is_open());
}

#[test]
fn a_control_is_received_after_earlier_values_however_full_the_queue_is() {
    let (sender, mut receiver) = queue(1);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let cx = Context::from_waker(&waker);
    assert!(receiver.sleep(&cx));
    assert!(sender.send_control("first").is_ok());
    assert_eq!(wakes.count(), 1);
    assert!(!receiver.sleep(&cx), "a control is queued");
    assert!(try_send(&sender, 1) && !try_send(&sender, 1));
    sender.close();
    assert!(sender.send_control("second").is_ok(), "although closed");
    let mut values = Vec::new();
    let taken = receiver.take(|value, _permit| values.push(value));
    assert_eq!((values, taken.controls), (vec![1], vec!["first", "second"]));
    assert!(receiver.sleep(&cx));
    receiver.end();
    assert_eq!(sender.send_control("third"), Err("third"));
}
