//! A real Redis, for what an embedded store cannot prove.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A `redis-server` on a free port, stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    /// Starts one. `None`, and a word on stderr, when there is no `redis-server` on this machine.
    ///
    /// # Panics
    ///
    /// When it is missing although the environment says `CI=true`, or does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with further options, as [`start`](Self::start) does.
    ///
    /// # Panics
    ///
    /// When it is missing although the environment says `CI=true`, or does not start.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        for _ in 0..20 {
            // The port is free now. If somebody is quicker, redis-server ends, and another port is tried.
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = free.expect("a free port").port();
            let spawned = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no"])
                .args(options)
                .current_dir(std::env::temp_dir())
                .stdout(Stdio::piped())
                .spawn();
            let Ok(mut process) = spawned else {
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!ci, "redis-server is missing; CI must install it");
                eprintln!(
                    "redis-server is missing: what needs a real Redis was left out \
                     (apt-get install redis-server)"
                );
                return None;
            };
            let log = BufReader::new(process.stdout.take().expect("it is piped"));
            let mut redis = Self { process, port };
            if log
                .lines()
                .map_while(Result::ok)
                .any(|line| line.contains("Ready to accept"))
            {
                return Some(redis);
            }
            let _ended = redis.process.wait();
        }
        panic!("redis-server does not start");
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
