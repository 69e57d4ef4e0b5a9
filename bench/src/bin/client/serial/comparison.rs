//! One client's outcome beside that of separate clients, and the bounds of their ratios.

use super::Report;
use super::load::Outcome;

/// Least part of the commands a second of the separate clients.
const RATE: f64 = 0.9;

/// Largest multiple of their p50 and p99.
const LATENCY: f64 = 1.15;

pub struct Comparison {
    columns: String,
    /// Bounds that are not met.
    pub missed: Vec<String>,
}

/// Returns the heading of a comparison's columns.
pub fn heading() -> String {
    ["commands/s", "p50 ms", "p99 ms"]
        .map(|name| format!("{name:>10} {:>9} {:>5}", "separate", "ratio"))
        .join("  ")
}

/// Formats a number with three digits or more.
pub fn number(value: f64, width: usize) -> String {
    let decimals = match value {
        ..10.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    };
    format!("{value:>width$.decimals$}")
}

impl Comparison {
    pub fn new(single: &Outcome, separate: &Outcome) -> Self {
        let mut missed = Vec::new();
        let mut column = |name: &str, is_met: fn(f64) -> bool, one: f64, many: f64| {
            let ratio = one / many;
            if !is_met(ratio) {
                missed.push(format!("{name} {ratio:.2}"));
            }
            format!("{} {} {ratio:>5.2}", number(one, 10), number(many, 9))
        };
        let columns = [
            column(
                "rate",
                |ratio| ratio >= RATE,
                single.rate(),
                separate.rate(),
            ),
            column(
                "p50",
                |ratio| ratio <= LATENCY,
                single.quantile(0.5),
                separate.quantile(0.5),
            ),
            column(
                "p99",
                |ratio| ratio <= LATENCY,
                single.quantile(0.99),
                separate.quantile(0.99),
            ),
        ]
        .join("  ");
        if single.failed + separate.failed > 0 {
            missed.push(format!("{} and {} failed", single.failed, separate.failed));
        }
        Self { columns, missed }
    }

    pub fn print(&self, title: &str, report: &mut Report) {
        report.line(&format!("{title}  {}", self.columns), &self.missed);
    }
}
