//! A real Redis, for behavior that an embedded store cannot prove.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A `redis-server` on a free port with an empty store, stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    process: Child,
    port: u16,
    /// Its own folder, because replication saves the store there, and a server loads what it finds.
    folder: PathBuf,
}

/// What a server says when it is ready.
const READY: &str = "Ready to accept";

impl Redis {
    /// Starts a server. Returns `None` and prints a note if `redis-server` is not installed.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed although the environment sets `CI=true`, or if it does not
    /// start.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with additional options, like [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// Panics if it is not installed although the environment sets `CI=true`, or if it does not
    /// start.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        Self::launch(READY, |command, port, _| {
            server(command, port).args(options);
        })
    }

    /// Starts a sentinel with these lines of configuration, like [`start`](Self::start).
    pub(crate) fn start_sentinel(lines: &str) -> Option<Self> {
        Self::launch("Sentinel ID is", |command, port, folder| {
            let config = folder.join("sentinel.conf");
            let text = format!("port {port}\nbind 127.0.0.1\n{lines}");
            std::fs::write(&config, text).expect("a file");
            command.arg(config).arg("--sentinel");
        })
    }

    /// Starts `redis-server` on a free port, in a folder of its own.
    fn launch(ready: &str, configure: impl Fn(&mut Command, u16, &Path)) -> Option<Self> {
        for _ in 0..20 {
            // The port is free now. If another process takes it first, redis-server exits, and the
            // next port is tried.
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = free.expect("a free port").port();
            let name = format!("swarm-redis-{}-{port}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let mut command = Command::new("redis-server");
            configure(&mut command, port, &folder);
            let Some(mut process) = spawn(&mut command, &folder) else {
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!ci, "redis-server is missing; CI must install it");
                let _gone = std::fs::remove_dir_all(&folder);
                eprintln!(
                    "redis-server is missing: what needs a real Redis was left out \
                     (apt-get install redis-server)"
                );
                return None;
            };
            let is_ready = wait_until(ready, &mut process);
            let mut redis = Self {
                process,
                port,
                folder,
            };
            if is_ready {
                return Some(redis);
            }
            let _ended = redis.process.wait();
        }
        panic!("redis-server does not start");
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// Starts the server again after [`kill`](Self::kill), on the same port, with an empty store.
    pub(crate) fn restart_with(&mut self, options: &[&str]) {
        let mut command = Command::new("redis-server");
        server(&mut command, self.port).args(options);
        self.process = spawn(&mut command, &self.folder).expect("redis-server is there");
        assert!(wait_until(READY, &mut self.process), "it starts again");
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server's address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the server's URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }
}

/// Configures a server without persistence.
fn server(command: &mut Command, port: u16) -> &mut Command {
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
}

fn spawn(command: &mut Command, folder: &Path) -> Option<Child> {
    command
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .ok()
}

/// Waits until a server accepts connections, and returns true, or until it has ended.
pub(crate) fn wait_until_ready(process: &mut Child) -> bool {
    wait_until(READY, process)
}

/// Waits until a server says something, and returns true, or until it has ended.
fn wait_until(ready: &str, process: &mut Child) -> bool {
    let log = BufReader::new(process.stdout.take().expect("it is piped"));
    let mut lines = log.lines().map_while(Result::ok);
    lines.any(|line| line.contains(ready))
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}
