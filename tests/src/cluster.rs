//! A real Redis Cluster of processes, and what changes it: resharding and failover.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use swarm_keydb::{Client, Frame, Result};

/// How long a cluster may take to agree about a change.
const AGREE: Duration = Duration::from_secs(30);

/// How long a node must be silent before the others elect another one, in milliseconds.
const NODE_TIMEOUT: &str = "1000";

/// A Redis Cluster on free ports of this machine, stopped when dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

/// A `redis-server` in cluster mode.
#[derive(Debug)]
struct Node {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Cluster {
    /// Starts primaries with the slots shared evenly among them, and replicas. Returns `None` and
    /// prints a note if `redis-server` is not installed.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed although the environment sets `CI=true`, or if the nodes do
    /// not become a cluster.
    pub async fn start(primaries: usize, replicas: usize) -> Option<Self> {
        let mut cluster = Self { nodes: Vec::new() };
        for _ in 0..primaries + replicas {
            cluster.nodes.push(Node::start()?);
        }
        for (at, node) in cluster.nodes.iter().enumerate().take(primaries) {
            let (first, last) = (at * 16384 / primaries, (at + 1) * 16384 / primaries - 1);
            let range = [first.to_string(), last.to_string()];
            node.call("CLUSTER ADDSLOTSRANGE", &range)
                .await
                .expect("slots");
            node.call("CLUSTER SET-CONFIG-EPOCH", &[(at + 1).to_string()])
                .await
                .expect("an epoch");
        }
        for node in cluster.nodes.iter().skip(1) {
            node.meet(&cluster.nodes[0]).await;
        }
        cluster.agree().await;
        for at in 0..replicas {
            let primary = cluster.nodes[at % primaries].id().await;
            cluster.nodes[primaries + at].replicate(&primary).await;
        }
        cluster.agree().await;
        Some(cluster)
    }

