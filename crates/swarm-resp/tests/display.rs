//! `Display` and `Debug` of frames: bounded, and in `Debug` without the content of strings.

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, FrameBuilder, Request, ToArg};

fn frame(encoded: &'static str) -> Frame {
    Decoder::new()
        .decode_message(Bytes::from_static(encoded.as_bytes()))
        .unwrap()
}

#[test]
fn display_is_readable() {
    for (encoded, shown) in [
        ("+OK\r\n", r#""OK""#),
        ("$4\r\na\"\r\n\r\n", r#""a\"\r\n""#),
        ("$3\r\nit'\r\n", r#""it'""#),
        ("$2\r\n\\\x1b\r\n", r#""\\\x1b""#),
        (",x\r\n", "x"),
        ("(x\r\n", "x"),
        (":-7\r\n", "-7"),
        (",1.5\r\n", "1.5"),
        (",inf\r\n", "inf"),
        ("#t\r\n", "true"),
        ("$-1\r\n", "nil"),
        ("_\r\n", "nil"),
        ("(123\r\n", "123"),
        ("-ERR x\r\n", "(error) ERR x"),
        ("!5\r\nERR y\r\n", "(error) ERR y"),
        ("=5\r\ntxt:a\r\n", r#""a""#),
        ("*2\r\n:1\r\n*0\r\n", "[1, []]"),
        ("~1\r\n:1\r\n", "~{1}"),
        (">1\r\n+m\r\n", r#">["m"]"#),
        ("%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", r#"{"a": 1, "b": {}}"#),
        ("|1\r\n+a\r\n:1\r\n:2\r\n", "2"),
    ] {
        assert_eq!(frame(encoded).to_string(), shown);
    }
}

fn bush(builder: &mut FrameBuilder, height: usize) {
    match height.checked_sub(1) {
        Some(height) => builder.array(|array| (0..16).for_each(|_| bush(array, height))),
        None => builder.bulk(&[b'x'; 64]),
    }
}

#[test]
fn display_is_bounded_in_length_width_and_depth() {
    assert_eq!(
        Frame::bulk(vec![b'x'; 1000]).to_string().len(),
        64 + "\"…\"".len()
    );
    let wide = Frame::build(|reply| reply.array(|array| (0..100).for_each(|n| array.integer(n))));
    assert!(wide.to_string().ends_with("14, 15, … 84 more]"));
    let deep = frame("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
    assert_eq!(deep.to_string(), "[[[[[[[… 1 items]]]]]]]");
    // Within the limits of width and depth, but 16^4 strings of 64 bytes.
    let bushy = Frame::build(|reply| bush(reply, 4));
    assert!(
        bushy.to_string().len() < 10_000,
        "{}",
        bushy.to_string().len()
    );
    assert!(format!("{bushy:?}").len() < 10_000);
}

#[test]
fn debug_shows_kinds_and_lengths_but_no_content() {
    let secret =
        "*5\r\n$6\r\nsecret\r\n+secret\r\n-secret\r\n!6\r\nsecret\r\n=10\r\ntxt:secret\r\n";
    assert_eq!(
        format!("{:?}", frame(secret)),
        "[BulkString[6], SimpleString[6], SimpleError[6], BulkError[6], VerbatimString[6]]"
    );
    let mut builder = FrameBuilder::new();
    builder.bulk(b"secret");
    let mut decoder = Decoder::new();
    let mut buffer = BytesMut::from("*2\r\n$?\r\n;6\r\nsecret\r\n");
    assert!(decoder.decode(&mut buffer).unwrap().is_none());
    let request = Request::new("SET", ("secret", "secret"));
    let frame = frame(secret);
    let shown = format!(
        "{builder:?} {decoder:?} {request:?} {:?} {:?} {:?}",
        request.args(),
        "secret".to_arg(),
        frame.items(),
    );
    assert!(!shown.contains("secret"), "{shown}");
    // Neither as text nor as a list of bytes.
    assert!(!shown.contains("115"), "{shown}");
}

#[test]
fn a_frame_has_the_size_of_a_buffer_and_an_index() {
    assert!(size_of::<Frame>() <= 56, "{}", size_of::<Frame>());
}
