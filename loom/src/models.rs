//! The models: a few threads with a few steps each.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use crate::queue::{Permit, Receiver, TrySendError, queue};
use crate::reply_channel::channel;

/// Each holds in every schedule.
pub(crate) const MODELS: &[(&str, fn())] = &[
    (
        "no value, control or wake up is lost",
        no_value_control_or_wake_up_is_lost,
    ),
    (
        "senders that wait get returned capacity",
        senders_that_wait_get_returned_capacity,
    ),
    (
        "returned capacity is collected by senders that do not wait",
        returned_capacity_is_collected_by_senders_that_do_not_wait,
    ),
    (
        "a sender that stops waiting keeps no capacity",
        a_sender_that_stops_waiting_keeps_no_capacity,
    ),
    (
        "a value is received or refused when the queue closes",
        a_value_is_received_or_refused_when_the_queue_closes,
    ),
    ("a sent reply is received", a_sent_reply_is_received),
    (
        "a dropped sender ends the wait",
        a_dropped_sender_ends_the_wait,
    ),
    (
        "a dropped receiver leaks no reply",
        a_dropped_receiver_leaks_no_reply,
    ),
];

/// Receives values as the driver does until the queue is closed. Drops each permit after the next
/// step.
async fn drive(mut receiver: Receiver<u32, u32>) -> Vec<u32> {
    let (mut values, mut permits) = (Vec::new(), Vec::<Permit>::new());
    poll_fn(|cx| {
        loop {
            permits.clear();
            let taken = receiver.take(|value, permit| {
                values.push(value);
                permits.push(permit);
            });
            values.extend(taken.controls);
            if !taken.open {
                return Poll::Ready(());
            }
            if permits.is_empty() && receiver.sleep(cx) {
                return Poll::Pending;
            }
        }
    })
    .await;
    values
}

fn no_value_control_or_wake_up_is_lost() {
    let (sender, receiver) = queue(4);
    let sender = Arc::new(sender);
    let senders: Vec<_> = (0..2)
        .map(|value| {
            let sender = Arc::clone(&sender);
            thread::spawn(move || match value {
                0 => assert!(sender.try_send(value, 1).is_ok()),
                _ => assert!(sender.send_control(value).is_ok()),
            })
        })
        .collect();
    drop(sender);
    let mut values = block_on(drive(receiver));
    values.sort_unstable();
    assert_eq!(values, [0, 1]);
    for sender in senders {
        sender.join().unwrap();
    }
}

fn senders_that_wait_get_returned_capacity() {
    let (sender, receiver) = queue(1);
    assert!(sender.try_send(0, 1).is_ok());
    let driver = thread::spawn(move || block_on(drive(receiver)));
    assert!(block_on(sender.send(1, 1)).is_ok());
    drop(sender);
    assert_eq!(driver.join().unwrap(), [0, 1]);
}

fn returned_capacity_is_collected_by_senders_that_do_not_wait() {
    let (sender, mut receiver) = queue::<_, ()>(1);
    assert!(sender.try_send(0, 1).is_ok());
    let driver = thread::spawn(move || {
        drop(receiver.take(|_, permit| drop(permit)));
        receiver
    });
    let early = sender.try_send(1, 1);
    let receiver = driver.join().unwrap();
    match early {
        Ok(()) => assert_eq!(sender.free(), 0),
        Err(TrySendError::Full(value)) => assert!(sender.try_send(value, 1).is_ok()),
        Err(TrySendError::Closed) => panic!("nobody closed the queue"),
    }
    drop(receiver);
}

fn a_sender_that_stops_waiting_keeps_no_capacity() {
    let (sender, mut receiver) = queue::<_, ()>(1);
    assert!(sender.try_send(0, 1).is_ok());
    let driver = thread::spawn(move || {
        drop(receiver.take(|_, permit| drop(permit)));
        receiver.sleep(&Context::from_waker(Waker::noop()));
        receiver
    });
    {
        let mut waiting = pin!(sender.send(1, 1));
        let _pending = waiting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    let mut receiver = driver.join().unwrap();
    drop(receiver.take(|_, permit| drop(permit)));
    assert_eq!(sender.free(), 1);
    assert!(sender.try_send(2, 1).is_ok());
}

fn a_value_is_received_or_refused_when_the_queue_closes() {
    let (sender, mut receiver) = queue::<_, ()>(2);
    let sender = Arc::new(sender);
    let other = Arc::clone(&sender);
    let sending = thread::spawn(move || other.try_send(0, 1).is_ok());
    receiver.close();
    let mut received = 0;
    let open = receiver.take(|_, _| received += 1).open;
    assert!(!open);
    assert_eq!(received, usize::from(sending.join().unwrap()));
    let mut late = 0;
    drop(receiver.take(|_, _| late += 1));
    assert_eq!(late, 0, "nothing comes after the end");
}

fn a_sent_reply_is_received() {
    let (sender, receiver) = channel(None);
    let driver = thread::spawn(move || drop(sender.send(1)));
    assert_eq!(block_on(receiver), Some(1));
    driver.join().unwrap();
}

fn a_dropped_sender_ends_the_wait() {
    let (sender, receiver) = channel::<u32>(None);
    let driver = thread::spawn(move || drop(sender));
    assert_eq!(block_on(receiver), None);
    driver.join().unwrap();
}

fn a_dropped_receiver_leaks_no_reply() {
    let value = Arc::new(());
    let (sender, receiver) = channel(None);
    let reply = Arc::clone(&value);
    let driver = thread::spawn(move || drop(sender.send(reply)));
    drop(receiver);
    driver.join().unwrap();
    assert_eq!(Arc::strong_count(&value), 1);
}
