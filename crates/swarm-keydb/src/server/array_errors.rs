//! Errors that arrive as arrays of their words, and how to distinguish them from arrays of values.
//!
//! Some SwarmKeyDb gateways pass errors through a reader that does not know the `-` type, so
//! `-ERR unknown command 'X'` arrives as `["-ERR", "unknown", "command", "'X'"]`. An MGET of four
//! such values returns the same array. Therefore the meaning depends on the command: most commands
//! never reply with an array of strings, and those that do have a short list of errors.

use swarm_resp::{FrameRef, ServerError};
use swarm_transport::facts::named;

use super::error_reply::{ErrorReply, without_arguments};

/// Meaning of an array that begins with a dash, as the reply to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An error: the command never replies with an array of strings.
    Error,
    /// An error if the text is one of the complete messages that the server has for this command.
    /// The name is in upper case.
    ErrorIfKnown(String),
    /// An error, or an array that a script returned. They cannot be distinguished.
    Script,
}

impl Meaning {
    /// Returns the meaning for a command with these arguments, including its name. Only the first
    /// two matter.
    pub(crate) fn for_command<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut words = words.into_iter();
        let first = words.next().unwrap_or_default();
        let facts = named(first, words.next().unwrap_or_default());
        if facts.script {
            Self::Script
        } else if facts.texts {
            Self::ErrorIfKnown(String::from_utf8_lossy(first).to_ascii_uppercase())
        } else {
            Self::Error
        }
    }
}

/// Whether an array begins like an error. Almost none does, so this cheap check comes first.
#[inline]
pub(super) fn may_be_array_error(frame: FrameRef<'_>) -> bool {
    let first = frame.items().and_then(|mut items| items.next());
    first
        .and_then(FrameRef::as_bytes)
        .is_some_and(|word| word.starts_with(b"-"))
}

/// Returns the error that an array stands for, if it is one.
#[cold]
pub(super) fn array_failure(frame: FrameRef<'_>, meaning: &Meaning) -> Option<ErrorReply> {
    let error = without_arguments(&joined(frame)?);
    match meaning {
        Meaning::Error => Some(ErrorReply::Plain(error)),
        Meaning::ErrorIfKnown(name) => {
            is_known_message(name, error.as_str()).then_some(ErrorReply::Plain(error))
        }
        Meaning::Script => Some(ErrorReply::Scripted(error)),
    }
}

/// Joins the words with spaces, without the dash. Returns `None` if an element is not a string.
fn joined(frame: FrameRef<'_>) -> Option<Vec<u8>> {
    let mut items = frame.items()?;
    let mut text = items.next()?.as_bytes()?.strip_prefix(b"-")?.to_vec();
    for item in items {
        text.push(b' ');
        text.extend_from_slice(item.as_bytes()?);
    }
    Some(text)
}

/// Whether a text is a complete message about the server's own state. An array of exactly these
/// words is unlikely to be an array of values.
pub(crate) fn is_about_the_server(text: &str) -> bool {
    matches!(
        text,
        "NOAUTH Authentication required."
            | "LOADING Redis is loading the dataset in memory"
            | "LOADING Valkey is loading the dataset in memory"
            | "READONLY You can't write against a read only replica."
            | "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
            | "CLUSTERDOWN The cluster is down"
    )
}

/// Whether a text is a complete error message for a command that replies with arrays of strings.
fn is_known_message(command: &str, text: &str) -> bool {
    const FIXED: &[&str] = &[
        "ERR Keys must not be empty. (Parameter 'key')",
        "ERR Command not allowed inside a transaction",
        "ERR internal server error.",
        "ERR syntax error",
        "ERR value is not an integer or out of range",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
    ];
    let of_exec = command == "EXEC"
        && matches!(
            text,
            "EXECABORT Transaction discarded because of previous errors."
                | "ERR EXEC without MULTI"
        );
    let quoted = |before: &str, after: &[&str]| {
        let name = text
            .strip_prefix(before)
            .and_then(|rest| after.iter().find_map(|after| rest.strip_suffix(after)));
        name.is_some_and(|name| {
            let name = name.trim_matches(['\'', '`']);
            name.eq_ignore_ascii_case(command)
        })
    };
    // They name the subcommand as it was sent, or none.
    let of_subcommand = match command {
        "PUBSUB" => {
            text.starts_with("ERR unknown subcommand or wrong number of arguments for '")
                && text.ends_with("' command")
        }
        "SCRIPT" => text == "NOTBUSY No scripts in execution right now.",
        "XGROUP" => text == "ERR Unknown XGROUP subcommand",
        _ => false,
    };
    of_exec
        || of_subcommand
        || FIXED.contains(&text)
        || is_about_the_server(text)
        || quoted("ERR wrong number of arguments for ", &["' command", "'"])
        || quoted("ERR unknown command ", &["'", "`"])
        || quoted(
            "ERR unknown subcommand or wrong number of arguments for ",
            &["'"],
        )
        || quoted("ERR Can't call ", &["' in subscribe mode"])
}

