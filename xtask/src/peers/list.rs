//! Lists of expected failures, one file per suite, and what a run says about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::report::{OUTSIDE, Outcome, Test};
use super::suite::Suite;

/// Contents of a list, such as `tests/peers/redis-tcl.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// The parts to run, with the number of tests that pass on Redis.
    pub(super) parts: BTreeMap<String, usize>,
    #[serde(default)]
    pub(super) expected: Vec<Group>,
    /// The comment at the top of the file.
    #[serde(skip)]
    header: String,
}

/// Failures with the same reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) reason: String,
    /// Texts of which the message of each failure must contain one. `--update` adds failures with
    /// such a message.
    #[serde(default)]
    matches: Vec<String>,
    /// A part and the name of a test: `unit/quit: QUIT returns OK`.
    #[serde(default)]
    tests: BTreeSet<String>,
}

/// Why a test is expected to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The store lacks a command, an option or a parameter.
    Missing,
    /// The gateway answers otherwise than Redis, on purpose.
    Different,
    /// The gateway answers otherwise than Redis, which is a fault.
    Wrong,
    /// The test fails on Redis, too.
    Redis,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Different => "different",
            Self::Wrong => "wrong",
            Self::Redis => "redis",
        }
    }
}

impl Group {
    /// Returns whether a failure has the reason of this group, as far as its message shows.
    fn fits(&self, message: &str) -> bool {
        let message = message.to_lowercase();
        let mut matches = self.matches.iter();
        self.matches.is_empty() || matches.any(|text| message.contains(&text.to_lowercase()))
    }
}

/// Outcome of a part, compared with the list.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) passed: usize,
    /// Expected failures by kind, without those outside of tests.
    pub(super) expected: BTreeMap<Kind, usize>,
    /// Expected failures by kind and reason.
    pub(super) reasons: BTreeMap<(Kind, String), usize>,
    /// What contradicts the list.
    pub(super) faults: Vec<String>,
}

impl List {
    fn path(suite: Suite) -> String {
        format!("tests/peers/{}.toml", suite.name())
    }

    pub(super) fn read(suite: Suite) -> Result<Self> {
        let path = Self::path(suite);
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        let mut list: Self = toml::from_str(&text).with_context(|| path)?;
        let header = text.lines().take_while(|line| line.starts_with('#'));
        list.header = header.fold(String::new(), |header, line| header + line + "\n");
        Ok(list)
    }

    /// Returns why a test is listed.
    pub(super) fn kind(&self, test: &str) -> Option<Kind> {
        let group = self
            .expected
            .iter()
            .find(|group| group.tests.contains(test));
        group.map(|group| group.kind)
    }

    /// Compares the results of a part with the list.
    pub(super) fn judge(&self, part: &str, tests: &[Test]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut run = BTreeSet::new();
        for Test { name, outcome } in tests {
            let full = format!("{part}: {name}");
            let mut groups = self.expected.iter();
            let group = groups.find(|group| group.tests.contains(&full));
            match (outcome, group) {
                (Outcome::Skipped, _) => {}
                (Outcome::Passed, None) => verdict.passed += 1,
                (Outcome::Passed, Some(_)) => {
                    verdict.passed += 1;
                    verdict
                        .faults
                        .push(format!("passes, but is listed: {full}"));
                }
                (Outcome::Failed(message), Some(group)) if group.fits(message) => {
                    if !name.starts_with(OUTSIDE) {
                        *verdict.expected.entry(group.kind).or_default() += 1;
                    }
                    let reason = (group.kind, group.reason.clone());
                    *verdict.reasons.entry(reason).or_default() += 1;
                }
                (Outcome::Failed(message), Some(group)) => {
                    let reason = &group.reason;
                    let fault = format!("fails, but not for \"{reason}\": {full}\n{message}");
                    verdict.faults.push(fault);
                }
                (Outcome::Failed(message), None) => {
                    verdict.faults.push(format!("fails: {full}\n{message}"));
                }
            }
            run.insert(full);
        }
        let prefix = format!("{part}: ");
        let listed = self.expected.iter().flat_map(|group| &group.tests);
        let of_part = listed.filter(|test| test.starts_with(&prefix));
        let gone = of_part.filter(|test| !run.contains(*test));
        let gone = gone.map(|test| format!("is listed, but did not run: {test}"));
        verdict.faults.extend(gone);
        verdict
    }

    /// Removes the tests of a part that no longer fail, and lists those that fail with a message
    /// that tells the reason.
    pub(super) fn update(&mut self, part: &str, tests: &[Test]) {
        let prefix = format!("{part}: ");
        let failed: BTreeMap<_, _> = (tests.iter())
            .filter_map(|test| match &test.outcome {
                Outcome::Failed(message) => Some((format!("{prefix}{}", test.name), message)),
                _ => None,
            })
            .collect();
        let mut known = BTreeSet::new();
        for group in &mut self.expected {
            let mut tests = std::mem::take(&mut group.tests);
            tests.retain(|test| {
                let fits = failed.get(test).is_some_and(|message| group.fits(message));
                fits || !test.starts_with(&prefix)
            });
            known.extend(tests.iter().cloned());
            group.tests = tests;
        }
        for (test, message) in failed {
            let mut groups = self.expected.iter_mut();
            let group = groups.find(|group| !group.matches.is_empty() && group.fits(message));
            if !known.contains(&test)
                && let Some(group) = group
            {
                group.tests.insert(test);
            }
        }
    }

    pub(super) fn write(&self, suite: Suite) -> Result<()> {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = format!("{}\n[parts]\n", self.header);
        for (part, passed) in &self.parts {
            let _ = writeln!(text, "{} = {passed}", quoted(part));
        }
        for group in &self.expected {
            let kind = quoted(group.kind.name());
            let reason = quoted(&group.reason);
            let _ = write!(text, "\n[[expected]]\nkind = {kind}\nreason = {reason}\n");
            for (name, values) in [
                ("matches", group.matches.iter().collect::<Vec<_>>()),
                ("tests", group.tests.iter().collect()),
            ] {
                if !values.is_empty() {
                    let values: String = (values.into_iter())
                        .map(|value| format!("    {},\n", quoted(value)))
                        .collect();
                    let _ = write!(text, "{name} = [\n{values}]\n");
                }
            }
        }
        fs::write(Self::path(suite), text).with_context(|| Self::path(suite))
    }
}
