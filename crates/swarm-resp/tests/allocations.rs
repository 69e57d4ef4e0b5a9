//! Allocations of decoding and encoding: none for scalars and strings, one index for an aggregate.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use swarm_resp::{
    Decoder, Frame, FromFrame, Request, RequestBatch, RespVersion, encode_command, encode_frame,
};

const SCALARS: [&str; 12] = [
    "+OK\r\n",
    "-ERR x\r\n",
    ":42\r\n",
    "$5\r\nhello\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "(123\r\n",
    "!3\r\nERR\r\n",
    "=5\r\ntxt:a\r\n",
];

const AGGREGATES: [&str; 7] = [
    "*0\r\n",
    "*2\r\n$1\r\na\r\n:1\r\n",
    "%1\r\n+a\r\n*1\r\n*1\r\n:1\r\n",
    "~1\r\n#t\r\n",
    ">2\r\n+a\r\n+b\r\n",
    "|1\r\n+a\r\n+b\r\n:1\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$3\r\nabc\r\n",
];

/// Returns the allocations per frame of a stream, after a warm-up.
fn per_frame(frame: &str) -> u64 {
    let rounds = 100;
    let mut buffer = BytesMut::from(frame.repeat(rounds + 1).as_str());
    let mut decoder = Decoder::new();
    let mut kept = Vec::with_capacity(rounds);
    // The first frame converts the buffer to a shared one and grows the index.
    let first = decoder.decode(&mut buffer).unwrap();
    let info = measure(|| {
        kept.extend((0..rounds).map(|_| decoder.decode(&mut buffer).unwrap().unwrap()));
    });
    drop((first, kept));
    assert_eq!(info.count_total % rounds as u64, 0, "{frame:?}");
    info.count_total / rounds as u64
}

#[test]
fn scalars_and_strings_allocate_nothing() {
    for frame in SCALARS {
        assert_eq!(per_frame(frame), 0, "{frame:?}");
    }
}

#[test]
fn aggregates_allocate_once_however_deep() {
    for frame in AGGREGATES {
        assert_eq!(per_frame(frame), 1, "{frame:?}");
    }
}

/// A copy of a string allocates its text; a copy of an aggregate its index, its text and a
/// reference count.
#[test]
fn longer_values_in_a_larger_buffer_are_copied() {
    let text = "x".repeat(100);
    assert_eq!(per_frame(&format!("$100\r\n{text}\r\n")), 1);
    assert_eq!(per_frame(&format!("*2\r\n:1\r\n$100\r\n{text}\r\n")), 3);
    let long = "x".repeat(4096);
    // A buffer of at most 64 times the size is shared.
    let encoded = format!("$4096\r\n{long}\r\n").repeat(40);
    let mut buffer = BytesMut::from(encoded.as_str());
    let mut decoder = Decoder::new();
    let first = decoder.decode(&mut buffer).unwrap();
    let info = measure(|| while decoder.decode(&mut buffer).unwrap().is_some() {});
    assert_eq!(info.count_total, 0);
    drop(first);
}

#[test]
fn borrowed_frames_allocate_nothing() {
    let streamed = ["*2\r\n$?\r\n;2\r\nab\r\n;0\r\n$3\r\nabc\r\n"];
    let frames = [&SCALARS[..], &AGGREGATES, &streamed].concat();
    let encoded = frames.concat();
    let mut decoder = Decoder::new();
    let mut round = || {
        let (mut input, mut count) = (encoded.as_bytes(), 0);
        while let Some((_, len)) = decoder.decode_ref(input).unwrap() {
            input = &input[len..];
            count += 1;
        }
        assert_eq!(count, frames.len());
    };
    // The first round grows the index.
    round();
    assert_eq!(measure(round).count_total, 0);
}

#[test]
fn a_message_of_one_string_is_shared() {
    let message = Bytes::from_static(b"$40\r\n0123456789012345678901234567890123456789\r\n");
    let start = message.as_ptr();
    let mut decoder = Decoder::new();
    decoder
        .decode_message(Bytes::from_static(b"+OK\r\n"))
        .unwrap();
    let mut frame = None;
    let info = measure(|| frame = Some(decoder.decode_message(message).unwrap()));
    assert_eq!(info.count_total, 0);
    let text = frame.unwrap().to_bytes().unwrap();
    assert_eq!(
        text.as_ptr(),
        start.wrapping_add(5),
        "the text lies where it came"
    );
}

#[test]
fn values_taken_from_a_reply_share_its_bytes() {
    let message = Bytes::from("*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n".to_owned());
    let range = message.as_ptr_range();
    let frame = Decoder::new().decode_message(message).unwrap();
    for item in frame.items().unwrap() {
        let text = item.to_bytes().unwrap();
        assert!(range.contains(&text.as_ptr()));
    }
}

#[test]
fn a_compact_frame_releases_the_reply() {
    let encoded = format!(
        "*2\r\n$3\r\nabc\r\n$1000000\r\n{}\r\n",
        "x".repeat(1_000_000)
    );
    let mut small = None;
    let info = measure(|| {
        let frame = Decoder::new()
            .decode_message(Bytes::copy_from_slice(encoded.as_bytes()))
            .unwrap();
        let item = frame.items().unwrap().next().unwrap();
        small = Some(item.to_compact_frame());
    });
    assert!(
        info.bytes_current < 512,
        "{} bytes kept",
        info.bytes_current
    );
    assert_eq!(small.unwrap().as_str(), Some("abc"));
}

#[test]
fn encoding_into_a_large_enough_buffer_allocates_nothing() {
    let reply = Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(b"hello");
            array.integer(-42);
            array.double(1.5);
        });
    });
    let mut buffer = BytesMut::with_capacity(256);
    let info = measure(|| {
        encode_command(&mut buffer, "SET", &("key", "value", "PX", 1500));
        encode_frame(&mut buffer, &reply, RespVersion::Resp3);
        encode_frame(&mut buffer, &reply, RespVersion::Resp2);
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_command_takes_one_reservation() {
    let value = vec![7; 5000];
    let mut buffer = BytesMut::new();
    let info = measure(|| encode_command(&mut buffer, "SET", &("key", value.as_slice())));
    assert_eq!(info.count_total, 1);
    assert_eq!(buffer.len(), buffer.capacity());
}

#[test]
fn a_large_argument_is_copied_once_without_excess_capacity() {
    let value = "x".repeat(100_000);
    let info = measure(|| {
        let mut request = Request::builder("SET");
        request.arg("key").arg(value.as_str()).arg("PX").arg(1000);
        drop(request.build());
    });
    // The buffer of a small request, the one with the value, and its reference count.
    assert!(info.count_total <= 4, "{info:?}");
    assert!(info.bytes_total < 101_000, "{info:?}");
}

#[test]
fn a_batch_of_small_commands_takes_few_allocations() {
    let info = measure(|| {
        let mut batch = RequestBatch::builder();
        for _ in 0..1000 {
            batch.push(Request::builder("SET").arg("key").arg("value"));
        }
        drop(batch.build());
    });
    // Buffer and index grow by doubling.
    assert!(info.count_total <= 30, "{info:?}");
}

#[test]
fn a_long_string_is_moved_out_of_its_frame() {
    let text = "x".repeat(100);
    for encoded in [
        format!("$100\r\n{text}\r\n"),
        format!("=104\r\ntxt:{text}\r\n"),
    ] {
        // As in a stream: the first frame converts the buffer to a shared one.
        let mut buffer = BytesMut::from(encoded.repeat(2).as_str());
        let mut decoder = Decoder::new();
        let first = decoder.decode(&mut buffer).unwrap();
        let frame = decoder.decode(&mut buffer).unwrap().unwrap();
        let at = frame.as_bytes().unwrap().as_ptr();
        let info = measure(|| {
            let bytes = Option::<Bytes>::from_owned(frame).unwrap().unwrap();
            assert_eq!((bytes.as_ref(), bytes.as_ptr()), (text.as_bytes(), at));
        });
        assert_eq!(info.count_total, 0, "{encoded}");
        drop(first);
    }
}
