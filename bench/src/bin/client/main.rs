//! Benchmark of the client, its peers, and raw socket loops in one run: over TCP against a
//! redis-server, over WebSocket against a gateway in a separate process.
//!
//! Usage: `client [--threads N] [--row TEXT] [--among NAME,NAME] [--only NAME [--rounds N]]`, or
//! `client --row serial [--quick] [--part server|clients|consumers|increments]`.
//! `--threads` sets the number of runtime workers; 0 selects the current-thread runtime. `--row`
//! selects rows by title, `--among` selects contestants. `--only` runs a single contestant for a
//! few rounds, for a profiler.

mod contest;
mod contestant;
mod minimal;
mod peers;
mod raw_tcp;
mod raw_ws;
mod row;
mod serial;
mod server;
mod swarm;

use std::process::ExitCode;

use contest::Contest;
use row::{ROWS, Wire, Work};
use tokio::runtime::{Builder, Runtime};

/// Returns the value of a command-line option.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|arg| arg != name).nth(1)
}

fn runtime() -> Runtime {
    let threads = option("--threads").map_or(2, |n| n.parse().unwrap());
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.max(1));
    builder.enable_all().build().unwrap()
}

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == server::GATEWAY) {
        server::be_gateway();
        return ExitCode::SUCCESS;
    }
    let runtime = runtime();
    if option("--row").as_deref() == Some(serial::NAME) {
        return match serial::run(&runtime) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
    }
    let redis = swarm_bench::server::redis();
    let gateway = server::gateway();
    let only_row = option("--row").unwrap_or_default();
    let rows = ROWS.iter().filter(|row| row.title.contains(&only_row));
    let mut code = ExitCode::SUCCESS;
    for row in rows {
        let mut contest = Contest::new(&runtime, row);
        let url = match row.wire {
            Wire::Tcp => &redis.url,
            Wire::WebSocket => &gateway.url,
        };
        runtime.block_on(swarm::store(url, row.value));
        match row.wire {
            Wire::Tcp => {
                contest.enter("raw socket", raw_tcp::RawTcp::connect(url));
                if row.work == Work::SetAndGet {
                    contest.enter("minimal client", minimal::Minimal::connect(url));
                }
                contest.enter("swarm-keydb", swarm::connect(url));
                contest.enter("rustis", peers::rustis::connect(url));
                contest.enter("redis-rs", peers::redis_rs::connect(url));
                contest.enter("fred", peers::fred::connect(url));
            }
            Wire::WebSocket => {
                contest.enter("raw tungstenite", raw_ws::RawWs::connect(url));
                contest.enter("swarm-keydb", swarm::connect(url));
            }
        }
        match option("--only") {
            Some(name) => contest.profile(&name),
            None => {
                let before = runtime.block_on(swarm::connections_so_far(url));
                contest.run();
                let opened = runtime.block_on(swarm::connections_so_far(url)) - before - 1;
                if opened > 0 {
                    println!("  FAIL: {opened} connections were opened during the row");
                    code = ExitCode::FAILURE;
                }
            }
        }
    }
    code
}
