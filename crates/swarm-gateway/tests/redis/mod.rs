//! A real `redis-server` of our own, on a free port.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Stopped when dropped.
pub(crate) struct RedisServer {
    process: Child,
    address: String,
}

impl RedisServer {
    /// `None`, and a word on stderr, when the program is not installed, which CI does not accept. `options` are further
    /// words of its command line.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        for _ in 0..20 {
            // The port is free now. If somebody is quicker, redis-server ends, and another port is tried.
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.unwrap().to_string();
            let (_, port) = address.rsplit_once(':').unwrap();
            let spawned = Command::new("redis-server")
                .args(["--port", port, "--bind", "127.0.0.1", "--save", ""])
                .args(["--appendonly", "no"])
                .args(options)
                .current_dir(std::env::temp_dir())
                .stdout(Stdio::piped())
                .spawn();
            let Ok(mut process) = spawned else {
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(
                    !ci,
                    "redis-server is missing, and CI must compare with it: install Debian's redis-server"
                );
                eprintln!("NOT COMPARED: redis-server is missing; install Debian's redis-server");
                return None;
            };
            let log = BufReader::new(process.stdout.take().unwrap());
            let mut lines = log.lines().map_while(Result::ok);
            let mut server = Self { process, address };
            if lines.any(|line| line.contains("Ready to accept connections")) {
                return Some(server);
            }
            let _ended = server.process.wait();
        }
        panic!("redis-server does not start");
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
