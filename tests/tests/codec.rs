//! The codec with replies of a real Redis: doubles and long lines, in both protocols.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, FromFrame, Request, RespVersion, ToArgs, encode_frame};
use swarm_tests::Redis;

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Connection {
    fn to(redis: &Redis) -> Self {
        let address = redis.url().replace("redis://", "");
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        Self {
            stream,
            decoder: Decoder::new(),
            buffer: BytesMut::new(),
        }
    }

    fn send(&mut self, name: &str, args: impl ToArgs) {
        self.stream
            .write_all(Request::new(name, args).encoded())
            .unwrap();
    }

    fn receive(&mut self) -> Frame {
        let mut chunk = vec![0; 64 << 10];
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer).unwrap() {
                return frame;
            }
            let len = self.stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the server closed the connection");
            self.buffer.extend_from_slice(&chunk[..len]);
        }
    }

    fn call(&mut self, name: &str, args: impl ToArgs) -> Frame {
        self.send(name, args);
        self.receive()
    }
}

/// Covers every reply that is a double: both protocols yield the same text and value, however the
/// server's version formats the number.
#[test]
fn a_score_is_the_same_in_both_protocols() {
    fn of<T: FromFrame>(frame: &Frame) -> Result<T, String> {
        frame.convert::<T>().map_err(|error| error.expected.into())
    }
    let Some(redis) = Redis::start() else { return };
    let mut connection = Connection::to(&redis);
    let scores = [
        "0.1",
        "1.5",
        "3",
        "-3",
        "1e15",
        "1e16",
        "-1e16",
        "72057594037927936",
        "1e17",
        "1e19",
        "1e21",
        "1.8446744073709552e19",
        "1e23",
        "1e-5",
        "5e-324",
        "1.7976931348623157e308",
        "inf",
        "-inf",
    ];
    for score in scores {
        connection.call("HELLO", 2);
        connection.call("ZADD", ("scores", score, "member"));
        let text = connection.call("ZSCORE", ("scores", "member"));
        connection.call("HELLO", 3);
        let double = connection.call("ZSCORE", ("scores", "member"));
        assert!(
            double.as_double().is_some() && text.as_bytes().is_some(),
            "{score}"
        );
        let spelled = text.as_str().unwrap();
        assert_eq!(of::<String>(&double).as_deref(), Ok(spelled), "{score}");
        assert_eq!(of::<Bytes>(&double), of::<Bytes>(&text), "{score}");
        assert_eq!(of::<f64>(&double), of::<f64>(&text), "{score}");
        assert_eq!(of::<i64>(&double), of::<i64>(&text), "{score}");
        assert_eq!(of::<u64>(&double), of::<u64>(&text), "{score}");
        assert_eq!(of::<i128>(&double), of::<i128>(&text), "{score}");
        // A proxy encodes what it has decoded.
        let mut proxied = BytesMut::new();
        encode_frame(&mut proxied, &double, RespVersion::Resp2);
        assert_eq!(proxied, format!("${}\r\n{spelled}\r\n", spelled.len()));
        proxied.clear();
        encode_frame(&mut proxied, &double, RespVersion::Resp3);
        assert_eq!(proxied, format!(",{spelled}\r\n"));
    }
}

/// Doubles created here use Redis's format: up to seventeen digits without an exponent, a signed
/// exponent of at least two digits beyond.
#[test]
fn a_double_is_written_as_redis_writes_it() {
    let Some(redis) = Redis::start() else { return };
    let mut connection = Connection::to(&redis);
    // Numbers that every version of Redis formats with the same digits.
    for number in [
        0.5,
        -2.5,
        3.0,
        1e15,
        1e16,
        72_057_594_037_927_936.0,
        1e17,
        1e21,
        -1.5e22,
        2.0f64.powi(-20),
    ] {
        connection.call("ZADD", ("scores", number, "member"));
        let sent = connection.call("ZSCORE", ("scores", "member"));
        let mut written = BytesMut::new();
        encode_frame(&mut written, &Frame::double(number), RespVersion::Resp2);
        let written = Decoder::new().decode(&mut written).unwrap().unwrap();
        assert_eq!(written.as_str(), sent.as_str(), "{number}");
    }
}

/// Covers every line longer than a header: its limit is that of a bulk string.
#[test]
fn long_lines_arrive() {
    let Some(redis) = Redis::start() else { return };
    let mut connection = Connection::to(&redis);
    for (script, is_error) in [
        ("return redis.status_reply(string.rep('x', 70000))", false),
        ("return redis.error_reply(string.rep('x', 70000))", true),
    ] {
        let reply = connection.call("EVAL", (script, 0));
        let text = if is_error {
            reply.view().error_bytes()
        } else {
            reply.as_bytes()
        };
        assert!(text.unwrap().len() >= 70_000, "{script}");
    }
    let mut monitor = Connection::to(&redis);
    assert_eq!(monitor.call("MONITOR", ()).as_str(), Some("OK"));
    connection.send("SET", ("key", "x".repeat(1 << 20)));
    let line = monitor.receive();
    assert!(line.as_bytes().unwrap().len() > 1 << 20);
}
