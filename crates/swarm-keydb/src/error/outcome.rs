//! Whether a failed command ran.

use swarm_resp::ServerError;
use swarm_transport::facts::named;

use super::code::{Code, Proves};

/// Whether a command that failed ran.
///
/// The enum is exhaustive: code that decides about a retry must handle every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The command was never sent, so it did not run. A retry is safe.
    NotSent,
    /// The command was sent, and may have run completely, in part or not at all. A retry may run it
    /// twice.
    ///
    /// Error replies also have this outcome if earlier effects may remain: a script that failed or
    /// was cut off, or `MSET` or `DEL` that failed midway on SwarmKeyDb.
    MayHaveRun,
    /// The server rejected the command with an error and did nothing.
    ///
    /// For scripts, this follows from errors that only the server has, such as `LOADING`. A script
    /// that returns such an error itself has this outcome, too.
    Rejected,
    /// The command ran; only its reply is unusable.
    Ran,
}

/// Decides whether a command that the server answered with an error did nothing.
pub(super) fn of_error(command: &str, error: &ServerError) -> Outcome {
    let mut words = command.split_ascii_whitespace().map(str::as_bytes);
    let mut word = || words.next().unwrap_or_default();
    let facts = named(word(), word());
    let proves = Code::of(error.code()).proves;
    let did_nothing = if facts.script {
        // Of a command that sends a script, this error can only be the script's own.
        let is_own = error.code() == "NOSCRIPT" && !facts.words.0.starts_with("EVALSHA");
        (proves == Proves::Anything && !is_own) || text_rejects_script(error)
    } else if facts.steps {
        // An error may come after some of the steps.
        proves != Proves::Nothing || text_rejects_steps(error)
    } else {
        !is_internal(error)
    };
    if did_nothing {
        Outcome::Rejected
    } else {
        Outcome::MayHaveRun
    }
}

/// Whether the server failed internally instead of rejecting the command.
fn is_internal(error: &ServerError) -> bool {
    error.code() == "ERR" && error.message().to_ascii_lowercase().starts_with("internal")
}

/// Whether an error's text proves that a script did not start. Only texts that no command within a
/// script gets count: a script can return any error of its commands after others have written.
fn text_rejects_script(error: &ServerError) -> bool {
    let message = error.message();
    match error.code() {
        "BUSY" => is_busy_with_another_script(message),
        "NOAUTH" => message == "Authentication required.",
        // A replica accepts no writes at all.
        "READONLY" => message.starts_with("You can't write against a read only replica"),
        "ERR" => {
            message.starts_with("Error compiling script")
                || message.starts_with("Number of keys can't be")
                || names_a_script(message)
        }
        _ => false,
    }
}

/// Whether the server rejected a script command by its name or its number of arguments, so that no
/// script has started.
fn names_a_script(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["wrong number of arguments for '", "unknown command '"]
        .iter()
        .filter_map(|before| message.strip_prefix(before)?.split('\'').next())
        .any(|name| named(name.as_bytes(), b"").script)
}

/// Whether an error's text proves that a command failed before its first step.
fn text_rejects_steps(error: &ServerError) -> bool {
    let message = error.message();
    match error.code() {
        "BUSY" => is_busy_with_another_script(message),
        "ERR" => [
            "wrong number of arguments",
            "unknown command",
            "syntax error",
            "EXEC without MULTI",
            "Invalid stream ID",
        ]
        .iter()
        .any(|start| message.starts_with(start)),
        _ => false,
    }
}

/// Whether `BUSY` is about another script. SwarmKeyDb also returns "Script exceeded time limit" for
/// the script itself, which keeps running.
fn is_busy_with_another_script(message: &str) -> bool {
    message.contains(" is busy running a script")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches errors that are reported as rejected although earlier steps took effect.
    #[test]
    fn the_command_decides_what_an_error_proves() {
        let yes = Outcome::Rejected;
        let no = Outcome::MayHaveRun;
        for (command, error, outcome) in [
            // The script itself keeps running, or another script is running.
            ("EVAL", "BUSY Script exceeded time limit", no),
            ("evalsha", "BUSY Script exceeded time limit", no),
            (
                "EVAL",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL.",
                yes,
            ),
            (
                "GET",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL.",
                yes,
            ),
            (
                "MSET",
                "BUSY Valkey is busy running a script. You can only call SCRIPT KILL.",
                yes,
            ),
            // Scripts rejected before they start.
            (
                "EVALSHA",
                "NOSCRIPT No matching script. Please use EVAL.",
                yes,
            ),
            ("EVAL", "NOSCRIPT No matching script. Please use EVAL.", no),
            (
                "EVAL",
                "ERR wrong number of arguments for 'eval' command",
                yes,
            ),
            ("EVAL", "ERR unknown command 'EVAL'", yes),
            ("FCALL", "ERR unknown command 'fcall'", yes),
            (
                "EVAL",
                "ERR Error compiling script (new function): user_script:1",
                yes,
            ),
            ("EVAL", "NOAUTH Authentication required.", yes),
            (
                "EVAL",
                "LOADING Redis is loading the dataset in memory",
                yes,
            ),
            (
                "EVAL",
                "READONLY You can't write against a read only replica. script: abc, on @script",
                yes,
            ),
            // Scripts that failed midway, or returned the error of one of their commands.
            ("EVAL", "ERR user_script:1: boom", no),
            (
                "EVAL",
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                no,
            ),
            (
                "EVAL",
                "ERR wrong number of arguments for 'get' command",
                no,
            ),
            ("EVAL", "ERR unknown command 'X'", no),
            (
                "EVAL",
                "OOM command not allowed when used memory > 'maxmemory'.",
                no,
            ),
            ("EVAL", "NOAUTH x", no),
            ("EVAL_RO", "my error", no),
            ("FCALL", "ERR x", no),
            // Several keys, which SwarmKeyDb writes one after the other.
            ("MSET", "ERR Keys must not be empty. (Parameter 'key')", no),
            ("DEL", "ERR Keys must not be empty. (Parameter 'key')", no),
            (
                "MSET",
                "OOM command not allowed when used memory > 'maxmemory'.",
                no,
            ),
            ("MSET", "ERR wrong number of arguments for 'MSET'", yes),
            (
                "DEL",
                "READONLY You can't write against a read only replica.",
                yes,
            ),
            ("DEL", "NOPERM this user has no permissions", yes),
            ("RESTOREDB", "ERR backup not found", no),
            ("XACK", "NOGROUP No such key 'k' or consumer group 'g'", yes),
            // A transaction.
            (
                "EXEC",
                "EXECABORT Transaction discarded because of previous errors.",
                yes,
            ),
            ("EXEC", "ERR internal server error.", no),
            ("EXEC", "WHATEVER x", no),
            // One key: written or not.
            ("SET", "ERR syntax error", yes),
            ("INCR", "ERR value is not an integer or out of range", yes),
            (
                "GET",
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                yes,
            ),
            (
                "SET",
                "OOM command not allowed when used memory > 'maxmemory'.",
                yes,
            ),
            ("SET", "ERR internal server error.", no),
            ("SCRIPT LOAD", "ERR x", yes),
        ] {
            let found = of_error(command, &ServerError::parse(error.as_bytes()));
            assert_eq!(found, outcome, "{command}: {error}");
        }
    }
}
