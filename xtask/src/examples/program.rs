//! Runs the examples.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::gateway::program;

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
