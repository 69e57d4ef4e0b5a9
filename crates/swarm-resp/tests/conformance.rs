//! Decoding of the vector files: whole, split at every byte, byte by byte and in random chunks.

#[path = "support/notation.rs"]
mod notation;

use bytes::{Buf, Bytes, BytesMut};
use notation::{render, unescape};
use proptest::prelude::*;
use swarm_resp::{Decoder, RespVersion, encode_frame};

const FILES: [(&str, &str); 6] = [
    ("resp2", include_str!("vectors/resp2.resp")),
    ("resp3", include_str!("vectors/resp3.resp")),
    ("streamed", include_str!("vectors/streamed.resp")),
    ("unreadable", include_str!("vectors/unreadable.resp")),
    ("invalid", include_str!("vectors/invalid.resp")),
    ("incomplete", include_str!("vectors/incomplete.resp")),
];

struct Vector {
    name: String,
    input: Vec<u8>,
    expected: String,
}

impl Vector {
    fn is_frame(&self) -> bool {
        self.expected != "incomplete" && !self.expected.starts_with("error ")
    }
}

fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (file, text) in FILES {
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            let name = format!("{file}.resp line {}: {line}", number + 1);
            let (input, expected) = line.split_once("  ->  ").expect(&name);
            vectors.push(Vector {
                input: unescape(input),
                expected: expected.into(),
                name,
            });
        }
    }
    vectors
}

/// Decodes input that arrives in the given chunks.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut decoder = Decoder::new();
    let mut buffer = BytesMut::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        match decoder.decode(&mut buffer) {
            Ok(Some(frame)) => {
                assert!(buffer.is_empty(), "{} bytes left", buffer.len());
                return render(frame.view());
            }
            Ok(None) => {}
            Err(error) => return format!("error {:?} at {}", error.kind, error.offset),
        }
    }
    "incomplete".into()
}

/// Same as [`decode`], but borrowed, from input that moves in memory as it grows.
fn decode_borrowed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut decoder = Decoder::new();
    let mut input = Vec::new();
    for chunk in chunks {
        input = [&input, chunk].concat();
        match decoder.decode_ref(&input) {
            Ok(Some((frame, len))) => {
                assert_eq!(len, input.len(), "bytes left");
                return render(frame);
            }
            Ok(None) => {}
            Err(error) => return format!("error {:?} at {}", error.kind, error.offset),
        }
    }
    "incomplete".into()
}

#[test]
fn there_are_enough_vectors() {
    let vectors = vectors();
    assert!(vectors.len() >= 300, "{}", vectors.len());
    let mut inputs: Vec<_> = vectors.iter().map(|vector| &vector.input).collect();
    inputs.sort();
    inputs.dedup();
    assert_eq!(inputs.len(), vectors.len(), "a vector stands twice");
}

#[test]
fn whole() {
    for vector in vectors() {
        let found = decode([vector.input.as_slice()]);
        assert_eq!(found, vector.expected, "{}", vector.name);
    }
}

#[test]
fn whole_as_shared_bytes() {
    for vector in vectors() {
        let mut input = Bytes::from(vector.input.clone());
        let found = match Decoder::new().decode_bytes(&mut input) {
            Ok(Some(frame)) => render(frame.view()),
            Ok(None) => "incomplete".into(),
            Err(error) => format!("error {:?} at {}", error.kind, error.offset),
        };
        assert_eq!(found, vector.expected, "{}", vector.name);
    }
}

