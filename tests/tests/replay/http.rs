//! Replays requests over HTTP, and compares status, headers, and body.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::compare::{Precision, same};
use crate::differences::Differences;
use crate::door::address;
use crate::recording;
use crate::steps::gateway;

/// Headers that every HTTP server sets in its own way.
const IGNORED: [&str; 4] = ["date", "server", "transfer-encoding", "keep-alive"];

#[derive(Debug)]
struct Response {
    status: u64,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Sends a request on a connection of its own.
async fn request(address: &str, head: &str, body: Option<&[u8]>) -> Response {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("{head}\r\nHost: {address}\r\n").into_bytes();
    if let Some(body) = body {
        request.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    request.extend(b"\r\n");
    request.extend(body.unwrap_or_default());
    stream.write_all(&request).await.unwrap();
    let is_head = head.starts_with("HEAD");
    let mut received = Vec::new();
    loop {
        let read = stream.read_buf(&mut received).await.unwrap();
        if let Some(response) = parse(&received, is_head, read == 0) {
            return response;
        }
        assert!(read > 0, "no response to {head}");
    }
}

fn parse(received: &[u8], is_head: bool, ended: bool) -> Option<Response> {
    let end = received.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8(received[..end].to_vec()).unwrap();
    let body = &received[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let length = match headers.get("content-length") {
        _ if is_head || status == 204 => 0,
        Some(length) => length.parse().unwrap(),
        None if ended => body.len(),
        None => return None,
    };
    Some(Response {
        status,
        headers,
        body: body.get(..length)?.to_vec(),
    })
}

/// Runs a command by `POST /cmd`, and returns status and body as the recordings have them.
pub(crate) async fn command(address: &str, args: &[Vec<u8>]) -> Vec<u8> {
    let texts: Vec<_> = args
        .iter()
        .map(|arg| String::from_utf8_lossy(arg))
        .collect();
    let body = json!({ "cmd": texts[0], "args": texts[1..] }).to_string();
    let response = request(address, "POST /cmd HTTP/1.1", Some(body.as_bytes())).await;
    [format!("{} ", response.status).as_bytes(), &response.body].concat()
}

pub(crate) async fn replay(differences: &mut Differences) {
    let gateway = gateway().await;
    let address = address(gateway.http_url());
    for (number, line) in recording::lines(differences.file()).iter().enumerate() {
        differences.compared();
        let (method, path) = (
            line["method"].as_str().unwrap(),
            line["path"].as_str().unwrap(),
        );
        let mut head = format!("{method} {path} HTTP/1.1");
        for (name, value) in line["headers"].as_object().unwrap() {
            head += &format!("\r\n{name}: {}", value.as_str().unwrap());
        }
        let body = line["body"].as_str().map(recording::bytes);
        let body = body.or_else(|| matches!(method, "POST" | "PUT").then(Vec::new));
        let found = request(&address, &head, body.as_deref()).await;
        if let Some(what) = difference(line, found) {
            let kind = format!("{method} {path}");
            let body = line["body"].as_str().unwrap_or_default();
            differences.add(
                kind,
                number.to_string(),
                format!("{body}\n          {what}"),
            );
        }
    }
}

fn difference(line: &Value, mut found: Response) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let headers: BTreeMap<String, String> = (line["reply_headers"].as_object().unwrap())
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .filter(|(name, _)| !IGNORED.contains(&name.as_str()))
        .collect();
    let is_page = !headers.contains_key("content-length");
    found.headers.retain(|name, _| {
        let length = is_page && name == "content-length";
        !length && !IGNORED.contains(&name.as_str())
    });
    let body = recording::bytes(line["reply"].as_str().unwrap());
    if is_page {
        found.body.truncate(body.len());
    }
    let status = line["status"].as_u64().unwrap();
    let same_body = same(
        std::slice::from_ref(&body),
        std::slice::from_ref(&found.body),
        Precision::Exact,
    );
    if status == found.status && headers == found.headers && same_body {
        return None;
    }
    let shown =
        |status, headers, body: &[u8]| format!("{status} {headers:?} {}", body.escape_ascii());
    Some(format!(
        "{}\n          {}",
        shown(status, &headers, &body),
        shown(found.status, &found.headers, &found.body)
    ))
}
