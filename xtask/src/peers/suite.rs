//! The suites, and how to run a part of each.

use std::process::Command;

use anyhow::{Context, Result};

use super::report::{self, Report};
use super::server::{Kind, Server};
use super::sources;

/// Tests of another project, or of ours with the client of another project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Redis' own units in Tcl
    RedisTcl,
    /// redis-py's own tests
    RedisPy,
    /// Our checks of ioredis and node-redis
    Node,
}

impl Suite {
    pub(super) const ALL: [Self; 3] = [Self::RedisTcl, Self::RedisPy, Self::Node];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RedisTcl => "redis-tcl",
            Self::RedisPy => "redis-py",
            Self::Node => "node",
        }
    }

    /// Returns whether the checks are ours, so that all must pass on Redis.
    pub(super) fn is_ours(self) -> bool {
        self == Self::Node
    }

    /// Fetches what the suite needs.
    pub(super) fn prepare(self) -> Result<()> {
        match self {
            Self::RedisTcl => sources::redis().map(drop),
            Self::RedisPy => sources::redis_py().map(drop),
            Self::Node => sources::node().map(drop),
        }
    }

    /// Runs a unit, test file or script against a server of its own.
    pub(super) fn run(self, part: &str, kind: Kind) -> Result<Report> {
        let server = Server::start(kind)?;
        let port = server.port()?.to_string();
        let ours = std::env::current_dir()?.join("tests/peers");
        let mut command = match self {
            Self::RedisTcl => {
                let mut tclsh = Command::new("tclsh");
                tclsh.current_dir(sources::redis()?);
                tclsh.arg(ours.join("tcl/unit.tcl")).args([&port, part]);
                tclsh
            }
            Self::RedisPy => {
                let (folder, python) = sources::redis_py()?;
                let mut pytest = Command::new(python);
                pytest
                    .current_dir(folder)
                    .env("PYTHONPATH", ours.join("python"));
                pytest.args([
                    "-m",
                    "pytest",
                    "-p",
                    "peers_report",
                    "-p",
                    "no:cacheprovider",
                ]);
                // Other styles of tracebacks take minutes.
                pytest.args(["-q", "--tb=line", "-W", "ignore", "--redis-url"]);
                pytest.arg(format!("redis://127.0.0.1:{port}/0"));
                // No server with modules listens there.
                pytest.args(["--redis-mod-url", "redis://127.0.0.1:1/0"]);
                let (file, protocol) = protocol(part, "3");
                pytest.arg(format!("--protocol={protocol}")).arg(file);
                pytest
            }
            Self::Node => {
                let mut node = Command::new("node");
                let (script, protocol) = protocol(part, "2");
                node.current_dir(sources::node()?)
                    .args([script, &port, protocol]);
                node
            }
        };
        report::run(&mut command).with_context(|| format!("{}: {part}", self.name()))
    }
}

/// Splits the protocol off the name of a part, such as `node-redis.mjs RESP3`.
fn protocol<'a>(part: &'a str, default: &'a str) -> (&'a str, &'a str) {
    part.split_once(" RESP").unwrap_or((part, default))
}
