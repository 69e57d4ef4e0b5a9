//! Gateways, each in a separate process that ends with the benchmark.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use swarm_bench::server::Server;
use swarm_gateway::{Dialect, Quirk};

use crate::option;

/// Argument that makes this program a gateway, before the name of its dialect.
pub const GATEWAY: &str = "--be-gateway";

/// Argument before the URL of the Redis server behind the gateway.
const BACKEND: &str = "--backend";

/// Starts a gateway with an embedded store on a free port.
pub fn gateway() -> Server {
    let (process, [url, ..]) = gateway_process(Dialect::STANDARD, None);
    Server::new(process, url)
}

/// Whether the deployed server is started with its write queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    Shipped,
    Off,
}

/// A gateway that behaves as the deployed server, in a process of its own.
pub struct Upstream {
    _process: Server,
    pub ws: String,
    pub http: String,
    pub tcp: String,
}

impl Upstream {
    /// Starts one with an embedded store.
    pub fn start(queue: Queue) -> Self {
        Self::with(queue, None)
    }

    /// Starts one in front of a Redis server.
    pub fn before(redis: &Server) -> Self {
        Self::with(Queue::Shipped, Some(&redis.url))
    }

    fn with(queue: Queue, backend: Option<&str>) -> Self {
        let dialect = match queue {
            Queue::Shipped => Dialect::UPSTREAM,
            Queue::Off => Dialect::UPSTREAM.without(Quirk::WriteQueue),
        };
        let (process, [ws, http, tcp]) = gateway_process(dialect, backend);
        Self {
            _process: Server::new(process, ws.clone()),
            ws,
            http,
            tcp,
        }
    }
}

/// Starts a gateway and returns its URLs for WebSocket, HTTP, and TCP.
fn gateway_process(dialect: Dialect, backend: Option<&str>) -> (Child, [String; 3]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([GATEWAY, &dialect.to_string()]);
    if let Some(backend) = backend {
        command.args([BACKEND, backend]);
    }
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut urls = String::new();
    let output = process.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut urls).unwrap();
    let urls: Vec<_> = urls.split_whitespace().map(str::to_owned).collect();
    (process, urls.try_into().unwrap())
}

/// Runs a gateway until standard input closes, which happens when the parent ends.
pub fn be_gateway() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let dialect = option(GATEWAY).unwrap().parse().unwrap();
    let mut builder = swarm_gateway::Gateway::builder().dialect(dialect);
    if let Some(backend) = option(BACKEND) {
        builder = builder.redis(backend);
    }
    let gateway = runtime.block_on(builder.start()).unwrap();
    println!(
        "{} {} {}",
        gateway.ws_url(),
        gateway.http_url(),
        gateway.tcp_url()
    );
    let _ = std::io::stdin().read_line(&mut String::new());
}
