//! A real `redis-server` for a test, on a free port.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Stopped when dropped.
pub(crate) struct RedisServer {
    process: Child,
    address: String,
}

impl RedisServer {
    /// Starts `redis-server` with additional command-line `options`. Returns `None` and prints a
    /// note if it is not installed, which fails in CI.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        for _ in 0..20 {
            // The port is free now. If another process takes it first, redis-server exits, and the
            // next port is tried.
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.unwrap().to_string();
            let (_, port) = address.rsplit_once(':').unwrap();
            let spawned = Command::new("redis-server")
                .args(["--port", port, "--bind", "127.0.0.1", "--save", ""])
                .args(["--appendonly", "no"])
                // Replication stores a file, which another server must not load.
                .args(["--dbfilename", &format!("swarm-gateway-{port}.rdb")])
                .args(options)
                .current_dir(std::env::temp_dir())
                .stdout(Stdio::piped())
                .spawn();
            let Ok(mut process) = spawned else {
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(
                    !ci,
                    "redis-server is required in CI; install the package redis-server"
                );
                eprintln!("SKIPPED: redis-server is not installed");
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
