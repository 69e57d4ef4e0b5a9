//! Commands, whole and in fragments, and what Redis answers to malformed ones.

use bytes::{Bytes, BytesMut};

use super::*;

/// Decodes everything from a stream that arrives in fragments of `size` bytes.
fn decode_in(size: usize, stream: &[u8]) -> (Vec<Vec<Bytes>>, Option<ProtocolError>) {
    let limits = CommandLimits::new()
        .with_max_args(5)
        .with_max_arg(1000)
        .with_max_inline(100)
        .with_max_command(1500);
    let mut decoder = CommandDecoder::with_limits(limits);
    let (mut buffer, mut commands) = (BytesMut::new(), Vec::new());
    for chunk in stream.chunks(size) {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(args)) => commands.push(args),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut buffer), Err(error), "it stays failed");
                    return (commands, Some(error));
                }
            }
        }
    }
    (commands, None)
}

/// Decodes a stream in fragments of every kind, which must make no difference.
fn decode(stream: &[u8]) -> (Vec<Vec<Bytes>>, Option<ProtocolError>) {
    let whole = decode_in(stream.len().max(1), stream);
    for size in [1, 2, 3, 7] {
        assert_eq!(decode_in(size, stream), whole, "fragments of {size} bytes");
    }
    whole
}

#[test]
fn commands_of_both_forms_follow_each_other() {
    let long = "x".repeat(900);
    let stream = format!(
        "*1\r\n$4\r\nPING\r\nget  k\r\n*0\r\n\r\n*-1\r\n*-7\r\n\n \n\
         *3\r\n$3\r\nSET\r\n$0\r\n\r\n$900\r\n{long}\r\n"
    );
    let (commands, error) = decode(stream.as_bytes());
    assert_eq!(error, None);
    assert_eq!(
        commands,
        [vec!["PING"], vec!["get", "k"], vec!["SET", "", &long]]
    );
}

