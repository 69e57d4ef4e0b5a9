//! Starts the gateway that other programs connect to.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

/// Options of the gateway's listeners.
const LISTENERS: [&str; 3] = ["--ws", "--tcp", "--http"];

/// A gateway with an empty store on free ports. Dropping it stops the process.
pub(crate) struct Gateway {
    process: Child,
    urls: Vec<String>,
}

impl Gateway {
    pub(crate) fn start(dialect: &str) -> Result<Self> {
        let mut command = Command::new(program("swarm-gateway")?);
        for option in LISTENERS {
            command.args([option, "127.0.0.1:0"]);
        }
        command.args(["--dialect", dialect]);
        command.env_remove("SWARM_GATEWAY_BACKEND");
        command.env_remove("SWARM_KEYDB_REQUIREPASS");
        command.env_remove("SWARM_KEYDB_WS_CORS_ORIGINS");
        command.env("RUST_LOG", "swarm_gateway=info");
        command.env("NO_COLOR", "1");
        let process = command.stdout(Stdio::piped()).spawn();
        let mut gateway = Self {
            process: process.context("swarm-gateway")?,
            urls: Vec::new(),
        };
        let log = gateway.process.stdout.take().context("no log")?;
        let mut lines = BufReader::new(log).lines();
        while gateway.urls.len() < LISTENERS.len() {
            let line = lines.next().context("swarm-gateway did not start")??;
            let url = line.split_once("listening on ").map(|(_, url)| url);
            gateway.urls.extend(url.map(str::to_owned));
        }
        // Drains the log, so that the gateway never blocks on it.
        thread::spawn(move || lines.for_each(drop));
        Ok(gateway)
    }

    /// Returns the URL with a scheme, such as `ws`.
    pub(crate) fn url(&self, scheme: &str) -> Result<&str> {
        let is_wanted = |url: &&String| {
            url.strip_prefix(scheme)
                .is_some_and(|rest| rest.starts_with("://"))
        };
        let url = self.urls.iter().find(is_wanted);
        url.map(String::as_str)
            .with_context(|| format!("gateway printed no URL that begins with {scheme}://"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Fails only if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the path of a program that Cargo built next to this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program has no directory")?;
    Ok(folder.join(name))
}
