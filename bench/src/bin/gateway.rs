//! Benchmark of the gateway against a redis-server in one run: `redis-benchmark` with pipelines of
//! 16 against each, and the memory of idle connections.
//!
//! Usage: `gateway [--rounds N] [--requests N] [--idle N]`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use swarm_bench::server::{Server, redis};
use swarm_gateway::Gateway;

/// Argument that makes this program a gateway, before the URL of the server behind it or `memory`.
const GATEWAY: &str = "--be-gateway";

/// A gateway in a process of its own, which ends with the benchmark.
struct GatewayProcess {
    tcp: Server,
    ws: String,
}

/// Returns the value of a command-line option.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|arg| arg != name).nth(1)
}

fn number(name: &str, default: usize) -> usize {
    option(name).map_or(default, |number| number.parse().unwrap())
}

/// Returns the host and port of a URL.
fn address(url: &str) -> &str {
    url.split_once("://").unwrap().1.trim_end_matches('/')
}

/// Starts a gateway in front of a server, or of its embedded store.
fn gateway(backend: &str) -> GatewayProcess {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([GATEWAY, backend]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut urls = String::new();
    let output = process.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut urls).unwrap();
    let (tcp, ws) = urls.trim().split_once(' ').unwrap();
    GatewayProcess {
        tcp: Server::new(process, tcp.to_owned()),
        ws: ws.to_owned(),
    }
}

/// Runs a gateway, as the program does, until standard input closes.
fn be_gateway(backend: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let builder = match backend {
        "memory" => Gateway::builder(),
        url => Gateway::builder().redis(url),
    };
    runtime.block_on(async {
        let gateway = builder.start().await.unwrap();
        println!("{} {}", gateway.tcp_url(), gateway.ws_url());
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
        let _ = closed.await;
    });
}

/// Returns how many commands a second a server runs.
fn rate(server: &Server, command: &str, connections: usize, requests: usize) -> f64 {
    let (_, port) = address(&server.url).rsplit_once(':').unwrap();
    let output = Command::new("redis-benchmark")
        .args(["-p", port, "-P", "16", "-q", "--csv", "-t", command])
        .args(["-c", &connections.to_string(), "-n", &requests.to_string()])
        .output()
        .expect("redis-benchmark is installed");
    let table = String::from_utf8(output.stdout).unwrap();
    let row = table.lines().last().unwrap();
    row.split(',')
        .nth(1)
        .unwrap()
        .trim_matches('"')
        .parse()
        .unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the resident memory of a process in bytes.
fn memory(server: &Server) -> f64 {
    let status = format!("/proc/{}/status", server.id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib * 1024.0
}

/// Connects, and exchanges one command over WebSocket.
fn idle_websocket(url: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    // Masked with zeros.
    stream.write_all(b"\x82\x84\0\0\0\0PING").unwrap();
    let mut reply = [0; 9];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"\x82\x07+PONG\r\n");
    stream
}

/// Connects, and exchanges one command over TCP.
fn idle_tcp(url: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
    stream
}

fn main() {
    if let Some(backend) = option(GATEWAY) {
        return be_gateway(&backend);
    }
    let rounds = number("--rounds", 9);
    let requests = number("--requests", 200_000);
    let redis = redis();
    let servers = [gateway("memory"), gateway(&redis.url)];
    println!("commands a second, pipelines of 16: best of {rounds} rounds, median ratio to Redis");
    for connections in [50, 1] {
        for command in ["get", "set", "incr"] {
            let mut rates = [Vec::new(), Vec::new(), Vec::new()];
            let mut ratios = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                let direct = rate(&redis, command, connections, requests);
                rates[0].push(direct);
                for (at, server) in servers.iter().enumerate() {
                    let rate = rate(&server.tcp, command, connections, requests);
                    rates[at + 1].push(rate);
                    ratios[at].push(rate / direct);
                }
            }
            let best = rates.map(|rates| rates.into_iter().fold(0.0, f64::max));
            let [memory, forwarded] = ratios.map(median);
            println!(
                "{command:>4}, {connections:>2} connections: Redis {:>9.0}; \
                 embedded store {:>9.0} ({memory:.2}); before Redis {:>9.0} ({forwarded:.2})",
                best[0], best[1], best[2]
            );
        }
    }
    let idle = number("--idle", 400);
    type Door = (
        &'static str,
        fn(&str) -> TcpStream,
        fn(&GatewayProcess) -> &str,
    );
    let doors: [Door; 2] = [
        ("WebSocket", idle_websocket, |server| &server.ws),
        ("TCP", idle_tcp, |server| &server.tcp.url),
    ];
    for (name, connect, url) in doors {
        // A gateway that has had other connections reuses their memory.
        let server = gateway("memory");
        drop(connect(url(&server)));
        let before = memory(&server.tcp);
        let connections: Vec<_> = (0..idle).map(|_| connect(url(&server))).collect();
        let grown = memory(&server.tcp) - before;
        let each = grown / 1024.0 / connections.len() as f64;
        println!("{name}: {each:.1} KiB for each of {idle} idle connections");
    }
}
