//! Servers that the suites run against: the gateway, or Redis.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::gateway::Gateway;

/// The version of Redis that the gateway's store imitates, and whose tests run.
pub(super) const REDIS_VERSION: &str = "7.0.15";

/// Which server to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gateway,
    Redis,
}

/// A running server with an empty store. Dropping it stops the process.
pub(super) enum Server {
    Gateway(Gateway),
    Redis(Redis),
}

pub(super) struct Redis {
    process: Child,
    port: u16,
}

impl Server {
    pub(super) fn start(kind: Kind) -> Result<Self> {
        match kind {
            Kind::Gateway => Gateway::start("standard").map(Self::Gateway),
            Kind::Redis => Redis::start().map(Self::Redis),
        }
    }

    /// Returns the port that accepts RESP over TCP.
    pub(super) fn port(&self) -> Result<u16> {
        match self {
            Self::Redis(redis) => Ok(redis.port),
            Self::Gateway(gateway) => {
                let url = gateway.url("redis")?.trim_end_matches('/');
                let (_, port) = url.rsplit_once(':').context("no port in the URL")?;
                port.parse().with_context(|| url.to_owned())
            }
        }
    }
}

impl Redis {
    fn start() -> Result<Self> {
        for _ in 0..20 {
            // The port is free now. If another process takes it first, redis-server exits, and the
            // next port is tried.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let mut process = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--enable-debug-command", "yes"])
                .args(["--enable-protected-configs", "yes"])
                .current_dir(std::env::temp_dir())
                .stdout(Stdio::piped())
                .spawn()
                .context("redis-server")?;
            let log = process.stdout.take().context("no log")?;
            let mut redis = Self { process, port };
            let mut lines = BufReader::new(log).lines();
            let is_ready = |line: &String| line.contains("Ready to accept");
            if lines
                .by_ref()
                .map_while(Result::ok)
                .any(|line| is_ready(&line))
            {
                // Drains the log, so that the server never blocks on it.
                thread::spawn(move || lines.for_each(drop));
                return Ok(redis);
            }
            redis.process.wait()?;
        }
        bail!("redis-server does not start")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails only if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
