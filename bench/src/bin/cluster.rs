//! Clients of a Redis Cluster in turn: commands per second, and CPU time per command.
//!
//! 64 tasks share a client of one cluster of three primaries. Each sets and gets values of 64 bytes
//! under keys of all slots.

use std::hint::black_box;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cpu_time::ProcessTime;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::config::{Config, ServerConfig};
use redis::AsyncCommands;
use redis::cluster_async::ClusterConnection;

const NODES: u16 = 3;
const TASKS: usize = 64;
const KEYS: usize = 3_000;

/// Commands per task and round.
const COMMANDS: usize = 60;

const VALUE: &[u8] = &[b'x'; 64];

/// A client that tasks share by cloning it.
trait Contestant: Clone + Send + Sync + 'static {
    fn set(&self, key: &str) -> impl Future<Output = ()> + Send;
    fn get(&self, key: &str) -> impl Future<Output = ()> + Send;
}

impl Contestant for swarm_keydb::cluster::Client {
    async fn set(&self, key: &str) {
        Self::set(self, key, VALUE).await.unwrap();
    }

    async fn get(&self, key: &str) {
        assert!(black_box(Self::get(self, key).await.unwrap()).is_some());
    }
}

impl Contestant for ClusterConnection {
    async fn set(&self, key: &str) {
        let () = AsyncCommands::set(&mut self.clone(), key, VALUE)
            .await
            .unwrap();
    }

    async fn get(&self, key: &str) {
        let got: Vec<u8> = AsyncCommands::get(&mut self.clone(), key).await.unwrap();
        assert_eq!(black_box(got).len(), VALUE.len());
    }
}

impl Contestant for fred::clients::Client {
    async fn set(&self, key: &str) {
        let value = Bytes::from_static(VALUE);
        let () = KeysInterface::set(self, key, value, None, None, false)
            .await
            .unwrap();
    }

    async fn get(&self, key: &str) {
        let got: Bytes = KeysInterface::get(self, key).await.unwrap();
        assert_eq!(black_box(got).len(), VALUE.len());
    }
}

