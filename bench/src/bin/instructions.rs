//! Instructions of the client per command, counted by callgrind: to compare two versions of the
//! code, run it in each. Requires valgrind.
//!
//! The server is a task of the same thread that answers at once, and its instructions are counted
//! too. Each shape runs with two numbers of commands; the difference leaves out what the start
//! takes. Also fails if the client opens a second connection.
//!
//! Usage: `instructions [--shape TEXT]`.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use swarm_keydb::{Client, ClientOptions, Frame, Request, ServerKind};
use swarm_transport::{BoxTransport, memory};

/// Argument that makes this program the one that is counted: a server, a shape, and a number of
/// commands follow.
const COUNTED: &str = "--counted";

const FEW: u64 = 2_000;
const MANY: u64 = 22_000;

const SERVERS: [(&str, ServerKind); 2] = [
    ("Redis", ServerKind::Redis),
    ("SwarmKeyDb", ServerKind::SwarmKeyDb),
];

#[derive(Clone, Copy)]
enum Shape {
    Get,
    Set,
    Tasks,
    Pipelines,
}

const TASKS: u64 = 64;
const PIPELINE: u64 = 100;

const SHAPES: [(&str, Shape); 4] = [
    ("GET, one after another", Shape::Get),
    ("SET, one after another", Shape::Set),
    ("64 tasks, GET and SET", Shape::Tasks),
    ("pipelines of 100 GET", Shape::Pipelines),
];

const VALUE: &str = "0123456789abcdef";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().collect();
    if let [_, flag, server, shape, commands] = args.as_slice()
        && flag == COUNTED
    {
        run(server, shape, commands.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let chosen = match args.as_slice() {
        [_, flag, text] if flag == "--shape" => text,
        _ => "",
    };
    println!(
        "{:<12} {:<26} {:>12} {:>11}",
        "server", "shape", "instructions", "connections"
    );
    let mut code = ExitCode::SUCCESS;
    for (server, _) in SERVERS {
        for (shape, _) in SHAPES.iter().filter(|(name, _)| name.contains(chosen)) {
            let [few, many] = [FEW, MANY].map(|commands| count(server, shape, commands));
            let each = (many.0 - few.0) as f64 / (MANY - FEW) as f64;
            let connections = few.1.max(many.1);
            let verdict = if connections == 1 { "" } else { "  FAIL" };
            println!("{server:<12} {shape:<26} {each:>12.1} {connections:>11}{verdict}");
            if connections != 1 {
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Returns the instructions of this program with the given arguments, and the number of connections
/// that the client has opened.
fn count(server: &str, shape: &str, commands: u64) -> (u64, u64) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([COUNTED, server, shape, &commands.to_string()])
        // Callgrind counts each step of `rep movsb`.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1000000000",
        )
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .unwrap()
        .1;
    let connections = String::from_utf8_lossy(&output.stdout);
    let number = |text: &str| text.trim().parse().unwrap();
    (number(collected), number(&connections))
}

fn found<T: Copy>(list: &[(&str, T)], name: &str) -> T {
    list.iter().find(|(known, _)| *known == name).unwrap().1
}

fn run(server: &str, shape: &str, commands: u64) {
    let (server, shape) = (found(&SERVERS, server), found(&SHAPES, shape));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let dials = Arc::new(AtomicUsize::new(0));
    let connect = {
        let dials = dials.clone();
        move || {
            dials.fetch_add(1, Ordering::Relaxed);
            async {
                let (transport, peer) = memory::pair();
                tokio::spawn(peer.serve(answer));
                Ok(Box::new(transport) as BoxTransport)
            }
        }
    };
    runtime.block_on(async {
        let options = ClientOptions::default().server(server);
        let client = Client::connect_with(connect, options).await.unwrap();
        work(&client, shape, commands).await;
    });
    println!("{}", dials.load(Ordering::Relaxed));
}

fn answer(request: &Request) -> Frame {
    match request.name() {
        b"GET" => Frame::bulk(VALUE),
        b"SET" => Frame::simple("OK"),
        // With a nonce, the client checks now and then that replies still match requests.
        b"PING" | b"ECHO" => match request.args().nth(1) {
            Some(nonce) => Frame::bulk(nonce.to_vec()),
            None => Frame::error("ERR wrong number of arguments"),
        },
        _ => Frame::error("ERR unknown command"),
    }
}

async fn work(client: &Client, shape: Shape, commands: u64) {
    match shape {
        Shape::Get => {
            for _ in 0..commands {
                client.get("key").await.unwrap().unwrap();
            }
        }
        Shape::Set => {
            for _ in 0..commands {
                client.set("key", VALUE).await.unwrap();
            }
        }
        Shape::Tasks => {
            let tasks = (0..TASKS).map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    let key = format!("key:{task}");
                    for count in 0..commands / TASKS {
                        if count % 2 == 0 {
                            client.set(&key, VALUE).await.unwrap();
                        } else {
                            client.get(&key).await.unwrap().unwrap();
                        }
                    }
                })
            });
            for task in join_all(tasks).await {
                task.unwrap();
            }
        }
        Shape::Pipelines => {
            for _ in 0..commands / PIPELINE {
                let pipeline = client.pipeline();
                let handles: Vec<_> = (0..PIPELINE).map(|_| pipeline.get("key")).collect();
                for got in pipeline.send(handles).await {
                    got.unwrap().unwrap();
                }
            }
        }
    }
}
