//! The row `serial`: one client against as many separate clients as it has connections, on a
//! gateway that runs the commands of a connection one after another and queues writes, as the
//! deployed server does.

mod comparison;
mod consumers;
mod duel;
mod expected;
mod increments;
mod load;
mod peers;
mod raw_http;
mod swarm;

use std::time::Instant;

use tokio::runtime::Runtime;

/// Name of the row.
pub const NAME: &str = "serial";

/// Where a run stands, and what it has missed.
#[derive(Default)]
struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Prints a line, and whether it is within its bounds.
    fn line(&mut self, text: &str, missed: &[String]) {
        if missed.is_empty() {
            println!("  {text}  ok");
        } else {
            println!("  {text}  FAIL {}", missed.join(", "));
            self.missed
                .push(format!("{}: {}", text.trim(), missed.join(", ")));
        }
    }
}

/// Runs the whole row, or with `--quick` the core of it. Returns whether all bounds are met.
pub fn run(runtime: &Runtime) -> bool {
    let begun = Instant::now();
    let is_quick = std::env::args().any(|arg| arg == "--quick");
    let part = crate::option("--part");
    let is_chosen = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let mut report = Report::default();
    if !is_quick && is_chosen("server") {
        runtime.block_on(expected::run(&mut report));
    }
    if is_chosen("clients") {
        runtime.block_on(duel::run(is_quick, &mut report));
    }
    if !is_quick && is_chosen("consumers") {
        runtime.block_on(consumers::run(&mut report));
    }
    if !is_quick && is_chosen("increments") {
        runtime.block_on(increments::run(&mut report));
    }
    println!("\n{} s", begun.elapsed().as_secs());
    for missed in &report.missed {
        println!("FAIL {missed}");
    }
    report.missed.is_empty()
}
