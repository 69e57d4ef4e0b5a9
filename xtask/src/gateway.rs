//! Starts the gateway that other programs connect to.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

/// Options of the gateway's listeners.
const LISTENERS: [&str; 3] = ["--ws", "--tcp", "--http"];

/// Options that enable the control door.
const CONTROL: [&str; 2] = ["--control", "127.0.0.1:0"];

/// What precedes the URL of the control door in the log.
const DOOR: &str = "control door at ";

/// A gateway with an empty store on free ports. Dropping it stops the process.
pub(crate) struct Gateway {
    process: Child,
    dialect: String,
    urls: Vec<String>,
    control: Option<String>,
}

impl Gateway {
    pub(crate) fn start(dialect: &str) -> Result<Self> {
        Self::start_with(&program("swarm-gateway")?, dialect, &[])
    }

    /// Starts a gateway that can be stopped, restarted and disturbed from outside.
    pub(crate) fn with_control(dialect: &str) -> Result<Self> {
        Self::start_with(&program("swarm-gateway")?, dialect, &CONTROL)
    }

    /// Starts one of an optimized build.
    pub(crate) fn optimized() -> Result<Self> {
        Self::start_with(
            Path::new("target/release/swarm-gateway"),
            "standard",
            &CONTROL,
        )
    }

    /// Starts another gateway in front of one.
    pub(crate) fn in_front_of(gateway: &Self) -> Result<Self> {
        let [option, address] = CONTROL;
        let options = [option, address, "--backend", gateway.url("redis")?];
        Self::start_with(&program("swarm-gateway")?, "standard", &options)
    }

    fn start_with(program: &Path, dialect: &str, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        for option in LISTENERS {
            command.args([option, "127.0.0.1:0"]);
        }
        command.args(options);
        command.args(["--dialect", dialect]);
        command.env_remove("SWARM_GATEWAY_BACKEND");
        command.env_remove("SWARM_KEYDB_REQUIREPASS");
        command.env_remove("SWARM_KEYDB_WS_CORS_ORIGINS");
        command.env("RUST_LOG", "swarm_gateway=info");
        command.env("NO_COLOR", "1");
        let process = command.stdout(Stdio::piped()).spawn();
        let mut gateway = Self {
            process: process.context("swarm-gateway")?,
            dialect: dialect.to_owned(),
            urls: Vec::new(),
            control: None,
        };
        let log = gateway.process.stdout.take().context("no log")?;
        let mut lines = BufReader::new(log).lines();
        let has_door = !options.is_empty();
        while gateway.urls.len() < LISTENERS.len() || has_door != gateway.control.is_some() {
            let line = lines.next().context("swarm-gateway did not start")??;
            let url = |before| line.split_once(before).map(|(_, url)| url.to_owned());
            gateway.urls.extend(url("listening on "));
            if let Some(url) = url(DOOR) {
                gateway.control = Some(url);
            }
        }
        // Drains the log, so that the gateway never blocks on it.
        thread::spawn(move || lines.for_each(drop));
        Ok(gateway)
    }

    pub(crate) fn dialect(&self) -> &str {
        &self.dialect
    }

    /// Returns the URL of the control door.
    pub(crate) fn control(&self) -> Result<&str> {
        self.control
            .as_deref()
            .context("the gateway has no control door")
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