    /// Returns a URL that names all nodes.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(Node::address).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// Returns the addresses of all nodes.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// Waits until every node that runs sees all slots served, every primary that has slots with
    /// its replicas connected, and no node that is in handshake.
    ///
    /// # Panics
    ///
    /// Panics if that takes too long.
    pub async fn agree(&self) {
        let begun = Instant::now();
        for node in &self.nodes {
            loop {
                let info = node.call("CLUSTER INFO", &[]).await;
                let nodes = node.call("CLUSTER NODES", &[]).await;
                let (info, nodes) = match (&info, &nodes) {
                    (Ok(info), Ok(nodes)) => (text(info), text(nodes)),
                    _ => (String::new(), String::new()),
                };
                let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
                let synced = node.call("INFO", &["replication".to_owned()]).await;
                let synced =
                    synced.is_ok_and(|info| !text(&info).contains("master_link_status:down"));
                if info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_ok:16384")
                    && info.contains(&known)
                    && !nodes.contains("handshake")
                    && synced
                {
                    break;
                }
                assert!(
                    begun.elapsed() < AGREE,
                    "the nodes do not agree: {info}\n{nodes}"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Moves slots from one node to another with all their keys, as `redis-cli --cluster reshard`
    /// does.
    ///
    /// # Errors
    ///
    /// If a node refuses.
    pub async fn reshard(
        &self,
        slots: impl Iterator<Item = u16>,
        from: &str,
        to: &str,
    ) -> Result<()> {
        let (source, target) = (self.node(from), self.node(to));
        let (source_id, target_id) = (source.id().await, target.id().await);
        let (source_client, target_client) = (source.client().await?, target.client().await?);
        for slot in slots {
            let slot = slot.to_string();
            target_client
                .raw("CLUSTER SETSLOT", [&slot, "IMPORTING", &source_id])
                .await?;
            source_client
                .raw("CLUSTER SETSLOT", [&slot, "MIGRATING", &target_id])
                .await?;
            loop {
                let keys = source_client
                    .raw("CLUSTER GETKEYSINSLOT", [&slot, "10"])
                    .await?;
                let keys: Vec<_> = keys
                    .items()
                    .into_iter()
                    .flatten()
                    .filter_map(|key| key.to_bytes())
                    .collect();
                if keys.is_empty() {
                    break;
                }
                let (host, port) = to.split_once(':').expect("an address");
                let mut args: Vec<Vec<u8>> = [host, port, "", "0", "5000", "KEYS"]
                    .map(|arg| arg.as_bytes().to_vec())
                    .into();
                args.extend(keys.iter().map(|key| key.to_vec()));
                source_client.raw("MIGRATE", args).await?;
            }
            target_client
                .raw("CLUSTER SETSLOT", [&slot, "NODE", &target_id])
                .await?;
            source_client
                .raw("CLUSTER SETSLOT", [&slot, "NODE", &target_id])
                .await?;
        }
        Ok(())
    }

    /// Makes a replica the primary, in agreement with its primary. Waits until it is.
    ///
    /// # Panics
    ///
    /// Panics if that does not happen.
    pub async fn fail_over(&self, replica: &str) {
        let node = self.node(replica);
        node.call("CLUSTER FAILOVER", &[]).await.expect("a replica");
        node.becomes("master").await;
    }

    /// Kills a node, and removes it from what [`agree`](Self::agree) waits for.
    pub fn kill(&mut self, address: &str) {
        self.nodes.retain(|node| node.address() != address);
    }

    /// Waits until a replica has become a primary by itself.
    ///
    /// # Panics
    ///
    /// Panics if that does not happen.
    pub async fn promoted(&self, replica: &str) {
        self.node(replica).becomes("master").await;
    }

    /// Adds an empty primary. Returns its address.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub async fn add(&mut self) -> String {
        let node = Node::start().expect("redis-server");
        node.meet(&self.nodes[0]).await;
        let address = node.address();
        self.nodes.push(node);
        self.agree().await;
        address
    }

    /// Makes all other nodes forget one that has no slots, and stops it.
    ///
    /// # Panics
    ///
    /// Panics if a node refuses.
    pub async fn remove(&mut self, address: &str) {
        let id = self.node(address).id().await;
        for node in self.nodes.iter().filter(|node| node.address() != address) {
            node.call("CLUSTER FORGET", std::slice::from_ref(&id))
                .await
                .expect("forgotten");
        }
        self.kill(address);
    }

    /// Returns the address of the replica of a primary.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    pub async fn replica_of(&self, primary: &str) -> String {
        let id = self.node(primary).id().await;
        let begun = Instant::now();
        loop {
            let nodes = self
                .node(primary)
                .call("CLUSTER NODES", &[])
                .await
                .expect("nodes");
            let nodes = text(&nodes);
            let replica = nodes
                .lines()
                .find(|line| line.contains(&format!("slave {id}")));
            if let Some(address) = replica.and_then(|line| line.split_whitespace().nth(1)) {
                return address.split('@').next().unwrap_or_default().to_owned();
            }
            assert!(begun.elapsed() < AGREE, "no replica: {nodes}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn node(&self, address: &str) -> &Node {
        let node = self.nodes.iter().find(|node| node.address() == address);
        node.expect("a node of the cluster")
    }
}

fn text(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.as_bytes().unwrap_or_default()).into_owned()
}

impl Node {
    fn start() -> Option<Self> {
        for _ in 0..50 {
            let port = free_port();
            let name = format!("swarm-cluster-{}-{port}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let spawned = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args([
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--cluster-enabled",
                    "yes",
                ])
                .args(["--cluster-node-timeout", NODE_TIMEOUT])
                .args(["--cluster-allow-replica-migration", "no"])
                .args(["--repl-diskless-sync-delay", "0"])
                .args(["--repl-ping-replica-period", "1"])
                .current_dir(&folder)
                .stdout(Stdio::piped())
                .spawn();
            let Ok(mut process) = spawned else {
                let ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!ci, "redis-server is missing; CI must install it");
                let _gone = std::fs::remove_dir_all(&folder);
                eprintln!(
                    "redis-server is missing: what needs a real Redis was left out \
                     (apt-get install redis-server)"
                );
                return None;
            };
            let is_ready = crate::redis::wait_until_ready(&mut process);
            let mut node = Self {
                process,
                port,
                folder,
            };
            if is_ready {
                return Some(node);
            }
            let _ended = node.process.wait();
        }
        panic!("redis-server does not start");
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn client(&self) -> Result<Client> {
        Client::connect(format!("redis://{}", self.address())).await
    }

    async fn call(&self, command: &'static str, args: &[String]) -> Result<Frame> {
        let client = self.client().await?;
        let reply = client.raw(command, args).await;
        client.close().await;
        reply
    }

    async fn id(&self) -> String {
        text(&self.call("CLUSTER MYID", &[]).await.expect("an identity"))
    }

    async fn meet(&self, other: &Self) {
        let args = ["127.0.0.1".to_owned(), other.port.to_string()];
        self.call("CLUSTER MEET", &args)
            .await
            .expect("a node to meet");
    }

    async fn replicate(&self, primary: &String) {
        let begun = Instant::now();
        while let Err(error) = self
            .call("CLUSTER REPLICATE", std::slice::from_ref(primary))
            .await
        {
            assert!(begun.elapsed() < AGREE, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn becomes(&self, role: &str) {
        let begun = Instant::now();
        loop {
            let is = self.call("INFO", &["replication".to_owned()]).await;
            if is.is_ok_and(|info| text(&info).contains(&format!("role:{role}"))) {
                return;
            }
            assert!(begun.elapsed() < AGREE, "the node does not become a {role}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// Returns a free port whose neighbor for the cluster's own connections, 10000 above, is free, too.
fn free_port() -> u16 {
    loop {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        // The system's ports are too high for a neighbor.
        let port = 10_000 + free.expect("a free port").port() % 20_000;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
