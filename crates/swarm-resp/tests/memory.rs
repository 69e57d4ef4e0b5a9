//! Retained memory: at most 64 bytes per byte of a value, whatever buffer it was decoded from.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use swarm_resp::{Decoder, Frame, FrameRef};

/// The bound documented at the crate.
const FACTOR: usize = 64;

/// The overhead of a value: its place in the list, an index, the reference count of a shared
/// buffer.
const EACH: usize = 256;

/// The memory that a decoder retains for its next frame.
const DECODER: usize = 256 << 10;

fn bulk(len: usize) -> String {
    format!("${len}\r\n{}\r\n", "x".repeat(len))
}

/// Returns the number of bytes allocated for the value that `keep` returns.
fn kept<T>(keep: impl FnOnce() -> T) -> usize {
    let mut kept = None;
    let info = measure(|| kept = Some(keep()));
    drop(kept);
    usize::try_from(info.bytes_current).unwrap()
}

/// Decodes a stream as from a socket, with a buffer that grows by `chunk` and shrinks after a large
/// frame.
fn stream(encoded: &[u8], chunk: usize, mut frame: impl FnMut(Frame)) {
    let (mut decoder, mut buffer) = (Decoder::new(), BytesMut::new());
    for part in encoded.chunks(chunk) {
        buffer.reserve(chunk);
        buffer.extend_from_slice(part);
        while let Some(next) = decoder.decode(&mut buffer).unwrap() {
            frame(next);
        }
    }
}

#[test]
fn small_strings_of_a_long_pipeline_retain_only_themselves() {
    // 200 replies in each of 100 buffers; one value of each is kept.
    let encoded = bulk(100).repeat(200);
    let used = kept(|| {
        let mut values = Vec::new();
        for _ in 0..100 {
            let mut count = 0;
            stream(encoded.as_bytes(), 32 << 10, |frame| {
                count += 1;
                if count == 100 {
                    values.push(frame.into_bytes().unwrap());
                }
            });
        }
        values
    });
    assert!(used < 100 * (100 + EACH), "{used} bytes");
}

#[test]
fn small_strings_of_large_replies_retain_only_themselves() {
    // An array of a small string and one of 1 MiB; the small one is kept, as bytes and as a frame.
    let encoded = format!("*2\r\n{}{}", bulk(40), bulk(1 << 20));
    let small = |frame: &Frame| -> (Bytes, Frame) {
        let item = frame.items().unwrap().next().unwrap();
        (item.to_bytes().unwrap(), item.to_frame())
    };
    let used = kept(|| {
        let mut values = Vec::new();
        for _ in 0..100 {
            stream(encoded.as_bytes(), 32 << 10, |frame| {
                values.push(small(&frame));
            });
        }
        values
    });
    assert!(used < 100 * (80 + 2 * EACH), "{used} bytes");
    // An aggregate of strings inside a larger reply retains only those strings.
    let encoded = format!("*2\r\n*2\r\n:1\r\n{}{}", bulk(40), bulk(1 << 20));
    let message = Bytes::from(encoded);
    let used = kept(|| {
        let message = Bytes::copy_from_slice(&message);
        let frame = Decoder::new().decode_message(message).unwrap();
        frame.items().unwrap().next().map(FrameRef::to_frame)
    });
    assert!(used < 40 + 2 * EACH, "{used} bytes");
}

#[test]
fn aggregates_share_only_buffers_of_their_own_size() {
    for small in [
        "*0\r\n",
        "*2\r\n:1\r\n:2\r\n",
        "%1\r\n_\r\n#t\r\n",
        "*2\r\n+a\r\n$3\r\nabc\r\n",
        "|1\r\n+ttl\r\n:1\r\n:2\r\n",
        ">3\r\n+message\r\n+channel\r\n$20\r\n01234567890123456789\r\n",
        "*2\r\n,1.5\r\n(12345\r\n",
    ] {
        // Before and after a megabyte of other replies.
        let mut encoded = small.to_owned();
        encoded += &bulk(1000).repeat(1000);
        encoded += small;
        let used = kept(|| {
            let mut frames = Vec::new();
            for _ in 0..20 {
                let (mut decoder, mut buffer) = (Decoder::new(), BytesMut::from(encoded.as_str()));
                while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                    if frame.items().is_some() || frame.attributes().is_some() {
                        frames.push(frame);
                    }
                }
            }
            assert_eq!(frames.len(), 40);
            frames
        });
        assert!(used < 40 * (small.len() + EACH), "{small:?}: {used} bytes");
    }
}

