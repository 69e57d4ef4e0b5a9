//! What the client makes of each reply that the deployed server has given: the recorded bytes,
//! served over the transport on which they were recorded, become the value or the error that they
//! stand for. See `tests/recorded/README.md` for the recordings.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use swarm_keydb::{
    Client, ClientOptions, Error, ErrorKind, Frame, Outcome, ProtocolVersion, Result, RetryPolicy,
};
use swarm_resp::{CommandDecoder, Decoder, FrameRef, RespVersion, encode_frame};
use swarm_tests::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// Commands whose arrays may be texts, so that an array of words proves no error.
const TEXTS: [&str; 2] = ["MGET", "KEYS"];

/// Commands of which an error may follow some effects.
const STEPS: [&str; 13] = [
    "BACKUP",
    "DEL",
    "EVAL",
    "EVALSHA",
    "EVAL_RO",
    "EXEC",
    "MDEL",
    "MSET",
    "RESTOREDB",
    "ROTATEKEY",
    "SWARM.RESYNC",
    "XAUTOCLAIM",
    "XCLAIM",
];

type Words = Vec<Vec<u8>>;

/// A command, and what the server has answered.
struct Record {
    door: String,
    words: Words,
    answer: Vec<u8>,
}

/// What a record stands for.
#[derive(Debug, PartialEq)]
enum Meaning {
    Value(Value),
    Error(String),
}

/// The next command that the server expects, and its answer.
type Next = Arc<Mutex<Option<(Words, Vec<u8>)>>>;

/// Each character is one byte.
fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

fn records(door: &str) -> Vec<Record> {
    let lines = include_str!("../recorded/one.jsonl").lines();
    let records = lines.map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        Record {
            door: record["door"].as_str().unwrap().to_owned(),
            words: record["send"]
                .as_array()
                .unwrap()
                .iter()
                .map(bytes)
                .collect(),
            answer: record["recv"].get(0).map(bytes).unwrap_or_default(),
        }
    });
    records.filter(|record| record.door == door).collect()
}

impl Record {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.words[0]).to_ascii_uppercase()
    }

    /// Whether the name is one word, so that it is sent as it was.
    fn has_name(&self) -> bool {
        let name = &self.words[0];
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())
    }

    /// What the bytes stand for, according to the notes on the server's encodings.
    fn meaning(&self) -> Meaning {
        if self.door == "http" {
            let text = std::str::from_utf8(&self.answer).unwrap();
            let (_, body) = text.split_once(' ').unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            return match body.get("error") {
                Some(error) => Meaning::Error(error.as_str().unwrap().to_owned()),
                None => Meaning::Value(body["result"].clone()),
            };
        }
        let mut input = BytesMut::from(&self.answer[..]);
        let frame = Decoder::new().decode(&mut input).unwrap().unwrap();
        assert!(input.is_empty(), "one reply");
        if let Some(error) = frame.as_error() {
            return Meaning::Error(error.to_string());
        }
        match words_of_error(&frame) {
            Some(text) if !TEXTS.contains(&&*self.name()) => Meaning::Error(text),
            Some(text) if text.starts_with("ERR wrong number") => Meaning::Error(text),
            _ => Meaning::Value(value_of(frame.view())),
        }
    }
}

/// Joins the words of an array that begins with a dash.
fn words_of_error(frame: &Frame) -> Option<String> {
    let items = frame.items()?;
    let words: Option<Vec<_>> = items.map(FrameRef::as_str).collect();
    Some(words?.join(" ").strip_prefix('-')?.to_owned())
}

/// Shows a reply as JSON. Bytes that are not UTF-8 are escaped.
fn value_of(frame: FrameRef<'_>) -> Value {
    if let Some(items) = frame.items() {
        return items.map(value_of).collect();
    }
    match (frame.as_integer(), frame.as_error(), frame.as_bytes()) {
        (Some(number), ..) => json!(number),
        (_, Some(error), _) => json!(format!("-{error}")),
        (_, _, Some(bytes)) => value_of_text(bytes),
        _ => Value::Null,
    }
}

/// Answers the expected command with its recorded answer, and all others as the server would.
fn answer(door: &str, words: &Words, next: &Next) -> Vec<u8> {
    // Methods send names in capitals.
    let is_expected = |(expected, _): &mut (Words, Vec<u8>)| {
        expected[1..] == words[1..] && expected[0].eq_ignore_ascii_case(&words[0])
    };
    let expected = next.lock().unwrap().take_if(is_expected);
    if let Some((_, answer)) = expected {
        return answer;
    }
    let name = words[0].to_ascii_uppercase();
    if door == "http" {
        assert_eq!(
            name, b"PING",
            "the client asks once whether the server answers"
        );
        return br#"200 {"result":"PONG"}"#.to_vec();
    }
    let reply = match (&*name, &words[1..]) {
        (b"HELLO", _) => {
            let fields = ["server", "swarmkeydb", "version", "7.0.0", "proto"].map(Frame::bulk);
            let proto = Frame::build(|reply| reply.integer(2));
            Frame::array(fields.iter().chain([&proto]))
        }
        (b"ECHO" | b"PING", [text]) => Frame::bulk(text.clone()),
        (b"ECHO", []) if door == "ws" => {
            let words = [
                "-ERR",
                "wrong",
                "number",
                "of",
                "arguments",
                "for",
                "'ECHO'",
            ];
            Frame::array(&words.map(Frame::bulk))
        }
        (b"ECHO", []) => Frame::error("ERR wrong number of arguments for 'ECHO'"),
        _ => panic!("unexpected: {:?}", words[0].escape_ascii().to_string()),
    };
    let mut bytes = BytesMut::new();
    encode_frame(&mut bytes, &reply, RespVersion::Resp2);
    bytes.to_vec()
}

