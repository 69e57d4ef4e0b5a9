//! What COMMAND shows of a command besides its arity and keys: flags, ACL categories, and tips.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Redis' commands, one on each line. The parts of a line are separated by `|`, the words of a part
/// and the name of a subcommand by blanks.
const TRAITS: &str = include_str!("traits.txt");

static BY_NAME: LazyLock<HashMap<String, Traits>> =
    LazyLock::new(|| TRAITS.lines().filter_map(Traits::parse).collect());

/// Traits of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traits {
    flags: &'static str,
    categories: &'static str,
    tips: &'static str,
}

impl Traits {
    /// Returns the traits of a command, in upper case with `|` before a subcommand. Those of
    /// SwarmKeyDb are not known.
    pub(super) fn of(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// Returns whether a command, in upper case, has subcommands.
    #[cfg(feature = "lua")]
    pub(super) fn has_subcommands(name: &str) -> bool {
        let mut names = BY_NAME.keys().filter_map(|other| other.split_once('|'));
        names.any(|(container, _)| container == name)
    }

    /// Returns the names of all commands of Redis.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        BY_NAME.keys().map(String::as_str)
    }

    /// Returns the traits of a line, and the name of its command.
    fn parse(line: &'static str) -> Option<(String, Self)> {
        let mut parts = line.split('|');
        let name = parts.next()?.replace(' ', "|");
        let traits = Self {
            flags: parts.next()?,
            categories: parts.next()?,
            tips: parts.next()?,
        };
        Some((name, traits))
    }

    pub(super) fn flags(self) -> impl Iterator<Item = &'static str> {
        self.flags.split_ascii_whitespace()
    }

    pub(super) fn categories(self) -> impl Iterator<Item = &'static str> {
        self.categories.split_ascii_whitespace()
    }

    pub(super) fn tips(self) -> impl Iterator<Item = &'static str> {
        self.tips.split_ascii_whitespace()
    }

    pub(super) fn has(self, flag: &str) -> bool {
        self.flags().any(|other| other == flag)
    }

    /// Returns whether Redis rejects the command when memory is used up.
    pub(super) fn deny_oom(self) -> bool {
        self.has("denyoom")
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;
    use crate::backend::memory::table;

    #[test]
    fn every_command_of_redis_has_traits() {
        let swarm = [
            "AUTHADDR",
            "AUTHDID",
            "BACKENDMETA",
            "BACKUP",
            "CLIENT|SETINFO",
            "MDEL",
            "RESTOREDB",
            "ROTATEKEY",
            "SWARM.RESYNC",
        ];
        for spec in table::all() {
            let known = Traits::of(spec.name).is_some();
            assert_eq!(known, !swarm.contains(&spec.name), "{}", spec.name);
        }
        assert!(Traits::of("SET").is_some_and(Traits::deny_oom));
        assert!(!Traits::of("GET").is_some_and(Traits::deny_oom));
        let categories: Vec<_> = Traits::of("SCRIPT|KILL")
            .into_iter()
            .flat_map(Traits::categories)
            .collect();
        assert_eq!(categories, ["@slow", "@scripting"]);
    }
}
