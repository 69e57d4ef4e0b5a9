//! Every kind of server that a client may encounter, for suites that run on all of them.

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions, ProtocolVersion, blocking};

use crate::{Redis, dialects, within};

/// Returns the URL of one of a gateway's listeners.
type Url = fn(&Gateway) -> &str;

/// A server and the options to connect to it.
#[derive(Debug)]
pub struct Target {
    /// Name for test failures.
    pub name: String,
    /// Options to connect with.
    pub options: ClientOptions,
    /// Stopped together with the target.
    gateway: Option<Gateway>,
    _redis: Option<Redis>,
}

impl Target {
    /// Connects a client.
    ///
    /// # Panics
    ///
    /// Panics if the server is unreachable.
    pub async fn connect(&self) -> Client {
        let client = within(Client::connect(self.options.clone())).await;
        client.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Connects a blocking client.
    ///
    /// # Panics
    ///
    /// Panics if the server is unreachable.
    pub async fn connect_blocking(&self) -> blocking::Client {
        let options = self.options.clone();
        // On a separate thread, because the server may be a task of this one.
        let connect = tokio::task::spawn_blocking(|| blocking::Client::connect(options));
        let client = within(connect).await.expect("it does not panic");
        client.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Returns whether counters, transactions, and watches are atomic across connections. They are
    /// not on the deployed server.
    pub fn is_atomic(&self) -> bool {
        !self.name.contains("upstream")
    }

    /// Returns whether the server is reached over HTTP, which has no sessions.
    pub fn is_http(&self) -> bool {
        self.name.starts_with("http")
    }

    /// Returns the gateway, if the target is one.
    pub const fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }
}

/// Returns a target for WebSocket in every dialect, HTTP, TCP, and a real Redis, if installed, with
/// both protocols, and for each listener in front of a real Redis. Each has its own empty store.
pub async fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    for (name, dialect) in dialects() {
        let gateway = crate::gateway(dialect).await;
        let options = ClientOptions::new(gateway.ws_url());
        let name = format!("ws {name}");
        targets.push(Target {
            name,
            options,
            gateway: Some(gateway),
            _redis: None,
        });
    }
    for (name, dialect) in [
        ("http", Dialect::STANDARD),
        ("http upstream", crate::UPSTREAM),
    ] {
        let gateway = crate::gateway(dialect).await;
        let options = ClientOptions::new(gateway.http_url());
        targets.push(Target {
            name: name.to_owned(),
            options,
            gateway: Some(gateway),
            _redis: None,
        });
    }
    for protocol in [ProtocolVersion::Auto, ProtocolVersion::Resp2] {
        let gateway = crate::gateway(Dialect::STANDARD).await;
        let options = ClientOptions::new(gateway.tcp_url()).protocol(protocol);
        let name = format!("tcp {protocol:?}");
        targets.push(Target {
            name,
            options,
            gateway: Some(gateway),
            _redis: None,
        });
        if let Some(redis) = Redis::start() {
            let options = ClientOptions::new(redis.url()).protocol(protocol);
            let name = format!("redis {protocol:?}");
            targets.push(Target {
                name,
                options,
                gateway: None,
                _redis: Some(redis),
            });
        }
    }
    targets.extend(in_front_of_redis().await);
    targets
}

/// Returns each listener of a gateway in front of a real Redis, if installed.
async fn in_front_of_redis() -> Vec<Target> {
    let transports: [(&str, Url); 3] = [
        ("ws", Gateway::ws_url),
        ("http", Gateway::http_url),
        ("tcp", Gateway::tcp_url),
    ];
    let mut targets = Vec::new();
    for (transport, url) in transports {
        let Some(redis) = Redis::start() else { break };
        let builder = Gateway::builder().redis(redis.url());
        let gateway = within(builder.start()).await.expect("the Redis is there");
        targets.push(Target {
            name: format!("{transport} in front of redis"),
            options: ClientOptions::new(url(&gateway)),
            gateway: Some(gateway),
            _redis: Some(redis),
        });
    }
    targets
}