async fn serve_tcp(mut stream: TcpStream, next: Next) {
    let (mut input, mut decoder) = (BytesMut::new(), CommandDecoder::new());
    while let Ok(1..) = stream.read_buf(&mut input).await {
        while let Some(words) = decoder.decode(&mut input).unwrap() {
            let words = words.iter().map(|word| word.to_vec()).collect();
            let answer = answer("tcp", &words, &next);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

async fn serve_ws(stream: TcpStream, next: Next) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(message) = message else {
            continue;
        };
        let words = CommandDecoder::new().decode_message(message).unwrap();
        let words = words.iter().map(|word| word.to_vec()).collect();
        let answer = Message::Binary(answer("ws", &words, &next).into());
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

async fn serve_http(mut stream: TcpStream, next: Next) {
    let mut input = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut input).await {
        let Some(head) = input.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let Ok(body) = serde_json::from_slice::<Value>(&input[head + 4..]) else {
            continue;
        };
        input.clear();
        let text = |word: &Value| word.as_str().unwrap().as_bytes().to_vec();
        let args = body["args"].as_array().unwrap().iter().map(text);
        let words = [text(&body["cmd"])].into_iter().chain(args).collect();
        let answer = answer("http", &words, &next);
        let (status, body) = answer.split_at(3);
        let status = std::str::from_utf8(status).unwrap();
        let length = body.len() - 1;
        let head = format!(
            "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        let response = [head.as_bytes(), &body[1..]].concat();
        if stream.write_all(&response).await.is_err() {
            return;
        }
    }
}

/// Starts a server, and a client of it.
async fn start(door: &'static str) -> (Client, Next) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let next = Next::default();
    let shared = Arc::clone(&next);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let next = Arc::clone(&shared);
            match door {
                "tcp" => drop(tokio::spawn(serve_tcp(stream, next))),
                "ws" => drop(tokio::spawn(serve_ws(stream, next))),
                _ => drop(tokio::spawn(serve_http(stream, next))),
            }
        }
    });
    let scheme = if door == "tcp" { "redis" } else { door };
    let options = ClientOptions::new(format!("{scheme}://{address}"))
        .protocol(ProtocolVersion::Resp2)
        .retry(RetryPolicy::Never)
        .heartbeat_interval(None)
        .http_fallback(false);
    (within(Client::connect(options)).await.unwrap(), next)
}

/// Sends the command of a record, on whichever handle may carry it.
async fn send(client: &Client, record: &Record) -> Result<Frame> {
    let name = String::from_utf8(record.words[0].clone()).unwrap();
    let args = &record.words[1..];
    let refused = |error: &Error| error.kind() == ErrorKind::Argument;
    let reply = client.raw(name.clone(), args).await;
    if !reply.as_ref().is_err_and(refused) {
        return reply;
    }
    let wait = Duration::from_millis(100);
    match reply {
        Err(error) if error.to_string().contains("raw_blocking") => {
            client.raw_blocking(name, args, wait).await
        }
        Err(error) if error.to_string().contains("exclusive") && record.door != "http" => {
            let conn = client.exclusive().await?;
            conn.raw(name, args).await
        }
        reply => reply,
    }
}

