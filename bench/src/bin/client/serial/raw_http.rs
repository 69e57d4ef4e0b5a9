//! HTTP without a client: one request after another on a socket.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::load::{Commands, Step};

#[derive(Clone)]
pub struct RawHttp {
    host: Arc<str>,
    stream: Arc<Mutex<TcpStream>>,
}

pub async fn connect(url: &str) -> RawHttp {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    RawHttp {
        host: host.into(),
        stream: Arc::new(Mutex::new(stream)),
    }
}

impl Commands for RawHttp {
    async fn run(&self, step: Step<'_>) -> bool {
        let words = step.words();
        let (name, args) = words.split_first().unwrap();
        // No word of this benchmark needs an escape.
        let args: Vec<_> = args.iter().map(|arg| format!("\"{arg}\"")).collect();
        let body = format!("{{\"cmd\":\"{name}\",\"args\":[{}]}}", args.join(","));
        let request = format!(
            "POST /cmd HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let mut stream = self.stream.lock().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        loop {
            if stream.read_buf(&mut reply).await.unwrap() == 0 {
                return false;
            }
            let text = String::from_utf8_lossy(&reply);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = |line: &str| {
                    let (name, value) = line.split_once(':')?;
                    let is_it = name.eq_ignore_ascii_case("content-length");
                    is_it.then(|| value.trim().parse().unwrap())
                };
                let length: usize = head.lines().find_map(length).unwrap();
                if body.len() >= length {
                    return head.starts_with("HTTP/1.1 200");
                }
            }
        }
    }
}
