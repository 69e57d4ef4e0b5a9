//! Tests of the overflow policies and of the buffer's bounds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use bytes::Bytes;
use swarm_resp::ServerError;

use super::*;
use crate::error::ErrorKind;

fn message(number: u64) -> Message {
    Message {
        channel: Bytes::from_static(b"c"),
        pattern: None,
        payload: Bytes::from(number.to_string()),
    }
}

fn buffer(messages: usize, overflow: Overflow) -> Buffer {
    Buffer::new(
        SubscribeOptions::new()
            .buffer(messages)
            .on_overflow(overflow),
    )
}

/// Events that can be read now, as text: `-N` for N dropped messages, `R` for a reconnect, `…` if
/// more may follow.
fn taken(buffer: &Buffer) -> String {
    let mut words = Vec::new();
    loop {
        let word = match buffer.poll_next(&Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(Event::Message(message)))) => {
                String::from_utf8(message.payload.to_vec()).unwrap()
            }
            Poll::Ready(Some(Ok(Event::Lagged(dropped)))) => format!("-{dropped}"),
            Poll::Ready(Some(Ok(Event::Reconnected { .. }))) => "R".to_owned(),
            Poll::Ready(Some(Err(error))) => format!("{:?}", error.kind()),
            Poll::Ready(None) => "end".to_owned(),
            Poll::Pending => "…".to_owned(),
        };
        words.push(word);
        if matches!(words.last().map(String::as_str), Some("end" | "…")) {
            return words.join(" ");
        }
    }
}

#[test]
fn lagged_events_stand_in_place_of_the_dropped_messages() {
    let oldest = buffer(3, Overflow::DropOldest);
    let newest = buffer(3, Overflow::DropNewest);
    for buffer in [&oldest, &newest] {
        (0..8).for_each(|n| assert!(buffer.push(message(n))));
    }
    assert_eq!(taken(&oldest), "-5 5 6 7 …");
    assert_eq!(taken(&newest), "0 1 2 -5 …");
    for buffer in [&oldest, &newest] {
        (8..10).for_each(|n| assert!(buffer.push(message(n))));
        assert_eq!(taken(buffer), "8 9 …");
    }
}

#[test]
fn a_reconnect_precedes_later_messages_even_if_messages_are_dropped() {
    let buffer = buffer(2, Overflow::DropOldest);
    buffer.push(message(0));
    buffer.push_reconnected();
    buffer.push(message(1));
    assert_eq!(taken(&buffer), "0 R 1 …");
    buffer.push(message(2));
    buffer.push_reconnected();
    buffer.push_reconnected();
    (3..6).for_each(|n| assert!(buffer.push(message(n))));
    assert_eq!(taken(&buffer), "-2 R 4 5 …");
    (6..10).for_each(|n| assert!(buffer.push(message(n))));
    buffer.push_reconnected();
    assert_eq!(taken(&buffer), "-2 8 9 R …");
}

#[test]
fn overflow_close_ends_the_subscription() {
    let buffer = buffer(2, Overflow::Close);
    assert!(buffer.push(message(0)) && buffer.push(message(1)));
    assert!(!buffer.push(message(2)));
    assert!(!buffer.push(message(3)));
    buffer.push_reconnected();
    assert_eq!(taken(&buffer), "0 1 Lagged end");
}

#[test]
fn backpressure_is_ready_when_the_buffer_has_capacity() {
    let buffer = buffer(2, Overflow::Backpressure);
    let has_capacity = |buffer: &Buffer| {
        buffer
            .poll_capacity(&Context::from_waker(Waker::noop()))
            .is_ready()
    };
    assert!(has_capacity(&buffer));
    buffer.push(message(0));
    assert!(has_capacity(&buffer));
    buffer.push(message(1));
    assert!(!has_capacity(&buffer));
    assert_eq!(taken(&buffer), "0 1 …");
    assert!(has_capacity(&buffer));
}

