//! Users: passwords and selectors.

use std::collections::BTreeSet;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::reject::Reject;
use super::selector::{Denied, Fault, Selector};

/// Number of passwords, selectors, or patterns, beyond which rules are not accepted.
const MOST: usize = 10_000;

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) is_on: bool,
    pub(super) needs_no_password: bool,
    /// Hashes, in hexadecimal, in the order in which they were added.
    pub(super) passwords: Vec<String>,
    skips_sanitizing: Option<bool>,
    /// Whether new selectors have all channels, as `acl-pubsub-default` says.
    opens_channels: bool,
    /// The first one is that of the user itself.
    pub(super) selectors: Vec<Selector>,
}

fn hash(password: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(password))
}

/// Compares without leaking through timing how much of a hash is correct.
fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && (left.bytes().zip(right.bytes())).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl User {
    /// Returns a user who may do nothing.
    pub(super) fn new(opens_channels: bool) -> Self {
        Self {
            is_on: false,
            needs_no_password: false,
            passwords: Vec::new(),
            skips_sanitizing: None,
            opens_channels,
            selectors: vec![Selector::new(opens_channels)],
        }
    }

    /// Sets whether new selectors have all channels.
    pub(super) const fn open_channels(&mut self, opens_channels: bool) {
        self.opens_channels = opens_channels;
    }

    /// Returns the user that connections have without a login.
    pub(super) fn default_user(password: Option<&Bytes>) -> Self {
        Self {
            is_on: true,
            needs_no_password: password.is_none(),
            passwords: password.iter().map(|password| hash(password)).collect(),
            skips_sanitizing: None,
            opens_channels: false,
            selectors: vec![Selector::unlimited()],
        }
    }

    /// Returns whether connections have the user without a login.
    pub(super) const fn is_open(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    pub(super) fn is_unlimited(&self) -> bool {
        self.selectors.iter().any(Selector::is_unlimited)
    }

    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        let hash = hash(password);
        let is_known = self.passwords.iter().any(|known| equal(known, &hash));
        self.is_on && (self.needs_no_password || is_known)
    }

    /// Returns why the user may not run a command: the greatest of the reasons of the selectors.
    pub(super) fn check(&self, name: &str, args: &[Bytes]) -> Result<(), Denied> {
        let mut reason = None;
        for selector in &self.selectors {
            match selector.check(name, args) {
                Ok(()) => return Ok(()),
                Err(denied) => reason = reason.max(Some(denied)),
            }
        }
        reason.map_or(Ok(()), Err)
    }

    /// Applies a rule.
    pub(super) fn apply(&mut self, rule: &[u8]) -> Result<(), Fault> {
        let word = rule.to_ascii_lowercase();
        match word.as_slice() {
            b"" => {}
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => {
                self.needs_no_password = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.needs_no_password = false;
                self.passwords.clear();
            }
            b"sanitize-payload" => self.skips_sanitizing = Some(false),
            b"skip-sanitize-payload" => self.skips_sanitizing = Some(true),
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => {
                *self = Self::new(self.opens_channels);
                self.skips_sanitizing = Some(false);
            }
            [b'>', ..] => self.add_password(hash(rule.get(1..).unwrap_or_default())),
            [b'#', ..] => self.add_password(hashed(rule)?),
            [b'<', ..] => self.remove_password(&hash(rule.get(1..).unwrap_or_default()))?,
            [b'!', ..] => self.remove_password(&hashed(rule)?)?,
            [b'(', .., b')'] => {
                let rules = rule.get(1..rule.len() - 1).unwrap_or_default();
                let mut selector = Selector::new(self.opens_channels);
                let rules = rules
                    .split(|byte| *byte == b' ')
                    .filter(|rule| !rule.is_empty());
                for rule in rules {
                    selector.apply(rule)?;
                }
                if self.selectors.len() < MOST {
                    self.selectors.push(selector);
                }
            }
            _ => match self.selectors.first_mut() {
                Some(selector) => selector.apply(rule)?,
                None => return Err(Fault::Syntax),
            },
        }
        Ok(())
    }

    fn add_password(&mut self, hash: String) {
        self.needs_no_password = false;
        if !self.passwords.contains(&hash) && self.passwords.len() < MOST {
            self.passwords.push(hash);
        }
    }

    fn remove_password(&mut self, hash: &str) -> Result<(), Fault> {
        let at = self.passwords.iter().position(|known| known == hash);
        self.passwords.remove(at.ok_or(Fault::NoPassword)?);
        Ok(())
    }

    /// Returns the names of the flags.
    pub(super) fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.is_on { "on" } else { "off" }];
        if self.needs_no_password {
            flags.push("nopass");
        }
        match self.skips_sanitizing {
            Some(true) => flags.push("skip-sanitize-payload"),
            Some(false) => flags.push("sanitize-payload"),
            None => {}
        }
        flags
    }

    /// Returns the rules that create the user.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut rules: Vec<Vec<u8>> = self
            .flags()
            .iter()
            .map(|flag| flag.as_bytes().to_vec())
            .collect();
        rules.extend(
            self.passwords
                .iter()
                .map(|hash| format!("#{hash}").into_bytes()),
        );
        for (at, selector) in self.selectors.iter().enumerate() {
            let mut parts = vec![selector.describe_keys()];
            let channels = selector.describe_channels();
            if channels != b"&*" {
                parts.push(b"resetchannels".to_vec());
            }
            parts.extend([channels, selector.describe_commands().into_bytes()]);
            parts.retain(|part| !part.is_empty());
            let text = parts.join(&b' ');
            rules.push(match at {
                0 => text,
                _ => [b"(", text.as_slice(), b")"].concat(),
            });
        }
        rules.join(&b' ')
    }
}

/// Returns the hash that a rule contains.
fn hashed(rule: &[u8]) -> Result<String, Fault> {
    let text = rule.get(1..).unwrap_or_default();
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match text.len() == 64 && text.iter().all(is_digit) {
        true => Ok(String::from_utf8_lossy(text).into_owned()),
        false => Err(Fault::BadHash),
    }
}

/// Joins rules that are the parts of a selector in parentheses.
pub(super) fn joined(rules: &[Bytes]) -> Result<Vec<Bytes>, Reject> {
    let mut joined = Vec::new();
    let mut open: Option<(&Bytes, Vec<u8>)> = None;
    for rule in rules {
        open = match open {
            None if rule.starts_with(b"(") && !rule.ends_with(b")") => Some((rule, rule.to_vec())),
            None => {
                joined.push(rule.clone());
                None
            }
            Some((first, text)) => {
                let text = [&text, &b" "[..], rule].concat();
                if rule.ends_with(b")") {
                    joined.push(text.into());
                    None
                } else {
                    Some((first, text))
                }
            }
        };
    }
    match open {
        None => Ok(joined),
        Some((first, _)) => Err(Reject::quoting(&[
            b"ERR Unmatched parenthesis in acl selector starting at '",
            first,
            b"'.",
        ])),
    }
}

/// Returns the users of connections that must end, because they may not receive what they are
/// subscribed to any more.
pub(super) fn loses_channel(user: &User, channels: &BTreeSet<(Bytes, bool)>) -> bool {
    let allows = |(channel, is_pattern): &(Bytes, bool)| {
        let mut selectors = user.selectors.iter();
        selectors.any(|selector| selector.allows_channel(channel, *is_pattern))
    };
    !channels.iter().all(allows)
}
