//! Selectors: commands together with the keys and channels that they may use.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::glob;
use super::super::traits::Traits;
use super::commands::{self, CATEGORIES, Commands};
use super::keys::{self, Access};

/// Why a rule is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Unknown,
    Syntax,
    BehindAllKeys,
    BehindAllChannels,
    Subcommand,
    NoPassword,
    BadHash,
}

impl Fault {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown command or category name in ACL",
            Self::Syntax => "Syntax error",
            Self::BehindAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
                 does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::BehindAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and \
                 does not have any effect. Try 'resetchannels' to start with an empty list of \
                 channels"
            }
            Self::Subcommand => "Allowing first-arg of a subcommand is not supported",
            Self::NoPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            Self::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase \
                 hexadecimal characters"
            }
        }
    }
}

/// Why a user may not run a command, with the position of an argument. Redis reports the greatest
/// of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Denied {
    Command,
    Key(usize),
    Channel(usize),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    commands: Commands,
    /// Whether it also contains commands that are added to Redis later.
    future: bool,
    /// Whether it contains all commands, without exceptions.
    everything: bool,
    /// First arguments with which commands outside of `commands` are allowed, in lower case.
    first_args: BTreeMap<usize, Vec<Bytes>>,
    all_keys: bool,
    keys: Vec<(Bytes, Access)>,
    all_channels: bool,
    channels: Vec<Bytes>,
}

impl Selector {
    /// Returns a selector without commands and keys.
    pub(super) fn new(all_channels: bool) -> Self {
        Self {
            all_channels,
            ..Self::default()
        }
    }

    /// Returns a selector without limits.
    pub(super) fn unlimited() -> Self {
        let mut selector = Self {
            all_keys: true,
            all_channels: true,
            ..Self::default()
        };
        selector.set_all(true);
        selector
    }

    /// Returns whether it has no limits.
    pub(super) const fn is_unlimited(&self) -> bool {
        self.everything && self.all_keys && self.all_channels
    }

    fn set_all(&mut self, value: bool) {
        self.commands.fill(value);
        self.future = value;
        self.everything = value;
        self.first_args.clear();
    }

    fn set_commands(&mut self, numbers: impl IntoIterator<Item = usize>, value: bool) {
        for number in numbers {
            self.commands.set(number, value);
            self.everything &= value;
            self.first_args.remove(&number);
        }
    }