#[test]
fn buffered_events_outlive_the_end_and_the_first_reason_counts() {
    let closed = buffer(9, Overflow::DropOldest);
    closed.push(message(0));
    closed.end(Failure::Closed { sent: false });
    closed.end(Failure::runtime_gone(false));
    assert!(!closed.push(message(1)));
    assert_eq!(taken(&closed), "0 end");
    let failed = buffer(9, Overflow::DropOldest);
    failed.end(Failure::Server(ServerError::parse(b"NOPERM no")));
    let error = match failed.poll_next(&Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(taken(&failed), "end");
}

#[test]
fn bytes_are_bounded_and_an_oversized_message_is_kept_alone() {
    let limit = 10_000;
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let options = SubscribeOptions::new()
            .buffer_bytes(limit)
            .on_overflow(overflow);
        let buffer = Buffer::new(options);
        let sized = |len: usize| Message {
            payload: Bytes::from(vec![0; len]),
            ..message(0)
        };
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            buffer.push(sized(random.usize(0..3000)));
            if random.u8(0..4) == 0 {
                let _taken = buffer.poll_next(&Context::from_waker(Waker::noop()));
            }
            let queue = buffer.lock();
            assert!(queue.bytes <= limit);
            let messages = queue.items.iter().filter_map(|item| match item {
                Item::Message(message) => Some(message.size()),
                Item::Gap { .. } => None,
            });
            let sizes: Vec<_> = messages.collect();
            assert_eq!(
                (sizes.len(), sizes.iter().sum()),
                (queue.messages, queue.bytes)
            );
            assert!(queue.items.len() <= 2 * queue.messages + 1);
        }
        taken(&buffer);
        assert!(buffer.push(sized(10 * limit)));
        buffer.push(sized(1));
        let queue = buffer.lock();
        assert_eq!(queue.messages, 1);
    }
}

#[test]
fn messages_fit_up_to_the_very_limit() {
    let limit = 2 * message(0).size();
    let options = SubscribeOptions::new().buffer_bytes(limit);
    let buffer = Buffer::new(options);
    (0..3).for_each(|n| assert!(buffer.push(message(n))));
    assert_eq!(taken(&buffer), "-1 1 2 …");
}

#[test]
fn a_gap_has_both_of_its_reasons() {
    let newest = buffer(1, Overflow::DropNewest);
    newest.push(message(0));
    newest.push(message(1));
    newest.push_reconnected();
    newest.push(message(2));
    assert_eq!(taken(&newest), "0 -2 R …");
    // Dropping the message between two gaps makes one of them.
    let oldest = buffer(2, Overflow::DropOldest);
    for n in 0..3 {
        oldest.push_reconnected();
        oldest.push(message(n));
    }
    assert_eq!(taken(&oldest), "-1 R 1 R 2 …");
}

/// A waker that counts, and fails if the buffer is locked.
struct Counter {
    buffer: Buffer,
    woken: AtomicUsize,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        assert!(self.buffer.queue.try_lock().is_ok());
        self.woken.fetch_add(1, Ordering::Relaxed);
    }
}

fn counter(buffer: &Buffer) -> (Arc<Counter>, Waker) {
    let counter = Arc::new(Counter {
        buffer: buffer.clone(),
        woken: AtomicUsize::new(0),
    });
    (Arc::clone(&counter), Waker::from(counter))
}

#[test]
fn every_change_wakes_the_reader() {
    let changes: [fn(&Buffer); 3] = [
        |buffer| assert!(buffer.push(message(0))),
        Buffer::push_reconnected,
        |buffer| buffer.end(Failure::Closed { sent: false }),
    ];
    for change in changes {
        let buffer = buffer(1, Overflow::DropOldest);
        let (counter, waker) = counter(&buffer);
        let next = buffer.poll_next(&Context::from_waker(&waker));
        assert!(next.is_pending());
        change(&buffer);
        assert_eq!(counter.woken.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn the_writer_is_woken_once_half_of_each_limit_is_free() {
    let size = message(0).size();
    let limits = SubscribeOptions::new().on_overflow(Overflow::Backpressure);
    for options in [limits.buffer(4), limits.buffer_bytes(4 * size)] {
        let buffer = Buffer::new(options);
        (0..4).for_each(|n| assert!(buffer.push(message(n))));
        let (counter, waker) = counter(&buffer);
        let capacity = buffer.poll_capacity(&Context::from_waker(&waker));
        assert!(capacity.is_pending());
        for woken in [0, 1, 1, 1] {
            let next = buffer.poll_next(&Context::from_waker(Waker::noop()));
            assert!(next.is_ready());
            assert_eq!(counter.woken.load(Ordering::Relaxed), woken, "{options:?}");
        }
    }
}
