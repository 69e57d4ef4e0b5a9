//! A real Redis, for what an embedded store cannot prove.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
        // The port is free now, and nothing else on this machine asks for that very one.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a port")
            .port();
        let spawned = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = spawned else {
            let ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!ci, "redis-server is missing; CI must install it");
            eprintln!(
                "redis-server is missing: what needs a real Redis was left out (apt-get install redis-server)"
            );
            return None;
        };
        let redis = Self { process, port };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(redis)
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
