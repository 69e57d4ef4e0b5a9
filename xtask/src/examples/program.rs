//! Starts the examples and the gateway that they connect to.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::page::Transport;

/// Time limit of an example.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs an example with only the given client variables set, and returns its output.
pub(super) fn run(name: &str, variables: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(program(&format!("examples/{name}"))?);
    for variable in ["WS_URL", "TCP_URL", "HTTP_URL", "PASSWORD"] {
        command.env_remove(format!("SWARM_KEYDB_{variable}"));
    }
    let mut child = command
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .context(name.to_owned())?;
    let mut stdout = child.stdout.take().context("no output")?;
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        // The receiver is gone once the limit has passed.
        let _ = done.send(read);
    });
    let Ok(printed) = finished.recv_timeout(LIMIT) else {
        child.kill()?;
        child.wait()?;
        bail!("{name} is still running after {LIMIT:?}");
    };
    let status = child.wait()?;
    ensure!(status.success(), "{name} failed: {status}");
    printed.with_context(|| format!("output of {name}"))
}

/// A gateway with an empty store on free ports. Dropping it stops the process.
pub(super) struct Gateway {
    process: Child,
    urls: Vec<String>,
}

impl Gateway {
    pub(super) fn start(dialect: &str) -> Result<Self> {
        let mut command = Command::new(program("swarm-gateway")?);
        for door in ["--ws", "--tcp", "--http"] {
            command.args([door, "127.0.0.1:0"]);
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
        while gateway.urls.len() < Transport::ALL.len() {
            let line = lines.next().context("swarm-gateway did not start")??;
            let url = line.split_once("listening on ").map(|(_, url)| url);
            gateway.urls.extend(url.map(str::to_owned));
        }
        // Drains the log, so that the gateway never blocks on it.
        thread::spawn(move || lines.for_each(drop));
        Ok(gateway)
    }

    pub(super) fn url(&self, transport: Transport) -> Result<&str> {
        let scheme = match transport {
            Transport::Ws => "ws://",
            Transport::Tcp => "redis://",
            Transport::Http => "http://",
        };
        let url = self.urls.iter().find(|url| url.starts_with(scheme));
        url.map(String::as_str)
            .context("gateway printed no URL for this transport")
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
fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program has no directory")?;
    Ok(folder.join(name))
}
