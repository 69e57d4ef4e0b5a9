//! Servers, each in a separate process that ends with the benchmark.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use swarm_gateway::Gateway;

/// Argument that makes this program a gateway.
pub const GATEWAY: &str = "--be-gateway";

pub struct Server {
    process: Child,
    pub url: String,
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
    let url = format!("redis://127.0.0.1:{port}");
    Server { process, url }
}

/// Starts a gateway with an embedded store on a free port.
pub fn gateway() -> Server {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .arg(GATEWAY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let output = process.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut url).unwrap();
    let url = url.trim().into();
    Server { process, url }
}

/// Runs a gateway until standard input closes, which happens when the parent ends.
pub fn be_gateway() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let builder = Gateway::builder().ws("127.0.0.1:0");
    let gateway = runtime.block_on(builder.start()).unwrap();
    println!("{}", gateway.ws_url());
    let _ = std::io::stdin().read_line(&mut String::new());
}