#[test]
fn every_prefix_of_a_frame_is_incomplete_and_the_rest_completes_it() {
    for vector in vectors().iter().filter(|vector| vector.is_frame()) {
        for cut in 0..vector.input.len() {
            let (head, tail) = vector.input.split_at(cut);
            assert_eq!(decode([head]), "incomplete", "{} cut at {cut}", vector.name);
            let found = decode([head, tail]);
            assert_eq!(found, vector.expected, "{} cut at {cut}", vector.name);
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same_result() {
    for vector in vectors() {
        let found = decode(vector.input.chunks(1));
        assert_eq!(found, vector.expected, "{}", vector.name);
    }
}

#[test]
fn borrowed_whole_and_byte_by_byte() {
    for vector in vectors() {
        let found = decode_borrowed([vector.input.as_slice()]);
        assert_eq!(found, vector.expected, "{}", vector.name);
        let found = decode_borrowed(vector.input.chunks(1));
        assert_eq!(found, vector.expected, "{}", vector.name);
    }
}

#[test]
fn borrowed_resumes_at_every_byte() {
    for vector in vectors().iter().filter(|vector| vector.is_frame()) {
        for cut in 0..vector.input.len() {
            let (head, tail) = vector.input.split_at(cut);
            let found = decode_borrowed([head, tail]);
            assert_eq!(found, vector.expected, "{} cut at {cut}", vector.name);
        }
    }
}

#[test]
fn borrowed_and_owned_frames_alternate_in_one_stream() {
    let vectors = vectors();
    let frames: Vec<_> = vectors.iter().filter(|vector| vector.is_frame()).collect();
    for borrowed_first in [true, false] {
        let inputs: Vec<_> = frames
            .iter()
            .map(|vector| vector.input.as_slice())
            .collect();
        let total = inputs.concat().len() as u64;
        let mut stream = Bytes::from([inputs.concat().as_slice(), b":x\r\n"].concat());
        let mut decoder = Decoder::new();
        let mut borrowed = borrowed_first;
        for vector in &frames {
            let found = if borrowed {
                let (frame, len) = decoder.decode_ref(&stream).unwrap().expect(&vector.name);
                let found = render(frame);
                stream.advance(len);
                found
            } else {
                let frame = decoder.decode_bytes(&mut stream).unwrap();
                render(frame.expect(&vector.name).view())
            };
            assert_eq!(found, vector.expected, "{}", vector.name);
            borrowed = !borrowed;
        }
        let error = decoder.decode_ref(&stream).unwrap_err();
        assert_eq!(error.offset, total + 1);
        assert_eq!(decoder.decode_bytes(&mut stream).unwrap_err(), error);
    }
}

#[test]
fn a_message_is_exactly_one_frame() {
    for vector in vectors() {
        let mut decoder = Decoder::new();
        let found = match decoder.decode_message(vector.input.clone().into()) {
            Ok(frame) => render(frame.view()),
            Err(error) => format!("error {:?} at {}", error.kind, error.offset),
        };
        let expected = match vector.expected.as_str() {
            "incomplete" => format!("error Truncated at {}", vector.input.len()),
            expected => expected.into(),
        };
        assert_eq!(found, expected, "{}", vector.name);
    }
}

#[test]
fn offsets_count_from_the_start_of_the_stream() {
    let vectors = vectors();
    let frames: Vec<_> = vectors.iter().filter(|vector| vector.is_frame()).collect();
    let mut buffer = BytesMut::new();
    for vector in &frames {
        buffer.extend_from_slice(&vector.input);
    }
    let total = buffer.len() as u64;
    buffer.extend_from_slice(b":x\r\n");
    let mut decoder = Decoder::new();
    for vector in &frames {
        let frame = decoder.decode(&mut buffer).unwrap().expect(&vector.name);
        assert_eq!(render(frame.view()), vector.expected, "{}", vector.name);
    }
    let error = decoder.decode(&mut buffer).unwrap_err();
    assert_eq!(error.offset, total + 1);
    assert_eq!(
        decoder.decode(&mut buffer).unwrap_err(),
        error,
        "it stays failed"
    );
    decoder.reset();
    let mut next = BytesMut::from("*2\r\n:1");
    assert_eq!(decoder.decode(&mut next), Ok(None));
    decoder.reset();
    let mut next = BytesMut::from(":7\r\n:x");
    assert_eq!(
        decoder.decode(&mut next).unwrap().unwrap().as_integer(),
        Some(7)
    );
    assert_eq!(decoder.decode(&mut next).unwrap_err().offset, 5);
}

#[test]
fn resp3_encoding_decodes_to_the_same_frame() {
    for vector in vectors().iter().filter(|vector| vector.is_frame()) {
        let mut input = Bytes::from(vector.input.clone());
        let frame = Decoder::new().decode_bytes(&mut input).unwrap().unwrap();
        let mut encoded = BytesMut::new();
        encode_frame(&mut encoded, &frame, RespVersion::Resp3);
        assert_eq!(
            decode([encoded.as_ref()]),
            vector.expected,
            "{}",
            vector.name
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_chunks_end_as_whole_does(sizes in prop::collection::vec(1usize..9, 1..32)) {
        for vector in vectors() {
            let mut rest = vector.input.as_slice();
            let mut chunks = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, behind) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            let borrowed = decode_borrowed(chunks.iter().copied());
            prop_assert_eq!(borrowed, vector.expected.as_str(), "{}", vector.name);
            prop_assert_eq!(decode(chunks), vector.expected, "{}", vector.name);
        }
    }
}