/// One round: each task sets and gets in turn.
async fn round<C: Contestant>(client: &C, keys: &Arc<Vec<String>>) {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (client, keys) = (client.clone(), Arc::clone(keys));
            tokio::spawn(async move {
                for n in 0..COMMANDS {
                    let key = &keys[(task * COMMANDS + n) % KEYS];
                    match n % 2 {
                        0 => client.set(key).await,
                        _ => client.get(key).await,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A contestant, and seconds of time and of CPU time per command in each round.
struct Entry<'a> {
    name: &'static str,
    work: Box<dyn Fn() + 'a>,
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

fn option(name: &str) -> Option<String> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)
}

fn main() {
    let threads = option("--threads").map_or(2, |n| n.parse().unwrap());
    let seconds = option("--seconds").map_or(20, |n| n.parse().unwrap());
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 0 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::start());
    let keys: Arc<Vec<_>> = Arc::new((0..KEYS).map(|n| format!("key:{n}")).collect());
    let ours = runtime.block_on(cluster.ours());
    runtime.block_on(async {
        for key in keys.iter() {
            ours.set(key, VALUE).await.unwrap();
        }
    });
    let redis_rs = runtime.block_on(cluster.redis_rs());
    let fred = runtime.block_on(cluster.fred());
    let entry = |name, work: Box<dyn Fn()>| Entry {
        name,
        work,
        wall: Vec::new(),
        cpu: Vec::new(),
    };
    let mut entries = Vec::new();
    {
        let (runtime, keys) = (&runtime, &keys);
        entries.push(entry("swarm-keydb", {
            Box::new(move || runtime.block_on(round(&ours, keys)))
        }));
        entries.push(entry("redis-rs", {
            Box::new(move || runtime.block_on(round(&redis_rs, keys)))
        }));
        entries.push(entry("fred", {
            Box::new(move || runtime.block_on(round(&fred, keys)))
        }));
    }
    if let Some(name) = option("--only") {
        entries.retain(|entry| entry.name == name);
    }
    run(&mut entries, Duration::from_secs(seconds));
    print(&entries);
}

/// Runs the contestants in turn, in an order that is shuffled each time.
fn run(entries: &mut [Entry<'_>], time: Duration) {
    entries.iter().for_each(|entry| (entry.work)());
    let end = Instant::now() + time;
    let mut order: Vec<_> = (0..entries.len()).collect();
    while Instant::now() < end {
        fastrand::shuffle(&mut order);
        for &at in &order {
            let entry = &mut entries[at];
            let (wall, cpu) = (Instant::now(), ProcessTime::now());
            (entry.work)();
            let commands = (TASKS * COMMANDS) as f64;
            entry.wall.push(wall.elapsed().as_secs_f64() / commands);
            entry.cpu.push(cpu.elapsed().as_secs_f64() / commands);
        }
    }
}

fn print(entries: &[Entry<'_>]) {
    let Some(ours) = entries.first() else {
        return;
    };
    println!(
        "{} rounds of {TASKS} tasks, GET and SET of 64 B",
        ours.wall.len()
    );
    println!(
        "  {:<12} {:>9} {:>9} {:>9} {:>12} {:>12}",
        "", "kops/s", "best µs", "CPU µs", "time, ratio", "CPU, ratio"
    );
    for entry in entries {
        // Pairs rounds of the same turn.
        let ratio = |ours: &[f64], theirs: &[f64]| {
            median(ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours))
        };
        println!(
            "  {:<12} {:>9.0} {:>9.2} {:>9.2} {:>12.2} {:>12.2}",
            entry.name,
            1e-3 / median(entry.wall.iter().copied()),
            entry.wall.iter().copied().fold(f64::INFINITY, f64::min) * 1e6,
            median(entry.cpu.iter().copied()) * 1e6,
            ratio(&ours.wall, &entry.wall),
            ratio(&ours.cpu, &entry.cpu),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Three primaries that share the slots.
struct Cluster(Vec<Node>);

struct Node {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    async fn start() -> Self {
        let nodes: Vec<_> = (0..NODES).map(|_| Node::start()).collect();
        let cluster = Self(nodes);
        for (at, node) in (0_u32..).zip(&cluster.0) {
            let slots = |at: u32| at * 16384 / u32::from(NODES);
            let range = [slots(at).to_string(), (slots(at + 1) - 1).to_string()];
            let client = node.client().await;
            client.raw("CLUSTER ADDSLOTSRANGE", range).await.unwrap();
            let epoch = (at + 1).to_string();
            client.raw("CLUSTER SET-CONFIG-EPOCH", epoch).await.unwrap();
            let other = ["127.0.0.1".to_owned(), cluster.0[0].port.to_string()];
            client.raw("CLUSTER MEET", other).await.unwrap();
        }
        for node in &cluster.0 {
            let client = node.client().await;
            loop {
                let info = client.raw("CLUSTER INFO", ()).await.unwrap();
                let info = String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned();
                let known = format!("cluster_known_nodes:{NODES}\r");
                if info.contains("cluster_state:ok") && info.contains(&known) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        cluster
    }

    fn addresses(&self) -> Vec<String> {
        let ports = self.0.iter().map(|node| node.port);
        ports.map(|port| format!("127.0.0.1:{port}")).collect()
    }

    async fn ours(&self) -> swarm_keydb::cluster::Client {
        let url = format!("redis+cluster://{}", self.addresses().join(","));
        swarm_keydb::cluster::Client::connect(url).await.unwrap()
    }

    async fn redis_rs(&self) -> ClusterConnection {
        let urls = self.addresses().into_iter();
        let urls: Vec<_> = urls.map(|address| format!("redis://{address}")).collect();
        let client = redis::cluster::ClusterClient::new(urls).unwrap();
        client.get_async_connection().await.unwrap()
    }

    async fn fred(&self) -> fred::clients::Client {
        let hosts = self.0.iter().map(|node| ("127.0.0.1", node.port));
        let config = Config {
            server: ServerConfig::new_clustered(hosts.collect()),
            ..Config::default()
        };
        let client = fred::clients::Client::new(config, None, None, None);
        client.init().await.unwrap();
        client
    }
}

impl Node {
    fn start() -> Self {
        let port = free_port();
        let name = format!("swarm-bench-cluster-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let arguments = format!("--port {port} --save  --appendonly no --cluster-enabled yes");
        let process = Command::new("redis-server")
            .args(arguments.split(' '))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            process,
            folder,
            port,
        }
    }

    async fn client(&self) -> swarm_keydb::Client {
        let url = format!("redis://127.0.0.1:{}", self.port);
        swarm_keydb::Client::connect(url).await.unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Returns a free port whose neighbor for the cluster's own connections, 10000 above, is free, too.
fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..30_000);
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