/// Returns the error that an array stands for during the handshake, where no command replies with
/// an array of values: a dash, a code in upper case, and more words.
pub(crate) fn array_error(frame: FrameRef<'_>) -> Option<ServerError> {
    let text = joined(frame)?;
    let (code, rest) = text.split_at(text.iter().position(|byte| *byte == b' ')?);
    let is_error = !code.is_empty() && !rest.is_empty() && code.iter().all(u8::is_ascii_uppercase);
    is_error.then(|| without_arguments(&text))
}

#[cfg(test)]
mod tests {
    use swarm_resp::Frame;

    use super::*;

    fn list(words: &[&str]) -> Frame {
        Frame::build(|reply| {
            reply.array(|array| words.iter().for_each(|word| array.bulk(word.as_bytes())));
        })
    }

    fn read(command: &str, words: &[&str]) -> Option<ErrorReply> {
        let meaning = Meaning::for_command(command.split(' ').map(str::as_bytes));
        array_failure(list(words).view(), &meaning)
    }

    fn message(command: &str, text: &str) -> Option<ErrorReply> {
        read(command, &format!("-{text}").split(' ').collect::<Vec<_>>())
    }

    /// Values may look like errors. A client that writes such a value must not make the reads of
    /// other clients fail, or make them reconnect.
    #[test]
    fn an_array_of_values_is_an_error_only_if_it_is_a_known_message() {
        for command in [
            "MGET a b",
            "mget a b",
            "KEYS *",
            "PUBSUB CHANNELS",
            "EXEC",
            "LRANGE k 0 1",
        ] {
            for values in [
                &["-NOAUTH", "x"][..],
                &["-LOADING", "a"],
                &["-LOADING"],
                &["-READONLY", "You", "can't"],
                &["-ERR", "x"],
                &["-"],
                &["-ERR", "unknown", "command", "'OTHER'"],
                &["-NOAUTH", "Authentication", "required.", "more"],
                &["-WRONGTYPE", "x"],
            ] {
                assert!(read(command, values).is_none(), "{command}: {values:?}");
            }
            let word = command.split(' ').next().unwrap_or_default();
            for text in [
                "WRONGTYPE Operation against a key holding the wrong kind of value".to_owned(),
                "NOAUTH Authentication required.".to_owned(),
                format!("ERR unknown command '{word}'"),
                format!("ERR wrong number of arguments for '{word}'"),
                format!("ERR wrong number of arguments for '{word}' command"),
                format!("ERR Can't call '{}' in subscribe mode", word.to_lowercase()),
            ] {
                let found = message(command, &text);
                assert!(
                    matches!(found, Some(ErrorReply::Plain(_))),
                    "{command}: {text}"
                );
            }
        }
        let aborted = "EXECABORT Transaction discarded because of previous errors.";
        assert!(message("EXEC", aborted).is_some());
        assert!(message("MGET a b", aborted).is_none());
    }

    /// These were taken for values. The texts are those of the deployed server.
    #[test]
    fn errors_about_subcommands_are_known() {
        for (command, text) in [
            ("XGROUP FOO k g", "ERR Unknown XGROUP subcommand"),
            (
                "pubsub foo",
                "ERR unknown subcommand or wrong number of arguments for 'foo' command",
            ),
            ("SCRIPT KILL", "NOTBUSY No scripts in execution right now."),
        ] {
            assert!(message(command, text).is_some(), "{command}");
            assert!(message("MGET a b", text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_array_with_a_dash_is_an_error_for_commands_without_array_replies() {
        for command in [
            "GET k",
            "SET k v",
            "INCR k",
            "XRANGE k - +",
            "SCRIPT LOAD x",
            "WATCH k",
            "XGROUP CREATE k g $",
        ] {
            for words in [&["-ERR", "x"][..], &["-OOPS"], &["-my-lower", "x"], &["-"]] {
                let found = read(command, words);
                assert!(
                    matches!(found, Some(ErrorReply::Plain(_))),
                    "{command}: {words:?}"
                );
            }
        }
    }

    /// `redis.error_reply` takes any text. The script may have written before it returned the
    /// error.
    #[test]
    fn an_array_with_a_dash_from_a_script_is_an_error_that_may_have_run() {
        for words in [
            &["-my", "error"][..],
            &["-E2BIG", "x"],
            &["-MY_ERR", "x"],
            &["-OOPS"],
            &["-"],
            &["--ERR", "x"],
            &["-NOAUTH", "Authentication", "required."],
            &["-LOADING", "x"],
        ] {
            for command in ["EVAL x 0", "evalsha x 0"] {
                let Some(reply @ ErrorReply::Scripted(_)) = read(command, words) else {
                    panic!("{command}: {words:?}");
                };
                let error = crate::Error::from_failure(crate::failure::Failure::from(reply))
                    .for_command("EVAL".into());
                assert_eq!(error.outcome(), Some(crate::Outcome::MayHaveRun));
                assert_eq!(error.kind(), crate::ErrorKind::Server);
                assert!(!error.is_retryable());
            }
        }
        let mixed = Frame::array(&[Frame::bulk("-x"), Frame::integer(1)]);
        assert!(array_failure(mixed.view(), &Meaning::Script).is_none());
    }
}
