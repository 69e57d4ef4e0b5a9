//! What an error reply says about the command that got it: whether it certainly did nothing.

use swarm_resp::ServerError;

use super::Outcome;
use crate::server::SCRIPTS;

/// Commands that act on several keys or entries, or in several steps: an error may come after some of them.
const IN_STEPS: &[&str] = &[
    "BACKUP",
    "DEL",
    "EXEC",
    "MDEL",
    "MIGRATE",
    "MSET",
    "MSETNX",
    "RESTOREDB",
    "ROTATEKEY",
    "SWARM.RESYNC",
    "UNLINK",
    "XACK",
    "XAUTOCLAIM",
    "XCLAIM",
    "XDEL",
];

/// What an error reply to a command says about it.
pub(super) fn of_error(command: &str, error: &ServerError) -> Outcome {
    let is_one_of = |names: &[&str]| {
        let name = command.split_ascii_whitespace().next().unwrap_or_default();
        names.iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    let did_nothing = if is_one_of(SCRIPTS) {
        refuses_a_script(error)
    } else if is_one_of(IN_STEPS) {
        refuses_before_the_first_step(error)
    } else {
        !is_internal(error)
    };
    if did_nothing {
        Outcome::Rejected
    } else {
        Outcome::MayHaveRun
    }
}

/// Whether the server failed within, rather than refused: nothing is known then.
fn is_internal(error: &ServerError) -> bool {
    error.code() == "ERR" && error.message().to_ascii_lowercase().starts_with("internal")
}

/// Whether a script certainly did not begin. Only what no command within a script is told, for a script may return any error
/// that it was told after it has written.
fn refuses_a_script(error: &ServerError) -> bool {
    let message = error.message();
    match error.code() {
        // Not "Script exceeded time limit", which SwarmKeyDb says of this script: it runs on.
        "BUSY" => message.contains(" is busy running a script"),
        "NOSCRIPT" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN"
        | "EXECABORT" => true,
        "NOAUTH" => message == "Authentication required.",
        // A replica takes no write at all.
        "READONLY" => message.starts_with("You can't write against a read only replica"),
        "ERR" => {
            message.starts_with("Error compiling script")
                || message.starts_with("Number of keys can't be")
                || SCRIPTS.iter().any(|name| {
                    let message = message.to_ascii_uppercase();
                    let named = |before: &str| {
                        (message.strip_prefix(before)).is_some_and(|rest| rest.starts_with(name))
                    };
                    named("WRONG NUMBER OF ARGUMENTS FOR '") || named("UNKNOWN COMMAND '")
                })
        }
        _ => false,
    }
}

/// Whether an error can only come before a command has done anything.
fn refuses_before_the_first_step(error: &ServerError) -> bool {
    let message = error.message();
    match error.code() {
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN"
        | "READONLY" | "MISCONF" | "NOREPLICAS" | "MOVED" | "ASK" | "CROSSSLOT" | "TRYAGAIN"
        | "EXECABORT" | "DENIED" | "BUSYGROUP" | "NOGROUP" | "WRONGTYPE" => true,
        "BUSY" => message.contains(" is busy running a script"),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The table: commands, errors, and whether the command certainly did nothing. Stands for every error that is told as
    /// "did nothing" although earlier steps were done.
    #[test]
    fn what_an_error_says_is_decided_by_the_command() {
        let yes = Outcome::Rejected;
        let no = Outcome::MayHaveRun;
        for (command, error, outcome) in [
            // A script that runs on, and another script that runs.
            ("EVAL", "BUSY Script exceeded time limit", no),
            ("evalsha", "BUSY Script exceeded time limit", no),
            (
                "EVAL",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                yes,
            ),
            (
                "GET",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                yes,
            ),
            (
                "MSET",
                "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                yes,
            ),
            // Scripts: refused before they begin.
            (
                "EVALSHA",
                "NOSCRIPT No matching script. Please use EVAL.",
                yes,
            ),
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
                "READONLY You can't write against a read only replica. script: abc, on @user_script:1.",
                yes,
            ),
            // Scripts: failed within, or returned what a command within was told.
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
            // Several keys: SwarmKeyDb writes one after the other.
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
            // One key: done or not.
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
