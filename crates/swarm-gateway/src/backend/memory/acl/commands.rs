//! The commands that users may run: sets of them, and categories.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::table;
use super::super::traits::Traits;

/// In Redis' order.
pub(super) const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// All commands of Redis and of this store, in upper case, with `|` before subcommands.
static ALL: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> = Traits::names().map(str::to_owned).collect();
    names.extend(table::all().map(|spec| spec.name.to_owned()));
    names.sort();
    names.dedup();
    names
});

static NUMBERS: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let names = ALL.iter().map(String::as_str);
    names.zip(0..).collect()
});

/// Returns the number of a command, in upper case.
pub(super) fn number(name: &str) -> Option<usize> {
    NUMBERS.get(name).copied()
}

/// Returns all commands with their numbers.
pub(super) fn all() -> impl Iterator<Item = (usize, &'static str)> {
    (0..).zip(ALL.iter().map(String::as_str))
}

/// Returns whether a command has subcommands.
pub(super) fn has_subcommands(name: &str) -> bool {
    subcommands(name).next().is_some()
}

/// Returns the subcommands of a command.
fn subcommands(name: &str) -> impl Iterator<Item = usize> {
    let is_sub = move |sub: &str| {
        let rest = sub.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('|'))
    };
    all()
        .filter(move |(_, sub)| is_sub(sub))
        .map(|(number, _)| number)
}

/// Returns whether a category contains a command.
pub(super) fn is_in(name: &str, category: &str) -> bool {
    let mut categories = Traits::of(name).into_iter().flat_map(Traits::categories);
    categories.any(|known| known.strip_prefix('@') == Some(category))
}

/// A set of commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Commands(Vec<bool>);

impl Commands {
    pub(super) fn contains(&self, number: usize) -> bool {
        self.0.get(number).copied().unwrap_or(false)
    }

    pub(super) fn fill(&mut self, value: bool) {
        self.0 = vec![value; ALL.len()];
    }

    pub(super) fn set(&mut self, number: usize, value: bool) {
        if self.0.len() <= number {
            self.0.resize(ALL.len(), false);
        }
        if let Some(known) = self.0.get_mut(number) {
            *known = value;
        }
    }
}

/// Returns the numbers of a command and its subcommands.
pub(super) fn with_subcommands(name: &'static str) -> impl Iterator<Item = usize> {
    number(name).into_iter().chain(subcommands(name))
}

/// Returns the commands of a category, and the subcommands of each.
pub(super) fn of_category(category: &str) -> Vec<usize> {
    let named = all().filter(|(_, name)| is_in(name, category));
    named.flat_map(|(_, name)| with_subcommands(name)).collect()
}

/// Returns the name of a category as it is known.
pub(super) fn category(name: &[u8]) -> Option<&'static str> {
    let is_it = |known: &&&str| known.as_bytes().eq_ignore_ascii_case(name);
    CATEGORIES.iter().find(is_it).copied()
}

/// Returns the name of a command as it is known.
pub(super) fn named(name: &[u8]) -> Option<(usize, &'static str)> {
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    let number = number(&name)?;
    Some((number, ALL.get(number)?))
}
