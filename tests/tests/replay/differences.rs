//! Collects differences, groups them by kind, and judges them: each has a reason in the list of
//! exceptions, or counts against the number of remaining differences of its kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::exceptions::{EXCEPTIONS, REMAINING};
use crate::recording;

/// Number of differences of a kind that are shown.
const SHOWN: usize = 3;

/// Differences of one file.
pub(crate) struct Differences {
    file: &'static str,
    steps: usize,
    found: Vec<Difference>,
}

struct Difference {
    /// Listener and command.
    kind: String,
    /// Listener, seed, and number of the step.
    place: String,
    text: String,
}

impl Differences {
    pub(crate) fn new(file: &'static str) -> Self {
        Self {
            file,
            steps: 0,
            found: Vec::new(),
        }
    }

    pub(crate) const fn file(&self) -> &'static str {
        self.file
    }

    /// Counts a step that was compared.
    pub(crate) fn compared(&mut self) {
        self.steps += 1;
    }

    pub(crate) fn add(&mut self, kind: String, place: String, text: String) {
        self.found.push(Difference { kind, place, text });
    }

    /// Fails on a difference without a reason, and on a reason without a difference.
    pub(crate) fn judge(self) {
        let own_set = recording::other_set().is_none();
        let excepted: BTreeMap<&str, &str> = (EXCEPTIONS.iter())
            .filter(|exception| own_set && exception.file == self.file)
            .map(|exception| (exception.place, exception.reason))
            .collect();
        let places: BTreeSet<&str> = self
            .found
            .iter()
            .map(|found| found.place.as_str())
            .collect();
        let stale: Vec<&str> = (excepted.keys().copied())
            .filter(|place| !places.contains(place))
            .collect();
        let mut kinds: BTreeMap<&str, Vec<&Difference>> = BTreeMap::new();
        for found in &self.found {
            if !excepted.contains_key(found.place.as_str()) {
                kinds.entry(&found.kind).or_default().push(found);
            }
        }
        let unexplained = kinds.values().map(Vec::len).sum::<usize>();
        println!(
            "{}: {unexplained} of {} steps differ, {} with a reason",
            self.file,
            self.steps,
            excepted.len() - stale.len()
        );
        report(&kinds);
        let allowed: BTreeMap<&str, usize> = (REMAINING.iter())
            .filter(|(file, ..)| own_set && *file == self.file)
            .map(|(_, kind, count)| (*kind, *count))
            .collect();
        let counts: BTreeMap<&str, usize> = (kinds.iter())
            .map(|(kind, found)| (*kind, found.len()))
            .collect();
        assert!(
            stale.is_empty(),
            "these exceptions no longer differ: {stale:?}"
        );
        assert!(
            counts == allowed,
            "differences per kind, all of which EXCEPTIONS or REMAINING must list:\n{counts:#?}"
        );
    }
}

/// Prints the kinds, heaviest first.
fn report(kinds: &BTreeMap<&str, Vec<&Difference>>) {
    let mut heaviest: Vec<_> = kinds.iter().collect();
    heaviest.sort_by_key(|(_, found)| std::cmp::Reverse(found.len()));
    for (kind, found) in heaviest {
        println!("{:5} {kind}", found.len());
        let all = std::env::var_os("SHOW_ALL").is_some();
        for difference in found.iter().take(if all { usize::MAX } else { SHOWN }) {
            println!("        {}: {}", difference.place, difference.text);
        }
    }
}
