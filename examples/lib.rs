//! Shared by the examples: the server to connect to, either from the environment or embedded.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use swarm_gateway::{Builder, Clock, Gateway, blocking};
use swarm_keydb::{Client, ClientOptions};

/// Variables that name a server, in order of precedence.
const URLS: [&str; 3] = [
    "SWARM_KEYDB_WS_URL",
    "SWARM_KEYDB_TCP_URL",
    "SWARM_KEYDB_HTTP_URL",
];

/// The server that an example talks to. An embedded gateway stops when this is dropped.
pub struct Server {
    options: ClientOptions,
    /// Describes the server to the reader.
    place: String,
    /// The server's RESP over TCP, if known.
    tcp_url: Option<String>,
    embedded: Option<blocking::Gateway>,
    /// Clock of the embedded gateway.
    clock: Clock,
}

impl Server {
    /// Uses the first of `SWARM_KEYDB_WS_URL`, `_TCP_URL` and `_HTTP_URL`, with the password in
    /// `SWARM_KEYDB_PASSWORD`. Without any of them, starts an embedded gateway on a free port.
    ///
    /// # Errors
    ///
    /// If a variable is not UTF-8, or the embedded gateway cannot start.
    pub fn from_env() -> Result<Self> {
        Self::new(Clock::system())
    }

    /// Like [`from_env`](Self::from_env), but the clock of the embedded gateway only moves when
    /// [`pass`](Self::pass) is called.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn with_manual_clock() -> Result<Self> {
        Self::new(Clock::manual())
    }

    fn new(clock: Clock) -> Result<Self> {
        for name in URLS {
            if let Some(url) = variable(name)? {
                return Self::given(name, url);
            }
        }
        // Runs on its own thread, so blocking examples can use it too.
        let gateway = blocking::start(Gateway::builder().clock(clock.clone()))?;
        Ok(Self {
            options: ClientOptions::new(gateway.ws_url()),
            place: format!("an embedded gateway at {}", gateway.ws_url()),
            tcp_url: Some(gateway.tcp_url().to_owned()),
            embedded: Some(gateway),
            clock,
        })
    }

    fn given(name: &str, url: String) -> Result<Self> {
        let mut options = ClientOptions::new(&url);
        if let Some(password) = variable("SWARM_KEYDB_PASSWORD")? {
            options = options.password(password);
        }
        if let Some(stand_in) = variable("SWARM_KEYDB_HTTP_URL")? {
            options = options.http_url(stand_in);
        }
        let tcp_url = variable("SWARM_KEYDB_TCP_URL")?;
        Ok(Self {
            options,
            place: format!("the server that {name} names"),
            tcp_url: tcp_url.or_else(|| url.starts_with("redis://").then_some(url)),
            embedded: None,
            clock: Clock::system(),
        })
    }

    /// Returns the options to connect with.
    pub fn options(&self) -> ClientOptions {
        self.options.clone()
    }

    /// Describes the server, without its password.
    pub fn describe(&self) -> &str {
        &self.place
    }

    /// Returns whether the server isolates connections from each other, so that WATCH detects every
    /// conflict: the embedded gateway, Redis, Valkey and KeyDB do, SwarmKeyDb does not.
    ///
    /// # Errors
    ///
    /// If `HELLO` fails.
    pub async fn isolates_connections(&self, client: &Client) -> Result<bool> {
        Ok(self.embedded.is_some() || client.hello().await?.server != "swarmkeydb")
    }

    /// Advances the clock of the embedded gateway, or waits that long if the server is not
    /// embedded.
    pub async fn pass(&self, time: Duration) {
        if self.embedded.is_some() {
            self.clock.advance(time);
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// Returns a gateway that fronts the server, for examples that stop one. The data outlives the
    /// gateway.
    ///
    /// # Errors
    ///
    /// If the server's RESP over TCP is not known.
    pub fn gateway_in_front(&self) -> Result<Builder> {
        let Some(url) = &self.tcp_url else {
            bail!(
                "this example starts and stops a gateway in front of the server; \
                 set SWARM_KEYDB_TCP_URL as well"
            );
        };
        Ok(Gateway::builder().redis(url))
    }
}

fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).with_context(|| name.to_owned()),
    }
}

/// Returns the address in a gateway's URL, to start another gateway there.
pub fn address(url: &str) -> &str {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    address.trim_end_matches('/')
}
