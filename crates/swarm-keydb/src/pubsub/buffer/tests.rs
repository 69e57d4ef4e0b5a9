//! What is thrown away, what is told of it, and that the buffer stays within its bounds.

use std::task::Waker;

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

/// What can be taken now, in words; `…` when more may come.
fn taken(buffer: &Buffer) -> String {
    let mut words = Vec::new();
    loop {
        let word = match buffer.poll_take(&Context::from_waker(Waker::noop())) {
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
fn what_is_dropped_is_counted_where_it_is_missing() {
    let oldest = buffer(3, Overflow::DropOldest);
    let newest = buffer(3, Overflow::DropNewest);
    for buffer in [&oldest, &newest] {
        (0..8).for_each(|n| assert!(buffer.put(message(n))));
    }
    assert_eq!(taken(&oldest), "-5 5 6 7 …");
    assert_eq!(taken(&newest), "0 1 2 -5 …");
    for buffer in [&oldest, &newest] {
        (8..10).for_each(|n| assert!(buffer.put(message(n))));
        assert_eq!(taken(buffer), "8 9 …");
    }
}

#[test]
fn a_reconnect_is_told_before_what_came_after_it_whatever_is_dropped() {
    let buffer = buffer(2, Overflow::DropOldest);
    buffer.put(message(0));
    buffer.put_reconnected();
    buffer.put(message(1));
    assert_eq!(taken(&buffer), "0 R 1 …");
    buffer.put(message(2));
    buffer.put_reconnected();
    buffer.put_reconnected();
    (3..6).for_each(|n| assert!(buffer.put(message(n))));
    assert_eq!(taken(&buffer), "-2 R 4 5 …");
    (6..10).for_each(|n| assert!(buffer.put(message(n))));
    buffer.put_reconnected();
    assert_eq!(taken(&buffer), "-2 8 9 R …");
}

#[test]
fn a_full_buffer_ends_the_subscription_if_told_to() {
    let buffer = buffer(2, Overflow::Close);
    assert!(buffer.put(message(0)) && buffer.put(message(1)));
    assert!(!buffer.put(message(2)));
    assert!(!buffer.put(message(3)));
    buffer.put_reconnected();
    assert_eq!(taken(&buffer), "0 1 Lagged end");
}

#[test]
fn backpressure_says_when_there_is_room() {
    let buffer = buffer(2, Overflow::Backpressure);
    let room = |buffer: &Buffer| {
        buffer
            .poll_room(&Context::from_waker(Waker::noop()))
            .is_ready()
    };
    assert!(room(&buffer));
    buffer.put(message(0));
    assert!(room(&buffer));
    buffer.put(message(1));
    assert!(!room(&buffer));
    assert_eq!(taken(&buffer), "0 1 …");
    assert!(room(&buffer));
}

#[test]
fn what_came_before_the_end_can_be_taken_and_the_first_end_stands() {
    let closed = buffer(9, Overflow::DropOldest);
    closed.put(message(0));
    closed.end(Failure::Closed { sent: false });
    closed.end(Failure::Timeout { sent: false });
    assert_eq!(taken(&closed), "0 end");
    let failed = buffer(9, Overflow::DropOldest);
    failed.end(Failure::Server(ServerError::parse(b"NOPERM no")));
    let error = match failed.poll_take(&Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(taken(&failed), "end");
}

#[test]
fn bytes_are_bounded_and_a_message_beyond_all_bounds_is_kept_alone() {
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
            buffer.put(sized(random.usize(0..3000)));
            if random.u8(0..4) == 0 {
                let _taken = buffer.poll_take(&Context::from_waker(Waker::noop()));
            }
            let queue = buffer.lock();
            assert!(queue.bytes <= limit);
            let messages = queue.items.iter().filter_map(|item| match item {
                Item::Message(message) => Some(message.weight()),
                Item::Break { .. } => None,
            });
            let weights: Vec<_> = messages.collect();
            assert_eq!(
                (weights.len(), weights.iter().sum()),
                (queue.messages, queue.bytes)
            );
            assert!(queue.items.len() <= 2 * queue.messages + 1);
        }
        taken(&buffer);
        assert!(buffer.put(sized(10 * limit)));
        buffer.put(sized(1));
        let queue = buffer.lock();
        assert_eq!(queue.messages, 1);
    }
}