/// Small frames after a large one do not retain the buffer that it left.
#[test]
fn frames_after_a_large_one_do_not_retain_its_buffer() {
    let encoded = bulk(8 << 20) + &bulk(2000) + &bulk(900);
    let used = kept(|| {
        let mut frames = Vec::new();
        stream(encoded.as_bytes(), encoded.len(), |frame| {
            if frame.as_bytes().unwrap().len() < 8 << 20 {
                frames.push(frame);
            }
        });
        frames
    });
    assert!(used < 2900 + 2 * EACH, "{used} bytes");
}

#[test]
fn a_slice_of_a_larger_buffer_is_copied_if_its_size_is_set() {
    let encoded = Bytes::from(bulk(500).repeat(1000));
    let len = bulk(500).len();
    let used = kept(|| {
        let buffer = Bytes::copy_from_slice(&encoded);
        let mut decoder = Decoder::new();
        decoder.set_buffer_size(buffer.len());
        decoder.decode_message(buffer.slice(..len)).unwrap()
    });
    assert!(used < 500 + EACH, "{used} bytes");
}

#[test]
fn a_large_value_is_not_copied() {
    let encoded = bulk(1 << 20);
    let mut buffer = BytesMut::from(encoded.as_str());
    let at = buffer.as_ptr().addr();
    let frame = Decoder::new().decode(&mut buffer).unwrap().unwrap();
    let text = frame.into_bytes().unwrap();
    assert_eq!(text.as_ptr().addr(), at + "$1048576\r\n".len());
}

/// What the test keeps of a reply.
#[derive(Debug, Clone, Copy)]
enum Keep {
    Frame,
    Text,
    Part,
}

/// Replies of a stream: the lengths of their strings, and what is kept, if anything.
fn values() -> impl Strategy<Value = Vec<(Vec<usize>, Option<Keep>)>> {
    let len = prop_oneof![6 => 0usize..200, 3 => 200usize..5000, 1 => 5000usize..200_000];
    let keep = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Keep::Frame)),
        1 => Just(Some(Keep::Text)),
        1 => Just(Some(Keep::Part)),
    ];
    prop::collection::vec((prop::collection::vec(len, 0..4), keep), 1..60)
}

/// Encodes a string or an array of strings.
fn wire_of(texts: &[usize]) -> String {
    match texts {
        [text] => bulk(*text),
        _ => {
            let items: String = texts.iter().map(|text| bulk(*text)).collect();
            format!("*{}\r\n{items}", texts.len())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_bound_holds_whatever_is_kept_of_whatever_stream(
        values in values(),
        chunk in prop_oneof![Just(1400usize), Just(32 << 10), Just(4 << 20)],
    ) {
        let encoded: String = values.iter().map(|(texts, _)| wire_of(texts)).collect();
        let (mut useful, mut count) = (0, 0);
        let used = kept(|| {
            let (mut frames, mut texts, mut at) = (Vec::new(), Vec::new(), 0);
            stream(encoded.as_bytes(), chunk, |frame| {
                let (lens, keep) = &values[at];
                at += 1;
                // The smallest string is the worst case.
                let items = || frame.items().into_iter().flatten();
                let part = || items().min_by_key(|item| item.as_bytes().map_or(0, <[u8]>::len));
                match keep {
                    None => {}
                    Some(Keep::Frame) => {
                        useful += wire_of(lens).len();
                        count += 1;
                        frames.push(frame);
                    }
                    Some(Keep::Text) => {
                        let text = frame.to_bytes().or_else(|| part()?.to_bytes());
                        useful += text.as_ref().map_or(0, Bytes::len);
                        count += 1;
                        texts.extend(text);
                    }
                    Some(Keep::Part) => {
                        let part = part().map(FrameRef::to_frame);
                        useful += part.as_ref().and_then(Frame::as_bytes).map_or(0, <[u8]>::len);
                        count += 1;
                        frames.extend(part);
                    }
                }
            });
            assert_eq!(at, values.len());
            (frames, texts)
        });
        prop_assert!(
            used <= FACTOR * useful + EACH * count + DECODER,
            "{used} bytes for {useful} in {count} values",
        );
    }
}
