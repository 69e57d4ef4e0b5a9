//! A real primary with replicas and sentinels, and what changes it: failovers and kills.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, Frame, Result};
use tokio::time::sleep;

use crate::Redis;

/// The name that the sentinels know the primary by.
pub const PRIMARY: &str = "mymaster";

/// How long sentinels may take to agree about a change.
const AGREE: Duration = Duration::from_secs(30);

/// Pause between two looks at the servers, which announce nothing.
const LOOK: Duration = Duration::from_millis(20);

/// How long a sentinel takes to choose a replica, and to make it the primary.
const ATTEMPT: Duration = Duration::from_millis(500);

/// Options of the servers: replicas get the store at once.
const SERVER: &[&str] = &["--repl-diskless-sync-delay", "0"];

/// A primary with replicas and three sentinels on free ports of this machine, stopped when dropped.
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
    password: Option<&'static str>,
}

impl Sentinels {
    /// Starts a primary with replicas, and three sentinels. Returns `None` and prints a note if
    /// `redis-server` is not installed.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed although the environment sets `CI=true`, or if they do not
    /// find each other.
    pub async fn start(replicas: usize) -> Option<Self> {
        Self::start_with(replicas, 3, None).await
    }

    /// Starts a primary with replicas, and sentinels, which ask for a password of their own if one
    /// is given.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(
        replicas: usize,
        sentinels: usize,
        password: Option<&'static str>,
    ) -> Option<Self> {
        let mut trio = Self {
            servers: vec![Redis::start_with(SERVER)?],
            sentinels: Vec::new(),
            password,
        };
        let primary = trio.servers[0].address();
        for _ in 0..replicas {
            let of = replica_of(&primary);
            let options: Vec<_> = SERVER.iter().copied().chain(of.split(' ')).collect();
            trio.servers.push(Redis::start_with(&options)?);
        }
        trio.replicated().await;
        // They look for replicas only now and then.
        let quorum = sentinels / 2 + 1;
        for _ in 0..sentinels {
            let sentinel = Redis::start_sentinel(&monitoring(&primary, quorum, password))?;
            trio.sentinels.push(sentinel);
        }
        trio.agree().await;
        Some(trio)
    }

    /// Returns a URL that names all sentinels.
    pub fn url(&self) -> String {
        let all: Vec<_> = (0..self.sentinels.len()).collect();
        self.url_of(&all)
    }

    /// Returns a URL that names some of the sentinels.
    pub fn url_of(&self, sentinels: &[usize]) -> String {
        let addresses: Vec<_> = sentinels
            .iter()
            .map(|at| self.sentinels[*at].address())
            .collect();
        let mut url = format!("redis+sentinel://{}/{PRIMARY}", addresses.join(","));
        if let Some(password) = self.password {
            write!(url, "?sentinel_password={password}").expect("a string");
        }
        url
    }

    /// Returns the URLs of the servers.
    pub fn servers(&self) -> Vec<String> {
        self.servers.iter().map(Redis::url).collect()
    }

    /// Returns the position of the server that a sentinel names the primary.
    pub async fn primary(&self) -> usize {
        let sentinel = self.sentinels.last().expect("a sentinel");
        self.named_by(sentinel).await.expect("a known server")
    }

    async fn named_by(&self, sentinel: &Redis) -> Option<usize> {
        let command = "SENTINEL GET-MASTER-ADDR-BY-NAME";
        let reply = self.ask(sentinel, command, &[PRIMARY]).await.ok()?;
        let port: u16 = reply.items()?.nth(1)?.as_str()?.parse().ok()?;
        self.servers.iter().position(|server| server.port() == port)
    }

    /// Makes the sentinels name another primary, although the present one works. Returns once all
    /// have done so.
    ///
    /// # Panics
    ///
    /// Panics if they do not.
    pub async fn fail_over(&self) {
        let previous = self.primary().await;
        let sentinel = self.sentinels.last().expect("a sentinel");
        let begun = Instant::now();
        // A sentinel gives up if what it knows about the replicas is old.
        while self.named_by(sentinel).await == Some(previous) {
            let _busy = self.ask(sentinel, "SENTINEL FAILOVER", &[PRIMARY]).await;
            assert!(begun.elapsed() < AGREE, "no failover");
            sleep(ATTEMPT).await;
        }
        self.switched(previous).await;
    }

    /// Kills the primary with SIGKILL. Returns its position, once the sentinels name another one.
    ///
    /// # Panics
    ///
    /// Panics if they do not.
    pub async fn kill(&mut self) -> usize {
        let primary = self.primary().await;
        self.servers[primary].kill();
        self.switched(primary).await;
        primary
    }

    /// Kills a primary without replicas.
    pub fn kill_without_replicas(&mut self) {
        self.servers[0].kill();
    }

    /// Starts a server that was killed again, as a replica with an empty store.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub async fn revive(&mut self, server: usize) {
        let primary = self.servers[self.primary().await].address();
        let of = replica_of(&primary);
        let options: Vec<_> = SERVER.iter().copied().chain(of.split(' ')).collect();
        self.servers[server].restart_with(&options);
    }

    /// Kills a sentinel, which never starts again.
    pub fn kill_sentinel(&mut self, sentinel: usize) {
        drop(self.sentinels.remove(sentinel));
    }

    async fn switched(&self, previous: usize) {
        let begun = Instant::now();
        for sentinel in &self.sentinels {
            while [None, Some(previous)].contains(&self.named_by(sentinel).await) {
                assert!(
                    begun.elapsed() < AGREE,
                    "the sentinels name no other primary"
                );
                sleep(LOOK).await;
            }
        }
    }

    /// Waits until the sentinels agree on the primary, know all of its replicas and each other, and
    /// all replicas have its data.
    ///
    /// # Panics
    ///
    /// Panics if that takes too long.
    pub async fn agree(&self) {
        self.replicated().await;
        let begun = Instant::now();
        let replicas = (self.servers.len() - 1).to_string();
        for sentinel in &self.sentinels {
            loop {
                let state = self.ask(sentinel, "SENTINEL MASTER", &[PRIMARY]).await;
                let state = state.ok();
                let field = |name| state.as_ref().and_then(|state| field(state, name));
                let others: usize = field("num-other-sentinels").map_or(0, |n| n.parse().unwrap());
                if field("flags").as_deref() == Some("master")
                    && field("num-slaves").as_ref() == Some(&replicas)
                    && others + 1 >= self.sentinels.len()
                    && self.has_replicas(sentinel).await
                {
                    break;
                }
                assert!(
                    begun.elapsed() < AGREE,
                    "the sentinels do not agree: {state:?}"
                );
                sleep(LOOK).await;
            }
        }
    }

    /// Whether a sentinel reaches all replicas.
    async fn has_replicas(&self, sentinel: &Redis) -> bool {
        let replicas = self.ask(sentinel, "SENTINEL REPLICAS", &[PRIMARY]).await;
        replicas.is_ok_and(|replicas| {
            let mut replicas = replicas.items().into_iter().flatten();
            replicas.all(|replica| field(&replica.to_frame(), "flags").as_deref() == Some("slave"))
        })
    }

    /// Waits until all servers but one are replicas of that one, and have its data.
    async fn replicated(&self) {
        let begun = Instant::now();
        let online = format!("connected_slaves:{}\r", self.servers.len() - 1);
        loop {
            let mut states = Vec::new();
            for server in &self.servers {
                let info = call(&server.url(), "INFO", &["replication"]).await;
                states.push(info.map_or_else(|error| error.to_string(), |info| text(&info)));
            }
            let is_primary = |state: &&String| state.contains("role:master");
            let is_synced = |state: &&String| state.contains("master_link_status:up");
            let primary = states.iter().find(is_primary);
            let waits = primary.is_none_or(|state| {
                !state.contains(&online)
                    || state.matches("state=online").count() < self.servers.len() - 1
            });
            if !waits
                && states.iter().filter(is_primary).count() == 1
                && states.iter().filter(is_synced).count() == self.servers.len() - 1
            {
                return;
            }
            assert!(
                begun.elapsed() < AGREE,
                "the replicas are not synced: {states:?}"
            );
            sleep(LOOK).await;
        }
    }

    async fn ask(&self, sentinel: &Redis, command: &'static str, args: &[&str]) -> Result<Frame> {
        let mut options = ClientOptions::new(sentinel.url());
        if let Some(password) = self.password {
            options = options.password(password);
        }
        call_with(options, command, args).await
    }
}

