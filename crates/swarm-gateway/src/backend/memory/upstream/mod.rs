//! Commands as SwarmKeyDb's own processor runs them, beside Redis's in the parent module. They
//! share the keyspace, connections, and blocking, but neither numbers, error texts, nor streams.

mod keys;
mod number;
mod pubsub;
mod server;
mod streams;
mod strings;
mod table;
mod watch;

use bytes::Bytes;

use super::call::Call;
use super::reject::Reject;
use super::table::Spec;

pub(super) use streams::Stream;
pub(super) use table::{announced, find};

/// Commands that a subscribed connection accepts.
const WHILE_SUBSCRIBED: [&str; 7] = [
    "HELLO",
    "PING",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "RESET",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];

/// Rejects a command that a subscribed connection must not call. `name` is in upper case.
pub(super) fn while_subscribed(name: &str) -> Result<(), Reject> {
    if WHILE_SUBSCRIBED.contains(&name) || name == "QUIT" {
        return Ok(());
    }
    let name = name.to_lowercase();
    Err(Reject::new(format!(
        "ERR Can't call '{name}' in subscribe mode"
    )))
}

/// Returns the command to queue for EXEC, whose arguments are checked when it runs.
pub(super) fn queueable(spec: &'static Spec) -> Result<&'static Spec, Reject> {
    match spec.name {
        "EVAL" | "EVALSHA" | "SCRIPT" => Err(unknown_in_transaction(spec.name)),
        "SELECT" | "UNWATCH" => Ok(spec),
        _ if matches!(spec.run, super::table::Run::Connection(_)) => Err(Reject::IN_TRANSACTION),
        _ => Ok(spec),
    }
}

/// Returns whether a command of a transaction runs at once.
pub(super) fn is_immediate(spec: &Spec, args: &[Bytes]) -> bool {
    let subcommand = args.get(1).map_or(&[][..], Bytes::as_ref);
    spec.name == "CLIENT" && subcommand.eq_ignore_ascii_case(b"TRACKING")
}

/// Error for an unknown command in a transaction.
pub(super) fn unknown_in_transaction(name: &str) -> Reject {
    Reject::new(format!("ERR unknown command `{name}`"))
}

/// Returns the name of a command in upper case. As on .NET, a character whose upper case is longer
/// stays as it is.
pub(super) fn upper(name: &[u8]) -> String {
    let upper = |char: char| {
        let mut upper = char.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => char,
        }
    };
    String::from_utf8_lossy(name).chars().map(upper).collect()
}

/// Decodes an argument as the server decodes keys, channels, and names.
fn decoded(arg: &Bytes) -> Bytes {
    match String::from_utf8_lossy(arg) {
        std::borrow::Cow::Borrowed(_) => arg.clone(),
        std::borrow::Cow::Owned(text) => text.into(),
    }
}

const EMPTY_KEY: Reject = Reject::text("ERR Keys must not be empty. (Parameter 'key')");

/// Decodes a key, which must not be empty.
fn valid_key(arg: &Bytes) -> Result<Bytes, Reject> {
    if arg.is_empty() {
        return Err(EMPTY_KEY);
    }
    Ok(decoded(arg))
}

/// Text of an error for a wrong number of arguments.
#[derive(Debug, Clone, Copy)]
enum Naming {
    /// `'get'`, as the client typed it.
    AsTyped,
    /// `'MGET'`.
    Upper,
    /// `'XADD' command`.
    UpperCommand,
}

/// Error for a wrong number of arguments of a command or subcommand.
pub(super) fn wrong_number(name: &str) -> Reject {
    Reject::new(format!("ERR wrong number of arguments for '{name}'"))
}

fn arity(call: &Call<'_>, naming: Naming) -> Reject {
    let typed = call.arg(0);
    match naming {
        Naming::AsTyped => wrong_number(&String::from_utf8_lossy(typed)),
        Naming::Upper => wrong_number(&upper(typed)),
        Naming::UpperCommand => Reject::arity(&upper(typed)),
    }
}

impl Call<'_> {
    /// Returns a key argument, decoded.
    fn key(&self, at: usize) -> Result<Bytes, Reject> {
        valid_key(self.arg(at))
    }

    /// Checks the number of arguments, including the name.
    fn expects(&self, fits: bool, naming: Naming) -> Result<(), Reject> {
        if fits {
            Ok(())
        } else {
            Err(arity(self, naming))
        }
    }

    /// Checks that there are exactly this many arguments, including the name.
    fn exactly(&self, count: usize) -> Result<(), Reject> {
        self.expects(self.args.len() == count, Naming::AsTyped)
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.arg(at).eq_ignore_ascii_case(word.as_bytes())
    }
}
