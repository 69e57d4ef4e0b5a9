//! A real `redis-server` of our own, on a free port.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

pub(crate) struct RedisServer {
    process: Child,
    address: String,
}

impl RedisServer {
    /// `None` when the program is not installed.
    pub(crate) fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--databases", "1"])
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let log = BufReader::new(process.stdout.take().unwrap());
        let mut lines = log.lines().map(Result::unwrap);
        let ready = lines.any(|line| line.contains("Ready to accept connections"));
        assert!(ready, "redis-server ended before it was ready");
        Some(Self {
            process,
            address: format!("127.0.0.1:{port}"),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
