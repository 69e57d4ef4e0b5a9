//! What the examples share: a server to talk to, given or embedded.

use swarm_gateway::Gateway;
use swarm_keydb::Options;

/// The server that an example talks to. An embedded one stops when this is dropped.
pub struct Server {
    url: String,
    password: Option<String>,
    embedded: Option<Gateway>,
}

impl Server {
    /// The gateway that `SWARM_KEYDB_WS_URL` and `SWARM_KEYDB_PASSWORD` name, or an embedded one on a free port.
    ///
    /// # Errors
    ///
    /// When the embedded gateway cannot start.
    pub async fn from_env() -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var("SWARM_KEYDB_WS_URL") {
            let password = std::env::var("SWARM_KEYDB_PASSWORD").ok();
            return Ok(Self {
                url,
                password,
                embedded: None,
            });
        }
        let gateway = swarm_gateway::test().await?;
        Ok(Self {
            url: gateway.ws_url().to_owned(),
            password: None,
            embedded: Some(gateway),
        })
    }

    /// What to connect with.
    pub fn options(&self) -> Options {
        let options = Options::new(&self.url);
        match &self.password {
            Some(password) => options.password(password),
            None => options,
        }
    }

    /// Where the server is, in words.
    pub fn describe(&self) -> String {
        match self.embedded {
            Some(_) => format!("an embedded gateway at {}", self.url),
            None => "the gateway that SWARM_KEYDB_WS_URL names".to_owned(),
        }
    }
}