#[test]
fn inline_words_are_quoted_as_in_redis() {
    let lines: [(&[u8], &[&[u8]]); 10] = [
        (b"a b\tc \r", &[b"a", b"b", b"c"]),
        (br#"set k "two words""#, &[b"set", b"k", b"two words"]),
        (
            br#""\x41\xfg\n\r\t\b\a\"\\\q""#,
            &[b"Axfg\n\r\t\x08\x07\"\\q"],
        ),
        (br"'it\'s \n'", &[br"it's \n"]),
        (br#"a"b c""#, &[b"ab c"]),
        (br#""" '' x"#, &[b"", b"", b"x"]),
        (b"a\0b c", &[b"a"]),
        (b"\x0b\x0ca\x0b", &[b"a\x0b"]),
        (b"\xff\xfe", &[b"\xff\xfe"]),
        (br#"a'b'"#, &[b"ab"]),
    ];
    for (line, words) in lines {
        let (commands, error) = decode(&[line, b"\n"].concat());
        let line = line.escape_ascii();
        assert_eq!(error, None, "{line}");
        assert_eq!(commands, [words], "{line}");
    }
    for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#""a"'b'"#, r#""a\"#] {
        let (commands, error) = decode(format!("{line}\r\n").as_bytes());
        assert_eq!(error, Some(ProtocolError::UnbalancedQuotes), "{line}");
        assert!(commands.is_empty());
    }
}

#[test]
fn malformed_commands_get_the_texts_of_redis() {
    let long = "9".repeat(101);
    let cases: [(&[u8], &str); 22] = [
        (long.as_bytes(), "too big inline request"),
        (&[long.as_bytes(), b"\n"].concat(), "too big inline request"),
        (b"\"\n", "unbalanced quotes in request"),
        (
            &[b"*", long.as_bytes()].concat(),
            "too big mbulk count string",
        ),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*-0\r\n", "invalid multibulk length"),
        (b"*1\rx", "invalid multibulk length"),
        (b"*6\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (
            &[b"*1\r\n$", long.as_bytes()].concat(),
            "too big bulk count string",
        ),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n\r\n", "expected '$', got '\\r'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$1001\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$1\r1", "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx", "bulk string not terminated by CRLF"),
        (b"*1\r\n$4\r\nPING\rx", "bulk string not terminated by CRLF"),
        (
            &[
                b"*2\r\n$1000\r\n",
                "x".repeat(1000).as_bytes(),
                b"\r\n$500\r\n",
            ]
            .concat(),
            "command exceeds the size limit",
        ),
    ];
    for (stream, text) in cases {
        let stream = [b"PING\r\n", stream].concat();
        let (commands, error) = decode(&stream);
        let stream = stream.escape_ascii();
        assert_eq!(commands, [["PING"]], "{stream}");
        let error = error.unwrap_or_else(|| panic!("{stream} is no command"));
        assert_eq!(error.to_string(), text, "{stream}");
        let reply = error.reply().as_error().unwrap();
        assert_eq!(reply.as_str(), format!("ERR Protocol error: {text}"));
    }
}

#[test]
fn a_message_is_one_command() {
    let decode = |message: &'static str| {
        let mut decoder = CommandDecoder::new();
        decoder.decode_message(Bytes::from_static(message.as_bytes()))
    };
    assert_eq!(decode("*1\r\n$4\r\nPING\r\n").unwrap(), ["PING"]);
    assert_eq!(decode("*0\r\n").unwrap(), [""; 0]);
    assert_eq!(decode("").unwrap(), [""; 0]);
    assert_eq!(decode("*1\r\n$4\r\nPI"), Err(ProtocolError::Truncated));
    assert_eq!(decode("PING"), Err(ProtocolError::Truncated));
    assert_eq!(
        decode("PING\r\nPING\r\n"),
        Err(ProtocolError::TrailingBytes)
    );
}

#[test]
fn limits_may_be_raised_between_commands() {
    let mut decoder = CommandDecoder::with_limits(CommandLimits::new().with_max_arg(4));
    let mut buffer = BytesMut::from("*1\r\n$4\r\nAUTH\r\n*1\r\n$5\r\nHELLO\r\n");
    assert_eq!(decoder.decode(&mut buffer).unwrap().unwrap(), ["AUTH"]);
    decoder.set_limits(CommandLimits::new());
    assert_eq!(decoder.decode(&mut buffer).unwrap().unwrap(), ["HELLO"]);
}

#[test]
fn a_small_argument_does_not_retain_a_large_buffer() {
    let mut decoder = CommandDecoder::new();
    let mut buffer = BytesMut::with_capacity(1 << 20);
    buffer.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    let start = buffer.as_ptr();
    let args = decoder.decode(&mut buffer).unwrap().unwrap();
    assert_eq!(args, ["GET", "k"]);
    // Nothing refers to the buffer, so its memory can be reused.
    assert!(buffer.try_reclaim(1 << 20));
    assert_eq!(buffer.as_ptr(), start);
    // A large argument is not copied.
    let value = vec![b'v'; 512 << 10];
    buffer.extend_from_slice(b"*2\r\n$3\r\nSET\r\n$524288\r\n");
    let at = buffer.len();
    buffer.extend_from_slice(&value);
    buffer.extend_from_slice(b"\r\n");
    let at = buffer.as_ptr().addr() + at;
    let args = decoder.decode(&mut buffer).unwrap().unwrap();
    assert_eq!(args[1].as_ptr().addr(), at);
}

#[test]
fn requests_are_the_commands_as_they_were_encoded() {
    let stream = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*0\r\nget  'a b'\r\n*1\r\n$4\r\nPING\r\n*1\r\n$12";
    for size in [1, 3, stream.len()] {
        let mut decoder = CommandDecoder::new();
        let (mut buffer, mut requests) = (BytesMut::new(), Vec::new());
        for chunk in stream.as_bytes().chunks(size) {
            buffer.extend_from_slice(chunk);
            while let Some(request) = decoder.decode_request(&mut buffer).unwrap() {
                requests.push(request);
            }
        }
        let expected = [
            Request::new("GET", "k"),
            Request::new("get", "a b"),
            Request::new("PING", ()),
        ];
        assert_eq!(requests, expected);
        assert_eq!(buffer, "*1\r\n$12");
    }
}
