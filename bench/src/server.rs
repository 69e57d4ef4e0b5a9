//! Servers, each in a process of its own that ends with the benchmark.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    pub fn new(process: Child, url: String) -> Self {
        Self { process, url }
    }

    /// Returns the identifier of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a redis-server on a free port.
pub fn redis() -> Server {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let arguments = format!("--port {port} --save  --appendonly no");
    let process = Command::new("redis-server")
        .args(arguments.split(' '))
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Server::new(process, format!("redis://127.0.0.1:{port}"))
}
