//! Error replies with the wording of Redis 7.

use std::fmt;

use bytes::Bytes;
use swarm_resp::Frame;

use super::acl::Denied;
use crate::fragments;

/// Text of an error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reject(Bytes);

impl Reject {
    pub(super) const SYNTAX: Self = Self::text("ERR syntax error");
    pub(super) const WRONG_TYPE: Self =
        Self::text("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub(super) const NOT_INTEGER: Self = Self::text("ERR value is not an integer or out of range");
    pub(super) const OVERFLOW: Self = Self::text("ERR increment or decrement would overflow");

    /// Crash of SwarmKeyDb's command processor, which over TCP and WebSocket is not answered.
    pub(super) const CRASH: Self = Self::text("ERR internal server error.");

    pub(super) const OUT_OF_MEMORY: Self =
        Self::text("OOM command not allowed when used memory > 'maxmemory'.");
    pub(super) const NO_KEY: Self = Self::text("ERR no such key");
    pub(super) const IN_TRANSACTION: Self =
        Self::text("ERR Command not allowed inside a transaction");

    /// The error for a command that a user may not run. `name` is in upper case.
    pub(super) fn no_permission(denied: Denied, name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let what = match denied {
            Denied::Command => format!("run the '{name}' command"),
            Denied::Key(_) => "access one of the keys used as arguments".to_owned(),
            Denied::Channel(_) => "access one of the channels used as arguments".to_owned(),
        };
        Self::new(format!("NOPERM this user has no permissions to {what}"))
    }

    /// The error for a queued command that a user may not run any more.
    pub(super) fn no_permission_any_more(denied: Denied) -> Self {
        let what = match denied {
            Denied::Command => "execute the command or subcommand",
            Denied::Key(_) => "touch the specified keys",
            Denied::Channel(_) => "access one of the channels used as arguments",
        };
        Self::new(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
             EXEC call. This command is no longer allowed for the following reason: no permission \
             to {what}"
        ))
    }

    /// The error for a command of a script that its user may not run.
    pub(super) fn no_permission_in_script(denied: Denied) -> Self {
        let what = match denied {
            Denied::Command => "run this command or subcommand",
            Denied::Key(_) => "access at least one of the keys mentioned in the command arguments",
            Denied::Channel(_) => "publish to the channel mentioned in the command",
        };
        Self::new(format!("ERR The user executing the script can't {what}"))
    }

    pub(super) const fn text(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    pub(super) fn new(text: impl Into<Bytes>) -> Self {
        Self(text.into())
    }

    pub(super) fn is_crash(&self) -> bool {
        *self == Self::CRASH
    }

    /// Joins text parts.
    pub(super) fn joined(parts: &[&[u8]]) -> Self {
        Self::new(parts.concat())
    }

    /// Joins text parts, cutting each off at its first NUL.
    pub(super) fn quoting(parts: &[&[u8]]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|part| until_nul(part)).collect();
        Self::new(parts.concat())
    }

    /// SwarmKeyDb's error for an unknown command.
    pub(super) fn unknown_to_swarm(name: &[u8]) -> Self {
        Self::new([b"ERR unknown command '", name, b"'"].concat())
    }

    /// SwarmKeyDb's error for a missing group.
    pub(super) fn no_key_or_group(key: &[u8], group: &[u8]) -> Self {
        Self::joined(&[
            b"NOGROUP No such key '",
            key,
            b"' or consumer group '",
            group,
            b"'",
        ])
    }

    /// Redis' error for a missing group, or a missing key.
    pub(super) fn no_stream_or_group(key: &[u8], group: &[u8]) -> Self {
        Self::quoting(&[
            b"NOGROUP No such key '",
            key,
            b"' or consumer group '",
            group,
            b"'",
        ])
    }

    pub(super) fn no_group(key: &[u8], group: &[u8]) -> Self {
        Self::quoting(&[
            b"NOGROUP No such consumer group '",
            group,
            b"' for key name '",
            key,
            b"'",
        ])
    }

    /// `name` is in lower case, with `|` before a subcommand.
    pub(super) fn arity(name: &str) -> Self {
        Self::new(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// `name` is in upper case.
    pub(super) fn subscribed(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self::new(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                    RESET are allowed in this context"
        ))
    }

    /// `container` is in upper case.
    pub(super) fn subcommand(container: &str, given: &[u8]) -> Self {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend(until_nul(given).iter().take(128));
        text.extend(format!("'. Try {container} HELP.").bytes());
        Self::new(text)
    }

    /// `container` is in upper case, and `sub` as it was given.
    pub(super) fn usage(container: &str, sub: &[u8]) -> Self {
        Self::quoting(&[
            b"ERR unknown subcommand or wrong number of arguments for '",
            sub,
            b"'. Try ",
            container.as_bytes(),
            b" HELP.",
        ])
    }

    pub(super) fn expire_time(name: &str) -> Self {
        Self::new(format!("ERR invalid expire time in '{name}' command"))
    }

    /// Quotes the name and the arguments as Redis does, at most 128 bytes of each.
    pub(super) fn unknown(args: &[Bytes]) -> Self {
        const SHOWN: usize = 128;
        let (name, rest) = args
            .split_first()
            .map_or((&b""[..], args), |(name, rest)| (name.as_ref(), rest));
        let mut shown = Vec::new();
        for arg in rest {
            let Some(room @ 1..) = SHOWN.checked_sub(shown.len()) else {
                break;
            };
            shown.push(b'\'');
            shown.extend(until_nul(arg).iter().take(room));
            shown.extend(b"' ");
        }
        let mut text = b"ERR unknown command '".to_vec();
        text.extend(until_nul(name).iter().take(SHOWN));
        text.extend(b"', with args beginning with: ");
        text.extend(shown);
        Self::new(text)
    }
}

/// Redis formats these as C strings, which end at a NUL.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Reject {
    /// Returns the error reply, with its line breaks if `keeps_line_breaks` is set.
    pub(super) fn frame(self, keeps_line_breaks: bool) -> Frame {
        if keeps_line_breaks && self.0.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            fragments::error(&self.0)
        } else {
            Frame::error(self.0)
        }
    }
}
