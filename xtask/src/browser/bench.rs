//! Compares the client with plain JavaScript, in turns in one page.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::build::Page;
use super::chromium::Chromium;
use super::free_port;
use super::site::Site;
use crate::gateway::Gateway;
use crate::shell::cargo;

/// Number of rounds.
const ROUNDS: u32 = 9;

const LIMIT: Duration = Duration::from_secs(120);

/// Rows of the result: a title, the measurement, and the smallest share of plain JavaScript's
/// commands one by one that is good enough.
const ROWS: [(&str, &str, Option<f64>); 5] = [
    ("plain JavaScript, one by one", "plain", None),
    ("client, one by one", "client", Some(0.7)),
    ("client, pipelines of 100", "pipelines", Some(2.0)),
    ("plain JavaScript, 100 at once", "plainAtOnce", None),
    ("client, 100 at once", "clientAtOnce", None),
];

pub(super) fn run(page: &Page) -> Result<()> {
    // A debug build would be slower than the page.
    let build = "build --quiet --release --package swarm-gateway";
    cargo("build gateway", build)?;
    let gateways = [Gateway::optimized()?];
    let site = Site::start(free_port(), page.folders.clone(), &gateways)?;
    let chromium = Chromium::start()?;
    let tab = chromium.devtools.page()?;
    tab.open(&format!("{}bench.html", site.url))?;
    let mut console = Vec::new();
    let call = format!("compare({ROUNDS})");
    let rounds = tab.evaluate(&call, LIMIT, &mut console);
    let rounds = rounds.with_context(|| console.join("\n"))?;
    let rounds = rounds.as_array().context("no results")?;
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    println!(
        "{:<32}{:>12}{:>14}{:>9}",
        "", "commands/s", "p50 latency", "ratio"
    );
    for (title, key, goal) in ROWS {
        let each = |value: fn(&Value, &str) -> f64| {
            median(rounds.iter().map(|round| value(round, key)).collect())
        };
        let rate = each(|round, key| round[key]["rate"].as_f64().unwrap_or_default());
        let latency = each(|round, key| round[key]["latency"].as_f64().unwrap_or_default());
        let ratios = rounds.iter();
        let ratios =
            ratios.map(|round| number(&round[key]["rate"]) / number(&round["plain"]["rate"]));
        let ratio = median(ratios.collect());
        let latency = match latency > 0.0 {
            true => format!("{:.0} µs", latency * 1000.0),
            false => String::new(),
        };
        let verdict = match goal {
            Some(goal) if ratio >= goal => format!("  goal {goal}: reached"),
            Some(goal) => format!("  goal {goal}: MISSED"),
            None => String::new(),
        };
        println!("{title:<32}{rate:>12.0}{latency:>14}{ratio:>9.2}{verdict}");
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
