//! CI tasks: `cargo xtask ci` is what the workflow runs, and each of its parts can be run alone.

mod codegen;
mod examples;
mod fuzz;
mod pages;
mod release;
mod shell;
mod tidy;

use anyhow::Result;
use clap::{Parser, Subcommand};

use shell::cargo;

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Clone, Copy)]
enum Task {
    /// Everything that must pass before a change lands: lint, test, docs, deny, tidy, examples
    Ci,
    /// What `ci` does besides the tests
    Checks,
    /// Makes code, tests and docs/COMMANDS.md of the command table
    Codegen {
        /// Only compare with what is there
        #[arg(long)]
        check: bool,
    },
    /// The tests, doc examples included
    Test,
    /// Format and lints
    Lint,
    /// API documentation, without a warning
    Docs,
    /// Licences, sources and duplicate versions of dependencies (needs cargo-deny)
    Deny,
    /// Rules of this repository that no other tool knows
    Tidy,
    /// Packs every published crate, and builds it from its package
    Package,
    /// Lints every set of features (needs cargo-hack)
    Features,
    /// Builds with the lowest versions of dependencies that are asked for
    MinimalVersions,
    /// The public API beside that of the last tag (needs cargo-semver-checks once there is one)
    Semver,
    /// Measures the codec or the client beside their peers, in one run (the client needs redis-server)
    Bench {
        #[arg(value_enum)]
        what: Contest,
    },
    /// Fuzzes every target of the codec for some seconds (needs cargo-fuzz)
    Fuzz {
        #[arg(long, default_value_t = 10)]
        seconds: u32,
    },
    /// Every command against the servers that SWARM_KEYDB_WS_URL, _HTTP_URL, _TCP_URL and _PASSWORD name
    Live,
    /// Model checks of the client's queue and reply channel with loom
    Loom,
    /// A million random schedules through the engine
    Simulate,
    /// 100,000 commands to a server that is down for 30 seconds: deadlines, memory, recovery
    Soak,
    /// Runs the examples and compares what they print with examples/README.md
    Examples {
        /// Write what they print to examples/README.md
        #[arg(long)]
        update: bool,
        /// Run them over each transport against this server instead of the embedded gateway
        #[arg(long, conflicts_with = "update")]
        server: Option<examples::Server>,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Contest {
    Codec,
    Client,
}

fn main() -> Result<()> {
    shell::enter_workspace()?;
    run(Args::parse().task)
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Ci => [Task::Test, Task::Checks].into_iter().try_for_each(run),
        Task::Checks => [
            Task::Codegen { check: true },
            Task::Tidy,
            Task::Lint,
            Task::Docs,
            Task::Deny,
            Task::Examples {
                update: false,
                server: None,
            },
            Task::Examples {
                update: false,
                server: Some(examples::Server::Upstream),
            },
            Task::Loom,
            Task::Simulate,
            Task::Soak,
            Task::Package,
            Task::Features,
            Task::MinimalVersions,
            Task::Semver,
        ]
        .into_iter()
        .try_for_each(run),
        Task::Codegen { check } => codegen::run(check),
        Task::Test => cargo("test", "test --workspace --all-features"),
        Task::Lint => {
            cargo("format", "fmt --all --check")?;
            cargo(
                "clippy",
                "clippy --workspace --all-targets --all-features -- -D warnings",
            )
        }
        Task::Docs => shell::run(
            "docs",
            shell::command("cargo", "doc --workspace --all-features --no-deps")
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        Task::Deny => cargo("deny", "deny --all-features check bans licenses sources"),
        Task::Tidy => tidy::check(),
        Task::Package => release::package(),
        Task::Features => release::features(),
        Task::MinimalVersions => release::minimal_versions(),
        Task::Semver => release::semver(),
        Task::Bench { what } => {
            let what = match what {
                Contest::Codec => "codec",
                Contest::Client => "client",
            };
            let run =
                format!("run --quiet --release --manifest-path bench/Cargo.toml --bin {what}");
            cargo(&format!("bench {what}"), &run)
        }
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::Live => cargo("live", "run --quiet -p swarm-tests --bin live"),
        Task::Loom => cargo(
            "loom",
            "run --quiet --release --manifest-path loom/Cargo.toml",
        ),
        Task::Simulate => shell::run(
            "simulate",
            shell::command("cargo", "test --release -p swarm-keydb --lib races")
                .env("SWARM_SCHEDULES", "1000000"),
        ),
        Task::Soak => shell::run(
            "soak",
            // What one thread frees, another does not reuse, with an arena each: that is not what is measured.
            shell::command("cargo", "run --quiet -p swarm-tests --bin soak")
                .env("MALLOC_ARENA_MAX", "1"),
        ),
        Task::Examples { update, server } => match server {
            Some(server) => examples::check_against(server),
            None => examples::check(update),
        },
    }
}
