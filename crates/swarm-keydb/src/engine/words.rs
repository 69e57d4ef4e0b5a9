//! Errors that a gateway delivers as lists of words, and how they are told from lists of values.
//!
//! On such a connection `-ERR unknown command 'X'` arrives as `["-ERR", "unknown", "command", "'X'"]`, which MGET of two such
//! values also returns. So the command decides: the reply type of most commands is never a list of texts, and what a command
//! with such a list may be told is a short set of sentences.

use swarm_resp::{FrameRef, ServerError};

use super::Failure;
use super::dialect::without_arguments;
use crate::commands::NEVER_TEXT_LISTS;

/// Commands outside the table whose reply is never a list of texts either.
const OF_SESSIONS: &[&str] = &[
    "AUTH", "AUTHADDR", "AUTHDID", "CLIENT", "DISCARD", "MULTI", "QUIT", "RESET", "SELECT",
    "UNWATCH", "WATCH",
];

/// Commands that run code, which may answer anything.
pub(crate) const SCRIPTS: &[&str] = &[
    "EVAL",
    "EVALSHA",
    "EVALSHA_RO",
    "EVAL_RO",
    "FCALL",
    "FCALL_RO",
];

/// What a list that begins with a dash means as the reply to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An error: the reply is never a list of texts.
    Error,
    /// An error if it is a whole sentence that the server has for this command. The name is in capitals.
    ErrorIfKnown(String),
    /// An error or a list that a script made. Nothing tells them apart.
    Script,
}

impl Meaning {
    /// What such a list means as the reply to a command of these words; only the first two matter.
    pub(crate) fn for_command<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut words = words.into_iter();
        let mut word = || {
            let word = words.next().unwrap_or_default();
            String::from_utf8_lossy(word).to_ascii_uppercase()
        };
        let first = word();
        let both = format!("{first} {}", word());
        let is_one_of = |names: &[&str]| names.contains(&&*first) || names.contains(&&*both);
        if is_one_of(SCRIPTS) {
            Self::Script
        } else if is_one_of(NEVER_TEXT_LISTS) || is_one_of(OF_SESSIONS) {
            Self::Error
        } else {
            Self::ErrorIfKnown(first)
        }
    }
}

/// Whether a list begins as an error does. Almost none does, so only such a list needs a closer look.
#[inline]
pub(super) fn may_be_words(frame: FrameRef<'_>) -> bool {
    let first = frame.items().and_then(|mut items| items.next());
    first
        .and_then(FrameRef::as_bytes)
        .is_some_and(|word| word.starts_with(b"-"))
}

/// The failure that a list of words stands for, if it does.
#[cold]
pub(super) fn words_failure(frame: FrameRef<'_>, meaning: &Meaning) -> Option<Failure> {
    let error = without_arguments(&joined(frame)?);
    match meaning {
        Meaning::Error => Some(Failure::Server(error)),
        Meaning::ErrorIfKnown(name) => {
            is_known_sentence(name, error.as_str()).then_some(Failure::Server(error))
        }
        Meaning::Script => Some(Failure::Scripted(error)),
    }
}

/// The words with blanks between them, without the dash. `None` if one of them is not a text.
pub(super) fn joined(frame: FrameRef<'_>) -> Option<Vec<u8>> {
    let mut items = frame.items()?;
    let mut text = items.next()?.as_bytes()?.strip_prefix(b"-")?.to_vec();
    for item in items {
        text.push(b' ');
        text.extend_from_slice(item.as_bytes()?);
    }
    Some(text)
}

/// Whether a text is all that a server says about its own state, so that a list of these words is hardly a list of values.
pub(super) fn is_about_the_server(text: &str) -> bool {
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

/// Whether a text is a whole error sentence that a command with a list of texts may get.
fn is_known_sentence(command: &str, text: &str) -> bool {
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
    of_exec
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

/// The error that a list of words is in the handshake, where no command is answered by a list of values: a dash and
/// capitals, and more words.
pub(crate) fn words_error(frame: FrameRef<'_>) -> Option<ServerError> {
    let text = joined(frame)?;
    let (code, rest) = text.split_at(text.iter().position(|byte| *byte == b' ')?);
    let spelled = !code.is_empty() && !rest.is_empty() && code.iter().all(u8::is_ascii_uppercase);
    spelled.then(|| without_arguments(&text))
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

    fn read(command: &str, words: &[&str]) -> Option<Failure> {
        let meaning = Meaning::for_command(command.split(' ').map(str::as_bytes));
        words_failure(list(words).view(), &meaning)
    }

    fn sentence(command: &str, text: &str) -> Option<Failure> {
        read(command, &format!("-{text}").split(' ').collect::<Vec<_>>())
    }

    /// Values that look like errors: whoever may write one must not fail the reads of others, or make them reconnect.
    #[test]
    fn a_list_of_values_is_an_error_only_if_it_is_a_whole_known_sentence() {
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
                let found = sentence(command, &text);
                assert!(
                    matches!(found, Some(Failure::Server(_))),
                    "{command}: {text}"
                );
            }
        }
        let aborted = "EXECABORT Transaction discarded because of previous errors.";
        assert!(sentence("EXEC", aborted).is_some());
        assert!(sentence("MGET a b", aborted).is_none());
    }

    #[test]
    fn a_list_of_words_is_an_error_where_the_reply_is_never_such_a_list() {
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
                    matches!(found, Some(Failure::Server(_))),
                    "{command}: {words:?}"
                );
            }
        }
    }

    /// `redis.error_reply` takes any text. What a script returns may have been preceded by writes.
    #[test]
    fn whatever_a_script_returns_with_a_dash_is_an_error_and_may_have_run() {
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
                let Some(failure @ Failure::Scripted(_)) = read(command, words) else {
                    panic!("{command}: {words:?}");
                };
                let error = crate::Error::from(failure).for_command("EVAL".into());
                assert_eq!(error.outcome(), crate::Outcome::MayHaveRun);
                assert_eq!(error.kind(), crate::ErrorKind::Command);
                assert!(!error.is_retryable());
            }
        }
        let mixed = Frame::array(&[Frame::bulk("-x"), Frame::integer(1)]);
        assert!(words_failure(mixed.view(), &Meaning::Script).is_none());
    }
}
