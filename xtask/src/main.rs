//! Repository tasks. `cargo xtask ci` runs everything that the CI workflow runs; each part also
//! runs on its own.

mod browser;
mod codegen;
mod examples;
mod fuzz;
mod gateway;
mod modules;
mod pages;
mod peers;
mod release;
mod shell;
mod tidy;
mod wasm;
mod web;
mod width;

use anyhow::Result;
use clap::{Parser, Subcommand};

use shell::cargo;

/// Repository tasks
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything required before a change lands: lint, test, docs, deny, tidy, examples
    Ci,
    /// Run everything in `ci` except the tests
    Checks,
    /// Generate code, tests, and the list of commands from the command table
    Codegen {
        /// Fail if the generated files are out of date, without writing them
        #[arg(long)]
        check: bool,
    },
    /// Run all tests, including doc tests
    Test,
    /// Check formatting, run clippy, and compile the benchmarks
    Lint,
    /// Build the API documentation, denying warnings
    Docs,
    /// Check licenses, sources, and duplicate versions of dependencies (needs cargo-deny)
    Deny,
    /// Check rules specific to this repository
    Tidy,
    /// Check and lint the crates for browsers (needs the target wasm32-unknown-unknown)
    Web,
    /// Package every published crate and build it from its package
    Package,
    /// Lint every pair of features (needs cargo-hack)
    Features,
    /// Build with the minimum versions of all dependencies
    MinimalVersions,
    /// Compare the public API with that of the last tag (needs cargo-semver-checks once there is
    /// one)
    Semver,
    /// Benchmark the codec or the client against its peers, or count the client's instructions per
    /// command (needs redis-server or valgrind)
    Bench {
        #[arg(value_enum)]
        what: Contest,
        /// Arguments of the benchmark, such as `--row serial --quick`: see bench/README.md
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Fuzz every target of the codec for a number of seconds (needs cargo-fuzz)
    Fuzz {
        #[arg(long, default_value_t = 10)]
        seconds: u32,
    },
    /// Check every command against the servers in SWARM_KEYDB_WS_URL, _HTTP_URL, _TCP_URL, and
    /// _PASSWORD
    Live,
    /// Model-check the client's queue and reply channel with loom
    Loom,
    /// Play 200,000 random schedules with the engine, the pool and the slots of a cluster, 1,500
    /// with whole clients, and two million orders of events with the cache
    Simulate,
    /// Kill the server that a client uses, of three: 1,000 times in simulated time, 50 times with
    /// real sockets, and 20 times with sentinels (needs redis-server)
    Failover,
    /// Start a Redis Cluster, and a primary with replicas and sentinels, on free ports, print their
    /// URLs, and run until Ctrl-C (needs redis-server)
    Cluster,
    /// Send 100,000 commands to a server that is down for 30 seconds; kill a server 200 times under
    /// load; check the order of two million commands (needs redis-server)
    Soak,
    /// Run the tests of Redis and redis-py, and checks with ioredis and node-redis, against the
    /// gateway (needs tclsh, python3, npm, and redis-server)
    Peers(peers::Options),
    /// Serve the example of a page beside a gateway, or test the client in Chromium
    Browser(browser::Options),
    /// Run the examples and compare their output with examples/README.md
    Examples {
        /// Write their output to examples/README.md
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
    Gateway,
    Cache,
    Cluster,
    Instructions,
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
            Task::Web,
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
            Task::Browser(browser::Options::all_tests()),
            Task::Peers(peers::Options::default()),
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
            )?;
            // Outside of the workspace.
            cargo(
                "benchmarks",
                "check --quiet --locked --all-targets --manifest-path bench/Cargo.toml",
            )
        }
        Task::Docs => shell::run(
            "docs",
            shell::command("cargo", "doc --workspace --all-features --no-deps")
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        Task::Deny => {
            cargo("deny", "deny --all-features check bans licenses sources")?;
            browser::deny()
        }
        Task::Tidy => tidy::check(),
        Task::Web => web::check(),
        Task::Package => release::package(),
        Task::Features => release::features(),
        Task::MinimalVersions => release::minimal_versions(),
        Task::Semver => release::semver(),
        Task::Bench { what, args } => {
            let what = match what {
                Contest::Codec => "codec",
                Contest::Client => "client",
                Contest::Gateway => "gateway",
                Contest::Cache => "cache",
                Contest::Cluster => "cluster",
                Contest::Instructions => "instructions",
            };
            let run =
                format!("run --quiet --release --manifest-path bench/Cargo.toml --bin {what} --");
            let mut command = shell::command("cargo", &run);
            command.args(args);
            shell::run(&format!("bench {what}"), &mut command)
        }
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::Live => cargo("live", "run --quiet -p swarm-tests --bin live"),
        Task::Loom => cargo(
            "loom",
            "run --quiet --release --manifest-path loom/Cargo.toml",
        ),
        Task::Simulate => shell::run(
            "simulate",
            shell::command(
                "cargo",
                "test --release -p swarm-keydb --features cache,cluster --lib -- \
                 races schedules cache::tests::model",
            )
            .env("SWARM_CACHE_DEPTH", "7")
            .env("SWARM_CACHE_ORDERS", "200000")
            .env("SWARM_SCHEDULES", "200000")
            .env("SWARM_CLIENT_SCHEDULES", "1500"),
        ),
        Task::Failover => shell::run(
            "failover",
            shell::command(
                "cargo",
                "test --workspace --all-features --test failover --test sentinel -- --nocapture",
            )
            .env("SWARM_FAILOVER_SIMULATED", "1000")
            .env("SWARM_FAILOVER_KILLS", "50")
            .env("SWARM_SENTINEL_FAILOVERS", "10"),
        ),
        Task::Cluster => cargo("cluster", "run --quiet -p swarm-tests --bin servers"),
        Task::Soak => {
            shell::run(
                "soak",
                // One arena: memory freed by one thread is otherwise not reused by others, which is
                // not what this measures.
                shell::command("cargo", "run --quiet -p swarm-tests --bin soak")
                    .env("MALLOC_ARENA_MAX", "1"),
            )?;
            let run = "run --quiet --release -p swarm-tests --bin";
            // Without a number, they run 200 kills and a million commands: minutes.
            cargo("kills", &format!("{run} kills -- 20"))?;
            cargo("histories", &format!("{run} histories -- 200000"))
        }
        Task::Browser(options) => browser::browser(&options),
        Task::Peers(options) => peers::run(&options),
        Task::Examples { update, server } => match server {
            Some(server) => examples::check_against(server),
            None => examples::check(update),
        },
    }
}
