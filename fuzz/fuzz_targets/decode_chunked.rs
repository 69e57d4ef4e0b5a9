//! Arbitrary bytes in arbitrary chunks: the same frames, and the same error at the same byte, as in
//! one piece.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use swarm_resp::{DecodeError, Decoder, Frame, Limits};

/// Number of leading bytes that determine the chunk sizes.
const SIZES: usize = 4;

fn limits() -> Limits {
    Limits::new()
        .with_max_depth(8)
        .with_max_bulk(1 << 12)
        .with_max_elements(64)
        .with_max_frame(1 << 14)
}

type Outcome = (Vec<Frame>, Option<DecodeError>);

fn whole(input: &[u8]) -> Outcome {
    let mut decoder = Decoder::with_limits(limits());
    let mut input = Bytes::copy_from_slice(input);
    let mut frames = Vec::new();
    loop {
        match decoder.decode_bytes(&mut input) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn chunked(sizes: &[u8], mut input: &[u8]) -> Outcome {
    let mut decoder = Decoder::with_limits(limits());
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for size in sizes.iter().cycle() {
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        if input.is_empty() {
            break;
        }
        let (chunk, rest) = input.split_at(usize::from(*size).clamp(1, input.len()));
        buffer.extend_from_slice(chunk);
        input = rest;
    }
    (frames, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((sizes, input)) = input.split_at_checked(SIZES) else {
        return;
    };
    assert_eq!(whole(input), chunked(sizes, input));
});
