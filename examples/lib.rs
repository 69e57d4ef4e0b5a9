//! What the examples share: a server to talk to, given by the environment or embedded.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use swarm_gateway::{Builder, Clock, Gateway, blocking};
use swarm_keydb::Options;

/// The variables that name a server, the first to be looked at first.
const URLS: [&str; 3] = [
    "SWARM_KEYDB_WS_URL",
    "SWARM_KEYDB_TCP_URL",
    "SWARM_KEYDB_HTTP_URL",
];

/// The server that an example talks to. An embedded one stops when this is dropped.
pub struct Server {
    options: Options,
    /// Where the server is, in words.
    place: String,
    /// Where it speaks RESP over TCP, if that is known.
    tcp_url: Option<String>,
    embedded: Option<blocking::Gateway>,
    /// What the embedded gateway goes by.
    clock: Clock,
}

impl Server {
    /// The server that the first of `SWARM_KEYDB_WS_URL`, `_TCP_URL` and `_HTTP_URL` names, with the password of
    /// `SWARM_KEYDB_PASSWORD`; or an embedded gateway on a free port.
    ///
    /// # Errors
    ///
    /// When a variable is not UTF-8, or the embedded gateway cannot start.
    pub fn from_env() -> Result<Self> {
        Self::new(Clock::system())
    }

    /// As [`from_env`](Self::from_env), with an embedded gateway for which time stands still until it [passes](Self::pass).
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
        // On a thread of its own, so that it is there for blocking examples, too.
        let gateway = blocking::start(Gateway::builder().clock(clock.clone()))?;
        Ok(Self {
            options: Options::new(gateway.ws_url()),
            place: format!("an embedded gateway at {}", gateway.ws_url()),
            tcp_url: Some(gateway.tcp_url().to_owned()),
            embedded: Some(gateway),
            clock,
        })
    }

    fn given(name: &str, url: String) -> Result<Self> {
        let mut options = Options::new(&url);
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

    /// What to connect with.
    pub fn options(&self) -> Options {
        self.options.clone()
    }

    /// Where the server is, in words.
    pub fn describe(&self) -> &str {
        &self.place
    }

    /// Lets time pass: moves the clock of the embedded gateway, which takes no time, or waits for that of another server.
    pub async fn pass(&self, time: Duration) {
        if self.embedded.is_some() {
            self.clock.advance(time);
        } else {
            tokio::time::sleep(time).await;
        }
    }

    /// A gateway in front of the server, for examples that stop one: what was stored outlives it.
    ///
    /// # Errors
    ///
    /// When nothing says where the server speaks RESP over TCP.
    pub fn gateway_in_front(&self) -> Result<Builder> {
        let Some(url) = &self.tcp_url else {
            bail!(
                "this example puts a gateway in front of the server and stops it: set SWARM_KEYDB_TCP_URL, too"
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

/// The address in a gateway's URL, to start another one at.
pub fn address(url: &str) -> &str {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    address.trim_end_matches('/')
}