/// Serves all records of a transport. Returns the commands that the client has refused.
async fn replay(door: &'static str) -> Vec<String> {
    let (client, next) = start(door).await;
    let (mut refused, mut faults) = (Vec::new(), Vec::new());
    for record in records(door).iter().filter(|record| record.has_name()) {
        *next.lock().unwrap() = Some((record.words.clone(), record.answer.clone()));
        let reply = within(send(&client, record)).await;
        if reply
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Argument)
        {
            let error = reply.unwrap_err();
            assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
            assert!(next.lock().unwrap().is_some(), "{error}");
            refused.push(error.to_string());
            continue;
        }
        if let Some(fault) = fault(record, reply) {
            let words: Vec<_> = (record
                .words
                .iter()
                .map(|word| word.escape_ascii().to_string()))
            .collect();
            faults.push(format!("{}: {fault}", words.join(" ")));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {door}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    refused
}

/// Compares what the client returns with what the record stands for.
fn fault(record: &Record, reply: Result<Frame>) -> Option<String> {
    let meaning = record.meaning();
    // The gateway has replaced bytes of the value.
    let is_damaged =
        matches!(&meaning, Meaning::Value(value) if value.to_string().contains('\u{fffd}'));
    match (&meaning, reply) {
        (_, Err(error)) if is_damaged && record.door == "http" => {
            let is_told = error.is_code("LOSSY") && error.outcome() == Some(Outcome::Ran);
            (!is_told).then(|| format!("{error} although the value is damaged"))
        }
        (Meaning::Value(value), Ok(frame)) => {
            let found = value_of(frame.view());
            (found != *value).then(|| format!("{found} instead of {value}"))
        }
        (Meaning::Error(text), Err(error)) => {
            let found = error.server_error().map(ToString::to_string);
            let may_remain = STEPS.contains(&&*record.name());
            let is_true = match error.outcome() {
                Some(Outcome::Rejected) => true,
                Some(Outcome::MayHaveRun) => may_remain,
                _ => false,
            };
            let is_right = found.as_deref() == Some(text) && is_true;
            (!is_right).then(|| format!("{error} ({:?}) instead of {text}", error.outcome()))
        }
        (_, reply) => Some(format!("{reply:?} instead of {meaning:?}")),
    }
}

/// Calls the method of a command, if it has one that sends exactly these words. Returns what its
/// reply stands for, as JSON.
async fn call(client: &Client, record: &Record) -> Option<Result<Value>> {
    let name = record.name();
    let texts: Vec<_> = (record.words[1..].iter())
        .map(|word| std::str::from_utf8(word).ok())
        .collect::<Option<_>>()?;
    let text = |bytes: Option<bytes::Bytes>| json!(bytes.map(|bytes| value_of_text(&bytes)));
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| n.to_string() == text);
    Some(match (&*name, &*texts) {
        ("GET", [key]) => client.get(*key).await.map(text),
        ("SET", [key, value]) => client.set(*key, *value).await.map(|()| json!("OK")),
        ("MGET", [_, ..]) => {
            let values = client.mget(texts.as_slice()).await;
            values.map(|values| values.into_iter().map(text).collect())
        }
        ("INCR", [key]) => client.incr(*key).await.map(Value::from),
        ("DECR", [key]) => client.decr(*key).await.map(Value::from),
        ("INCRBY", [key, by]) => client.incrby(*key, number(by)?).await.map(Value::from),
        ("DECRBY", [key, by]) => client.decrby(*key, number(by)?).await.map(Value::from),
        ("DEL", [_, ..]) => client.del(texts.as_slice()).await.map(Value::from),
        ("MDEL", [_, ..]) => client.mdel(texts.as_slice()).await.map(Value::from),
        ("EXISTS", [_, ..]) => client.exists(texts.as_slice()).await.map(Value::from),
        ("PERSIST", [key]) => client
            .persist(*key)
            .await
            .map(|is_set| json!(i64::from(is_set))),
        ("KEYS", [pattern]) => {
            let keys = client.keys(*pattern).await;
            keys.map(|keys| keys.into_iter().map(|key| text(Some(key))).collect())
        }
        ("XLEN", [key]) => client.xlen(*key).await.map(Value::from),
        _ => return None,
    })
}

fn value_of_text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!(bytes.escape_ascii().to_string()),
    }
}

/// Serves all records whose commands have methods. Returns how many these are.
async fn replay_methods(door: &'static str) -> usize {
    let (client, next) = start(door).await;
    let (mut called, mut faults) = (0, Vec::new());
    for record in records(door) {
        *next.lock().unwrap() = Some((record.words.clone(), record.answer.clone()));
        let reply = match within(call(&client, &record)).await {
            None => continue,
            Some(Err(error)) if error.kind() == ErrorKind::Argument => continue,
            Some(reply) => reply,
        };
        called += 1;
        let is_right = match (record.meaning(), &reply) {
            (Meaning::Value(value), Ok(found)) => *found == value,
            (Meaning::Value(value), Err(error)) => {
                value.to_string().contains('\u{fffd}') && error.is_code("LOSSY")
            }
            (Meaning::Error(text), Err(error)) => error
                .server_error()
                .is_some_and(|error| error.to_string() == text),
            (Meaning::Error(_), Ok(_)) => false,
        };
        if !is_right {
            faults.push(format!("{}: {reply:?}", record.name()));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {door}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    called
}

#[tokio::test]
async fn methods_return_what_the_replies_stand_for() {
    for door in ["tcp", "ws", "http"] {
        let called = replay_methods(door).await;
        assert!(called > 150, "{called} over {door}");
    }
}

#[tokio::test]
async fn replies_over_tcp() {
    let refused = replay("tcp").await;
    assert_eq!(refused.len(), 21, "{refused:#?}");
}

#[tokio::test]
async fn replies_over_websocket() {
    let refused = replay("ws").await;
    assert_eq!(refused.len(), 46, "{refused:#?}");
}

#[tokio::test]
async fn replies_over_http() {
    let refused = replay("http").await;
    assert_eq!(refused.len(), 69, "{refused:#?}");
}
