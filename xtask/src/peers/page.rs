//! The table of results in docs/peers.md.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::list::{Kind, Verdict};
use super::suite::Suite;

const PATH: &str = "docs/peers.md";
const START: &str = "<!-- written by `cargo xtask peers --update` -->\n";
const END: &str = "<!-- end -->\n";

/// Results of a part.
pub(super) struct Row {
    pub(super) suite: Suite,
    pub(super) part: String,
    /// Number of tests that pass on Redis.
    pub(super) on_redis: usize,
    pub(super) verdict: Verdict,
}

impl Row {
    /// Returns the counts after the one for Redis: passed, failed by kind, and not run.
    fn counts(&self) -> Vec<usize> {
        let expected = |kind| self.verdict.expected.get(&kind).copied().unwrap_or(0);
        let kinds = [Kind::Missing, Kind::Different, Kind::Wrong].map(expected);
        let run = self.verdict.passed + kinds.iter().sum::<usize>();
        let mut counts = vec![self.verdict.passed];
        counts.extend(kinds);
        counts.push(self.on_redis.saturating_sub(run));
        counts
    }
}

/// Returns the table: a row for each part, and the sum of each suite.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| suite | part | passes on Redis | passes | missing | different | wrong | not reached |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut put = |name: &str, part: &str, on_redis: usize, counts: &[usize]| {
        let counts: Vec<_> = counts.iter().map(usize::to_string).collect();
        let counts = counts.join(" | ");
        text += &format!("| {name} | {part} | {on_redis} | {counts} |\n");
    };
    for suite in Suite::ALL {
        let rows: Vec<_> = rows.iter().filter(|row| row.suite == suite).collect();
        let mut sums = vec![0; 5];
        for row in &rows {
            let counts = row.counts();
            put(suite.name(), &row.part, row.on_redis, &counts);
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        if rows.len() > 1 {
            let on_redis = rows.iter().map(|row| row.on_redis).sum();
            put(&format!("**{}**", suite.name()), "**all**", on_redis, &sums);
        }
    }
    text
}

/// Checks that the page shows the table, or writes it.
pub(super) fn check(rows: &[Row], update: bool) -> Result<()> {
    let page = fs::read_to_string(PATH).context(PATH)?;
    let (before, rest) = page.split_once(START).with_context(|| missing(START))?;
    let (shown, after) = rest.split_once(END).with_context(|| missing(END))?;
    let table = format!("\n{}\n", table(rows));
    if update {
        fs::write(PATH, [before, START, &table, END, after].concat())?;
        return Ok(());
    }
    ensure!(
        shown == table,
        "{PATH} shows other results; run `cargo xtask peers --update`"
    );
    Ok(())
}

fn missing(line: &str) -> String {
    format!("{PATH} has no line {line}")
}