    /// Applies a rule.
    pub(super) fn apply(&mut self, rule: &[u8]) -> Result<(), Fault> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => {
                self.all_keys = true;
                self.keys.clear();
            }
            b"resetkeys" => {
                self.all_keys = false;
                self.keys.clear();
            }
            b"allchannels" | b"&*" => {
                self.all_channels = true;
                self.channels.clear();
            }
            b"resetchannels" => {
                self.all_channels = false;
                self.channels.clear();
            }
            b"allcommands" | b"+@all" => self.set_all(true),
            b"nocommands" | b"-@all" => self.set_all(false),
            [b'~' | b'%', ..] => self.add_key(rule)?,
            [b'&', ..] => self.add_channel(rule)?,
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                let category = commands::category(name).ok_or(Fault::Unknown)?;
                self.set_commands(commands::of_category(category), *sign == b'+');
            }
            [b'-', name @ ..] => {
                let (_, name) = commands::named(name).ok_or(Fault::Unknown)?;
                self.set_commands(commands::with_subcommands(name), false);
            }
            [b'+', name @ ..] => match commands::named(name) {
                Some((_, name)) => self.set_commands(commands::with_subcommands(name), true),
                None => self.add_first_arg(name)?,
            },
            _ => return Err(Fault::Syntax),
        }
        Ok(())
    }

    fn add_key(&mut self, rule: &[u8]) -> Result<(), Fault> {
        if self.all_keys {
            return Err(Fault::BehindAllKeys);
        }
        let mut access = Access::default();
        let pattern = match rule {
            [b'~', pattern @ ..] => {
                access = Access::BOTH;
                pattern
            }
            [_, rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'~');
                let (kinds, pattern) = rest.split_at(end.ok_or(Fault::Syntax)?);
                for kind in kinds {
                    match kind.to_ascii_uppercase() {
                        b'R' if !access.reads => access.reads = true,
                        b'W' if !access.writes => access.writes = true,
                        _ => return Err(Fault::Syntax),
                    }
                }
                if access == Access::default() {
                    return Err(Fault::Syntax);
                }
                pattern.get(1..).unwrap_or_default()
            }
            [] => return Err(Fault::Syntax),
        };
        check_spaces(pattern)?;
        let known = self.keys.iter_mut().find(|(known, _)| known == pattern);
        if let Some((_, known)) = known {
            known.reads |= access.reads;
            known.writes |= access.writes;
        } else {
            self.keys.push((Bytes::copy_from_slice(pattern), access));
        }
        Ok(())
    }

    fn add_channel(&mut self, rule: &[u8]) -> Result<(), Fault> {
        if self.all_channels {
            return Err(Fault::BehindAllChannels);
        }
        let pattern = rule.get(1..).unwrap_or_default();
        check_spaces(pattern)?;
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(Bytes::copy_from_slice(pattern));
        }
        Ok(())
    }

    /// Allows a command with a first argument. `rule` is in lower case.
    fn add_first_arg(&mut self, rule: &[u8]) -> Result<(), Fault> {
        let at = rule.iter().position(|byte| *byte == b'|');
        let (name, arg) = rule.split_at(at.ok_or(Fault::Unknown)?);
        let (number, name) = commands::named(name).ok_or(Fault::Unknown)?;
        let arg = arg.get(1..).unwrap_or_default();
        if arg.contains(&b'|') {
            return Err(match commands::has_subcommands(name) {
                true => Fault::Subcommand,
                false => Fault::Unknown,
            });
        }
        if arg.is_empty() {
            return Err(Fault::Syntax);
        }
        if commands::has_subcommands(name) {
            return Err(Fault::Unknown);
        }
        let args = self.first_args.entry(number).or_default();
        if !args.iter().any(|known| known == arg) {
            args.push(Bytes::copy_from_slice(arg));
        }
        Ok(())
    }

    /// Returns why a command must not run.
    pub(super) fn check(&self, name: &str, args: &[Bytes]) -> Result<(), Denied> {
        self.check_command(name, args)?;
        if !self.all_keys {
            for (at, access) in keys::keys(name, args) {
                let key = args.get(at).map_or(&[][..], Bytes::as_ref);
                if !self.allows_key(key, access) {
                    return Err(Denied::Key(at));
                }
            }
        }
        let (channels, is_pattern) = keys::channels(name, args);
        for at in channels {
            let channel = args.get(at).map_or(&[][..], Bytes::as_ref);
            if !self.allows_channel(channel, is_pattern) {
                return Err(Denied::Channel(at));
            }
        }
        Ok(())
    }

    fn check_command(&self, name: &str, args: &[Bytes]) -> Result<(), Denied> {
        let needs_no_login = || Traits::of(name).is_some_and(|traits| traits.has("no_auth"));
        let number = commands::number(name).unwrap_or(usize::MAX);
        if self.everything || self.commands.contains(number) || needs_no_login() {
            return Ok(());
        }
        let allowed = self.first_args.get(&number);
        let is_given = |allowed: &Bytes| {
            args.get(1)
                .is_some_and(|arg| arg.eq_ignore_ascii_case(allowed))
        };
        match allowed.is_some_and(|allowed| allowed.iter().any(is_given)) {
            true => Ok(()),
            false => Err(Denied::Command),
        }
    }

    /// Returns whether it allows a command to read all keys.
    pub(super) fn reads_everything(&self, name: &str, args: &[Bytes]) -> bool {
        let reads_all = |(pattern, access): &(Bytes, Access)| pattern == "*" && access.reads;
        self.check_command(name, args).is_ok() && (self.all_keys || self.keys.iter().any(reads_all))
    }

    fn allows_key(&self, key: &[u8], access: Access) -> bool {
        let allows = |(pattern, allowed): &(Bytes, Access)| {
            allowed.includes(access) && glob::matches(pattern, key)
        };
        self.keys.iter().any(allows)
    }

    /// Returns whether a channel may be used. A pattern must be one of the selector's.
    pub(super) fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let allows = |allowed: &Bytes| match is_pattern {
            true => allowed == channel,
            false => glob::matches(allowed, channel),
        };
        self.all_channels || self.channels.iter().any(allows)
    }

    /// Returns the rules about keys.
    pub(super) fn describe_keys(&self) -> Vec<u8> {
        let rule = |(pattern, access): &(Bytes, Access)| {
            let prefix: &[u8] = match (access.reads, access.writes) {
                (true, false) => b"%R~",
                (false, true) => b"%W~",
                _ => b"~",
            };
            [prefix, pattern].concat()
        };
        match self.all_keys {
            true => b"~*".to_vec(),
            false => self.keys.iter().map(rule).collect::<Vec<_>>().join(&b' '),
        }
    }

    /// Returns the rules about channels.
    pub(super) fn describe_channels(&self) -> Vec<u8> {
        let rule = |pattern: &Bytes| [b"&", pattern.as_ref()].concat();
        match self.all_channels {
            true => b"&*".to_vec(),
            false => self
                .channels
                .iter()
                .map(rule)
                .collect::<Vec<_>>()
                .join(&b' '),
        }
    }

    /// Returns the rules about commands: as few categories and commands as Redis finds.
    pub(super) fn describe_commands(&self) -> String {
        let adds = !self.future;
        let mut rules = vec![if adds { "-@all" } else { "+@all" }.to_owned()];
        let (mut described, mut rest) = (Self::default(), self.clone());
        described.set_all(!adds);
        let mut left: Vec<&str> = CATEGORIES.to_vec();
        while let Some(best) = rest.best_category(&left, adds) {
            described.set_commands(commands::of_category(best), adds);
            rest.set_commands(commands::of_category(best), !adds);
            rules.push(format!("{}@{best}", if adds { '+' } else { '-' }));
            left.retain(|category| *category != best);
        }
        for (number, name) in commands::all() {
            let wanted = self.commands.contains(number);
            let name = name.to_ascii_lowercase();
            if described.commands.contains(number) != wanted {
                rules.push(format!("{}{name}", if wanted { '+' } else { '-' }));
                // A command contains its subcommands.
                let name = name.to_ascii_uppercase();
                if let Some((_, name)) = commands::named(name.as_bytes()) {
                    described.set_commands(commands::with_subcommands(name), wanted);
                }
            }
            let first_args = self.first_args.get(&number).filter(|_| !wanted);
            for arg in first_args.into_iter().flatten() {
                rules.push(format!("+{name}|{}", String::from_utf8_lossy(arg)));
            }
        }
        rules.join(" ")
    }

    /// Returns the category that has most in common with the selector, or with what it excludes.
    fn best_category(&self, categories: &[&'static str], adds: bool) -> Option<&'static str> {
        let mut best: Option<(&'static str, usize, usize)> = None;
        for category in categories {
            let inside = commands::all().filter(|(_, name)| commands::is_in(name, category));
            let (on, off): (Vec<_>, Vec<_>) = inside
                .map(|(number, _)| self.commands.contains(number))
                .partition(|contained| *contained);
            let (same, different) = match adds {
                true => (on.len(), off.len()),
                false => (off.len(), on.len()),
            };
            let is_better = best.is_none_or(|(_, least, most)| {
                different < least || different == least && same > most
            });
            if same > different && is_better {
                best = Some((category, different, same));
            }
        }
        best.map(|(category, ..)| category)
    }
}

fn check_spaces(pattern: &[u8]) -> Result<(), Fault> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || matches!(*byte, 0x0b | 0);
    match pattern.iter().any(is_space) {
        true => Err(Fault::Syntax),
        false => Ok(()),
    }
}
