//! Runs the tests of other projects, and ours with their clients, against the gateway.
//!
//! Each suite has a list of the tests that are expected to fail. A test that fails without being
//! listed, and a listed test that passes, are faults.

mod list;
mod page;
mod report;
mod server;
mod sources;
mod suite;

use std::time::Instant;

use anyhow::{Result, ensure};

use self::list::{Kind, List};
use self::page::Row;
use self::report::{Outcome, Test};
pub(crate) use self::suite::Suite;
use crate::shell::cargo;

/// Options of `cargo xtask peers`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Run only this suite
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    /// Run only the parts whose names contain this text
    #[arg(long)]
    part: Option<String>,
    /// Run against redis-server instead, and compare with the number of tests that pass there
    #[arg(long)]
    redis: bool,
    /// Update the lists in tests/peers and the results in docs/peers.md
    #[arg(long, conflicts_with = "redis")]
    update: bool,
}

impl Options {
    fn selects(&self, suite: Suite, part: &str) -> bool {
        let wanted = self.part.as_ref();
        self.suite.is_none_or(|only| only == suite) && wanted.is_none_or(|text| part.contains(text))
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    println!("── peers");
    cargo(
        "build gateway",
        "build --quiet --workspace --all-features --bin swarm-gateway",
    )?;
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    for suite in Suite::ALL {
        let mut list = List::read(suite)?;
        let parts: Vec<_> = (list.parts.iter())
            .filter(|(part, _)| options.selects(suite, part))
            .map(|(part, passed)| (part.clone(), *passed))
            .collect();
        if parts.is_empty() {
            continue;
        }
        suite.prepare()?;
        for (part, on_redis) in parts {
            if options.redis || suite.is_ours() {
                faults.extend(run_on_redis(suite, &list, &part, on_redis)?);
            }
            if options.redis {
                continue;
            }
            let (tests, broken) = run_part(suite, &part, server::Kind::Gateway)?;
            if options.update {
                list.update(&part, &tests);
            }
            let verdict = list.judge(&part, &tests);
            faults.extend(verdict.faults.iter().cloned());
            faults.extend(broken);
            rows.push(Row {
                suite,
                part,
                on_redis,
                verdict,
            });
        }
        if options.update {
            list.write(suite)?;
        }
    }
    if !options.redis {
        show(&rows, faults.len());
    }
    for fault in &faults {
        println!("{fault}\n");
    }
    if options.suite.is_none() && options.part.is_none() && !options.redis {
        page::check(&rows, options.update)?;
    }
    ensure!(
        faults.is_empty(),
        "{} results contradict the lists in tests/peers",
        faults.len()
    );
    println!("── peers: ok");
    Ok(())
}

/// Runs a part. Also returns what kept it from its end.
fn run_part(suite: Suite, part: &str, kind: server::Kind) -> Result<(Vec<Test>, Option<String>)> {
    let start = Instant::now();
    let report = suite.run(part, kind)?;
    let of = |is: fn(&Outcome) -> bool| {
        let outcomes = report.tests.iter().map(|test| &test.outcome);
        outcomes.filter(|outcome| is(outcome)).count()
    };
    println!(
        "{}, {part}, {kind:?}: {} passed, {} failed, {} skipped, {:.1} s",
        suite.name(),
        of(|outcome| matches!(outcome, Outcome::Passed)),
        of(|outcome| matches!(outcome, Outcome::Failed(_))),
        of(|outcome| matches!(outcome, Outcome::Skipped)),
        start.elapsed().as_secs_f32()
    );
    let broken = report.broken.map(|why| format!("{part}, {kind:?}: {why}"));
    Ok((report.tests, broken))
}

/// Runs a part on Redis, where only tests fail that are listed for it. Returns the faults.
fn run_on_redis(suite: Suite, list: &List, part: &str, passes: usize) -> Result<Vec<String>> {
    let (tests, broken) = run_part(suite, part, server::Kind::Redis)?;
    let mut faults: Vec<_> = broken.into_iter().collect();
    let mut passed = 0;
    for Test { name, outcome } in &tests {
        let listed = list.kind(&format!("{part}: {name}")) == Some(Kind::Redis);
        match outcome {
            Outcome::Passed if listed => {
                faults.push(format!("passes on Redis, but is listed: {part}: {name}"));
            }
            Outcome::Failed(message) if !listed || suite.is_ours() => {
                faults.push(format!("fails on Redis: {part}: {name}\n{message}"));
            }
            Outcome::Failed(_) | Outcome::Passed | Outcome::Skipped => {}
        }
        passed += usize::from(matches!(outcome, Outcome::Passed));
    }
    if passed != passes {
        let name = suite.name();
        let what = format!("{passed} tests pass on Redis; tests/peers/{name}.toml says {passes}");
        faults.push(format!("{part}: {what}"));
    }
    Ok(faults)
}

/// Prints the table of results, and the expected failures by reason.
fn show(rows: &[Row], unexpected: usize) {
    println!("\n{}", page::table(rows));
    for suite in Suite::ALL {
        let rows = rows.iter().filter(|row| row.suite == suite);
        let mut reasons = std::collections::BTreeMap::new();
        for (reason, count) in rows.flat_map(|row| &row.verdict.reasons) {
            *reasons.entry(reason).or_insert(0) += count;
        }
        for ((kind, reason), count) in reasons {
            println!("{}, {}: {count:3} {reason}", suite.name(), kind.name());
        }
    }
    println!("unexpected: {unexpected}\n");
}
