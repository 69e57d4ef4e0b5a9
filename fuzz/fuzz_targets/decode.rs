//! Arbitrary bytes: the decoder does not panic, and every frame survives encoding and decoding.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use swarm_resp::{Decoder, Frame, FrameRef, RespVersion, encode_frame};

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new();
    let mut input = Bytes::copy_from_slice(input);
    while let Ok(Some(frame)) = decoder.decode_bytes(&mut input) {
        assert!(format!("{frame:?} {frame}").len() < 1 << 20);
        visit(frame.view());
        assert_eq!(rewritten(&frame, RespVersion::Resp3), frame);
        assert_eq!(frame.compact(), frame);
        rewritten(&frame, RespVersion::Resp2);
        // Any reply may be converted to any type.
        let _ = frame.convert::<Vec<(String, Option<f64>)>>();
        let _ = frame.convert::<std::collections::HashMap<String, i64>>();
    }
});

/// Reads every value; the decoder's limits bound the depth.
fn visit(value: FrameRef<'_>) {
    if let Some(items) = value.items() {
        assert_eq!(items.len(), items.clone().count());
        items.for_each(visit);
    }
    for (key, value) in value.attributes().into_iter().flatten() {
        visit(key);
        visit(value);
    }
    assert_eq!(value.as_bytes(), value.to_bytes().as_deref());
}

fn rewritten(frame: &Frame, protocol: RespVersion) -> Frame {
    let mut wire = BytesMut::new();
    encode_frame(&mut wire, frame, protocol);
    let read = Decoder::new()
        .decode(&mut wire)
        .expect("no error")
        .expect("a frame");
    assert!(wire.is_empty());
    read
}
