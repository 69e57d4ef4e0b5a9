//! Which commands a connection must not carry, shared or not.

use std::borrow::Cow;

use swarm_resp::{Frame, RequestArgs, ToArgs};

use super::model::{self, ServerInfo};
use super::words::guard;
use crate::command::{Builder, Command};
use crate::error::Error;

/// Why a command of these arguments must not be sent, if so.
type Reason = fn(&RequestArgs<'_>) -> Option<&'static str>;

/// Refuses a command if there is a reason to.
pub(super) fn refuse(command: &mut Command<Frame>, reason: Reason) {
    if let Some(reason) = reason(&command.draft.request.written()) {
        command.draft.refuse(Error::argument(reason));
    }
}

/// A command for a connection that nobody shares.
pub(crate) fn exclusive_command(
    command: impl Into<Cow<'static, str>>,
    args: impl ToArgs,
) -> Command<Frame> {
    let mut command = Builder::named(command).args(args).build();
    guard(&mut command);
    command.draft.alone = true;
    refuse(&mut command, unordered_command);
    refuse(&mut command, tracked_command);
    refuse(&mut command, blocking_command);
    command
}

/// HELLO with a version, which changes the connection.
pub(crate) fn hello_command(version: u8) -> Command<ServerInfo> {
    Builder::new("HELLO")
        .alone()
        .arg(u64::from(version))
        .build_with(model::server_info)
}

/// Why a command goes through a method of its own even on a connection that nobody shares.
fn tracked_command(args: &RequestArgs<'_>) -> Option<&'static str> {
    let name = args.peek().unwrap_or_default();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("MULTI") || is("EXEC") || is("DISCARD") {
        Some("the replies of all commands behind it would be of another type; use multi")
    } else if is("HELLO") {
        Some("what some servers answer is no reply; use hello_with")
    } else {
        None
    }
}

/// Why a command must not be sent over a connection where others wait behind it.
pub(super) fn blocking_command(args: &RequestArgs<'_>) -> Option<&'static str> {
    let name = args.peek().unwrap_or_default();
    let is_one_of = |names: &[&str]| {
        names
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
    };
    let blocks = is_one_of(&[
        "BLMOVE",
        "BLMPOP",
        "BLPOP",
        "BRPOP",
        "BRPOPLPUSH",
        "BZMPOP",
        "BZPOPMAX",
        "BZPOPMIN",
        "WAIT",
        "WAITAOF",
    ]) || is_one_of(&["XREAD", "XREADGROUP"])
        && args
            .clone()
            .take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"))
            .any(|arg| arg.eq_ignore_ascii_case(b"BLOCK"));
    blocks.then_some("it may block every task that shares the connection; use raw_blocking")
}

/// Why a command must not be sent over a connection that others share.
pub(super) fn session_command(args: &RequestArgs<'_>) -> Option<&'static str> {
    if let Some(reason) = unordered_command(args) {
        return Some(reason);
    }
    let (first, second) = words(args)?;
    match (first.as_str(), second.as_deref()) {
        (
            "AUTH" | "HELLO" | "RESET" | "QUIT" | "SELECT" | "MULTI" | "EXEC" | "DISCARD" | "WATCH"
            | "UNWATCH" | "READONLY" | "READWRITE" | "ASKING",
            _,
        )
        | ("CLIENT", Some("CACHING" | "NO-EVICT" | "NO-TOUCH")) => {
            Some("it would change the connection for every task that shares it")
        }
        _ => None,
    }
}

/// Why a command must not be sent over any connection whose replies are matched by their order.
fn unordered_command(args: &RequestArgs<'_>) -> Option<&'static str> {
    let (first, second) = words(args)?;
    match (first.as_str(), second.as_deref()) {
        (
            "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE"
            | "SUNSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC",
            _,
        )
        | ("CLIENT", Some("REPLY" | "TRACKING")) => {
            Some("it would put all replies of the connection out of step")
        }
        _ => None,
    }
}

/// The first two words, in capitals.
fn words(args: &RequestArgs<'_>) -> Option<(String, Option<String>)> {
    let mut words = args
        .clone()
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    Some((words.next()?, words.next()))
}
