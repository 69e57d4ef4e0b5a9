//! The client beside its peers, against one redis-server over TCP, in one run. The floor is a raw socket loop with the
//! same window.
//!
//! Usage: `client [--threads N] [--only NAME]` (worker threads of the runtime; 0 is a runtime on the one thread).

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use cpu_time::ProcessTime;
use futures_util::future::join_all;
use rustis::commands::StringCommands as _;
use swarm_keydb::prelude::*;
use swarm_resp::{Decoder, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

/// A redis-server on a free port.
struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What everyone has to do: so many commands in so many tasks.
#[derive(Clone, Copy)]
struct Task {
    tasks: usize,
    commands: usize,
    value: usize,
}

struct Score {
    name: &'static str,
    /// Seconds per command, and seconds of this process's CPU per command.
    best: f64,
    cpu: f64,
}

fn measure(
    runtime: &Runtime,
    name: &'static str,
    task: Task,
    mut round: impl AsyncFnMut(Task),
) -> Score {
    let mut score = Score {
        name,
        best: f64::INFINITY,
        cpu: f64::INFINITY,
    };
    let only = std::env::args().skip_while(|arg| arg != "--only").nth(1);
    if let Some(only) = only {
        // One round of one contestant, for a profiler.
        if only == name {
            runtime.block_on(round(task));
        }
        return score;
    }
    runtime.block_on(round(task));
    let end = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < end {
        let (start, cpu) = (Instant::now(), ProcessTime::now());
        runtime.block_on(round(task));
        let count = (task.tasks * task.commands) as f64;
        score.best = score.best.min(start.elapsed().as_secs_f64() / count);
        score.cpu = score.cpu.min(cpu.elapsed().as_secs_f64() / count);
    }
    score
}

fn print(title: &str, scores: &[Score]) {
    println!("\n{title}");
    let floor = scores[0].best;
    for score in scores {
        println!(
            "  {:<14} {:>9.2} µs/command   {:>5.2} of the floor   {:>6.2} µs CPU",
            score.name,
            score.best * 1e6,
            floor / score.best,
            score.cpu * 1e6
        );
    }
}

/// Sends the same commands over a bare socket, as many on the way as there are tasks.
async fn raw(stream: Arc<Mutex<TcpStream>>, task: Task) {
    // As a task of the runtime, like everyone's connection.
    let work = async move { raw_loop(&mut *stream.lock().await, task).await };
    tokio::spawn(work).await.unwrap();
}

async fn raw_loop(stream: &mut TcpStream, task: Task) {
    let value = vec![b'x'; task.value];
    let set = Request::new("SET", ("key", value));
    let get = Request::new("GET", "key");
    let total = task.tasks * task.commands;
    let (mut sent, mut received) = (0, 0);
    let mut decoder = Decoder::new();
    let mut output = BytesMut::with_capacity(1 << 16);
    let mut input = BytesMut::with_capacity(1 << 16);
    while received < total {
        while sent < total && sent - received < task.tasks {
            let request = if sent % 2 == 0 && task.value < 4096 {
                &set
            } else {
                &get
            };
            output.extend_from_slice(request.encoded());
            sent += 1;
        }
        stream.write_all(&output).await.unwrap();
        output.clear();
        input.reserve(1 << 16);
        stream.read_buf(&mut input).await.unwrap();
        while let Some(frame) = decoder.decode(&mut input).unwrap() {
            std::hint::black_box(frame);
            received += 1;
        }
    }
    assert!(!input.has_remaining());
}

/// Spawns the tasks of a round, each running its share of commands.
async fn spawn<C, F>(clients: Vec<C>, work: impl Fn(C) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(work(client)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn main() {
    let threads: usize = std::env::args()
        .skip_while(|a| a != "--threads")
        .nth(1)
        .map_or(2, |n| n.parse().unwrap());
    let mut builder = if threads == 0 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    };
    let runtime = builder.enable_all().build().unwrap();
    let redis = Redis::start();
    let url = format!("redis://127.0.0.1:{}", redis.port);

    let stream = runtime
        .block_on(TcpStream::connect(("127.0.0.1", redis.port)))
        .unwrap();
    stream.set_nodelay(true).unwrap();
    let stream = Arc::new(Mutex::new(stream));
    let ours = runtime
        .block_on(swarm_keydb::Client::connect(url.as_str()))
        .unwrap();
    let redis_rs = runtime
        .block_on(async {
            redis::Client::open(url.as_str())
                .unwrap()
                .get_multiplexed_async_connection()
                .await
        })
        .unwrap();
    let rustis = runtime
        .block_on(rustis::client::Client::connect(url.as_str()))
        .unwrap();
    let fred = runtime.block_on(async {
        use fred::interfaces::ClientLike;
        let client = fred::clients::Client::new(
            fred::types::config::Config::from_url(&url).unwrap(),
            None,
            None,
            None,
        );
        client.init().await.unwrap();
        client
    });

    for (title, task) in [
        (
            "64 tasks share one connection, GET and SET of 64 B",
            Task {
                tasks: 64,
                commands: 500,
                value: 64,
            },
        ),
        (
            "One task, one command after another, 64 B",
            Task {
                tasks: 1,
                commands: 5000,
                value: 64,
            },
        ),
        (
            "GET of 1 MiB, one after another",
            Task {
                tasks: 1,
                commands: 50,
                value: 1 << 20,
            },
        ),
    ] {
        let value: Arc<[u8]> = vec![b'x'; task.value].into();
        runtime.block_on(async { ours.set("key", &*value).await.unwrap() });
        let large = task.value >= 4096;
        let mut scores = Vec::new();
        scores.push(measure(&runtime, "raw socket", task, async |task| {
            raw(stream.clone(), task).await
        }));
        scores.push(measure(&runtime, "swarm-keydb", task, async |task| {
            let clients = vec![(ours.clone(), value.clone()); task.tasks];
            spawn(clients, move |(client, value)| async move {
                for n in 0..task.commands {
                    if n % 2 == 0 && !large {
                        client.set("key", &*value).await.unwrap();
                    } else {
                        std::hint::black_box(client.get("key").await.unwrap());
                    }
                }
            })
            .await;
        }));
        scores.push(measure(&runtime, "rustis", task, async |task| {
            let clients = vec![(rustis.clone(), value.to_vec()); task.tasks];
            spawn(clients, move |(client, value)| async move {
                for n in 0..task.commands {
                    if n % 2 == 0 && !large {
                        client
                            .set("key", rustis::resp::BulkString::from(value.clone()))
                            .await
                            .unwrap();
                    } else {
                        let got: rustis::resp::BulkString = client.get("key").await.unwrap();
                        std::hint::black_box(got);
                    }
                }
            })
            .await;
        }));
        scores.push(measure(&runtime, "redis-rs", task, async |task| {
            use redis::AsyncCommands;
            let clients = vec![(redis_rs.clone(), value.clone()); task.tasks];
            spawn(clients, move |(mut client, value)| async move {
                for n in 0..task.commands {
                    if n % 2 == 0 && !large {
                        let () = client.set("key", &*value).await.unwrap();
                    } else {
                        let got: Option<Vec<u8>> = client.get("key").await.unwrap();
                        std::hint::black_box(got);
                    }
                }
            })
            .await;
        }));
        scores.push(measure(&runtime, "fred", task, async |task| {
            use fred::interfaces::KeysInterface;
            let clients = vec![(fred.clone(), bytes::Bytes::from_owner(value.clone())); task.tasks];
            spawn(clients, move |(client, value)| async move {
                for n in 0..task.commands {
                    if n % 2 == 0 && !large {
                        let () = client
                            .set("key", value.clone(), None, None, false)
                            .await
                            .unwrap();
                    } else {
                        let got: Option<bytes::Bytes> = client.get("key").await.unwrap();
                        std::hint::black_box(got);
                    }
                }
            })
            .await;
        }));
        print(title, &scores);
    }

    let task = Task {
        tasks: 1000,
        commands: 1,
        value: 64,
    };
    let mut scores = Vec::new();
    scores.push(measure(&runtime, "raw socket", task, async |task| {
        raw(stream.clone(), task).await
    }));
    scores.push(measure(&runtime, "swarm-keydb", task, async |task| {
        std::hint::black_box(join_all((0..task.tasks).map(|_| ours.get("key"))).await);
    }));
    scores.push(measure(&runtime, "redis-rs", task, async |task| {
        let mut pipe = redis::pipe();
        for _ in 0..task.tasks {
            pipe.get("key");
        }
        let got: Vec<Option<Vec<u8>>> = pipe.query_async(&mut redis_rs.clone()).await.unwrap();
        std::hint::black_box(got);
    }));
    scores.push(measure(&runtime, "rustis", task, async |task| {
        use rustis::client::BatchPreparedCommand;
        let mut pipe = rustis.create_pipeline();
        for _ in 0..task.tasks {
            pipe.get::<rustis::resp::BulkString>("key").queue();
        }
        let got: Vec<rustis::resp::BulkString> = pipe.execute().await.unwrap();
        std::hint::black_box(got);
    }));
    print("1,000 commands at once", &scores);
}