/// Returns the options of a replica.
fn replica_of(primary: &str) -> String {
    let (host, port) = primary.split_once(':').expect("an address");
    format!("--replicaof {host} {port}")
}

/// Returns the configuration of a sentinel.
pub(crate) fn monitoring(primary: &str, quorum: usize, password: Option<&str>) -> String {
    let address = primary.replace(':', " ");
    let mut lines = format!(
        "sentinel monitor {PRIMARY} {address} {quorum}\n\
         sentinel down-after-milliseconds {PRIMARY} 500\n\
         sentinel failover-timeout {PRIMARY} 5000\n"
    );
    if let Some(password) = password {
        write!(
            lines,
            "requirepass {password}\nsentinel sentinel-pass {password}\n"
        )
        .expect("a string");
    }
    lines
}

async fn call(url: &str, command: &'static str, args: &[&str]) -> Result<Frame> {
    call_with(ClientOptions::new(url), command, args).await
}

async fn call_with(options: ClientOptions, command: &'static str, args: &[&str]) -> Result<Frame> {
    let client = Client::connect(options).await?;
    let reply = client.raw(command, args).await;
    client.close().await;
    reply
}

/// Returns the value of a field of a map, or of a flat array.
fn field(of: &Frame, name: &str) -> Option<String> {
    let is_named = |field: &swarm_keydb::FrameRef<'_>| field.as_str() == Some(name);
    if let Some(mut pairs) = of.pairs() {
        return Some(
            pairs
                .find(|(field, _)| is_named(field))?
                .1
                .as_str()?
                .to_owned(),
        );
    }
    let mut items = of.items()?;
    items.find(is_named)?;
    Some(items.next()?.as_str()?.to_owned())
}

fn text(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.as_bytes().unwrap_or_default()).into_owned()
}
