//! Commands of administrators. Times, sizes and addresses differ between the servers; everything
//! else in their replies is compared.

use bytes::Bytes;
use swarm_resp::{Decoder, FrameRef, Kind};

use crate::peer::Peers;

/// What is compared of a reply.
#[derive(Clone, Copy)]
enum View {
    /// All of it.
    Whole,
    /// All but numbers.
    Text,
    /// The entries of SLOWLOG GET: arguments and names.
    Entries,
    /// Names of fields, and kinds of values.
    Fields,
}

use View::{Entries, Fields, Text, Whole};

/// `@30` stands for 30 words, and `#128` for a word of 128 bytes.
const COMMANDS: &[(View, &str)] = &[
    (Whole, "CLIENT HELP"),
    (Whole, "CONFIG HELP"),
    (Whole, "CLUSTER HELP"),
    (Whole, "LATENCY HELP"),
    (Whole, "MEMORY HELP"),
    (Whole, "MODULE HELP"),
    (Whole, "PUBSUB HELP"),
    (Whole, "SCRIPT HELP"),
    (Whole, "SLOWLOG HELP"),
    (Whole, "XGROUP HELP"),
    (Whole, "XINFO HELP"),
    (Whole, "slowlog help x"),
    (Whole, "SLOWLOG"),
    (Whole, "SLOWLOG FOO"),
    (Whole, "SLOWLOG GET 1 2"),
    (Whole, "slowlog get 1 2"),
    (Whole, "SLOWLOG GET x"),
    (Whole, "SLOWLOG GET -2"),
    (Whole, "SLOWLOG GET 9223372036854775808"),
    (Whole, "SLOWLOG LEN 1"),
    (Whole, "SLOWLOG RESET 1"),
    (Whole, "CONFIG SET slowlog-log-slower-than -2"),
    (Whole, "CONFIG SET slowlog-log-slower-than x"),
    (Whole, "CONFIG SET slowlog-max-len -1"),
    (Whole, "CONFIG SET latency-monitor-threshold -1"),
    (Whole, "CONFIG SET latency-tracking 1"),
    (Whole, "CONFIG SET slowlog-max-len 12"),
    (Whole, "CONFIG GET slowlog-max*"),
    (Whole, "CONFIG GET slowlog-log*"),
    (Whole, "CONFIG GET latency-monitor-threshold"),
    (Whole, "CLIENT SETNAME me"),
    (Whole, "CONFIG SET slowlog-log-slower-than 0"),
    (Whole, "SLOWLOG RESET"),
    (Entries, "SLOWLOG GET"),
    (Whole, "SET k v"),
    (Whole, "GET"),
    (Whole, "NOSUCH"),
    (Whole, "LPUSH k x"),
    (Whole, "MULTI"),
    (Whole, "SET k v2"),
    (Whole, "GET k"),
    (Whole, "EXEC"),
    (Whole, "BLPOP none 0.01"),
    (Entries, "SLOWLOG GET 5"),
    (Entries, "SLOWLOG GET 0"),
    (Entries, "SLOWLOG GET -1"),
    (Whole, "SLOWLOG LEN"),
    (Whole, "DEL @30"),
    (Whole, "DEL @31"),
    (Whole, "DEL @32"),
    (Whole, "DEL @33"),
    (Whole, "ECHO #128"),
    (Whole, "ECHO #129"),
    (Entries, "SLOWLOG GET -1"),
    (Whole, "CONFIG SET slowlog-max-len 2"),
    (Entries, "SLOWLOG GET"),
    (Whole, "CONFIG SET slowlog-max-len 0"),
    (Whole, "SLOWLOG LEN"),
    (Whole, "CONFIG SET slowlog-max-len 128"),
    (Whole, "CONFIG SET slowlog-log-slower-than -1"),
    (Whole, "SLOWLOG RESET"),
    (Whole, "PING"),
    (Whole, "SLOWLOG LEN"),
    (Whole, "LATENCY"),
    (Whole, "LATENCY FOO"),
    (Whole, "LATENCY HISTORY"),
    (Whole, "LATENCY HISTORY command"),
    (Whole, "LATENCY GRAPH"),
    (Whole, "LATENCY GRAPH nosuch"),
    (Whole, "LATENCY DOCTOR x"),
    (Text, "LATENCY DOCTOR"),
    (Whole, "LATENCY LATEST"),
    (Whole, "LATENCY RESET"),
    (Whole, "LATENCY RESET command x"),
    (Whole, "CONFIG SET latency-monitor-threshold 100000"),
    (Text, "LATENCY DOCTOR"),
    (Whole, "CONFIG RESETSTAT"),
    (Whole, "LATENCY HISTOGRAM nosuch"),
    (Whole, "SET a 1"),
    (Fields, "LATENCY HISTOGRAM set GET nosuch"),
    (Whole, "CLIENT ID x"),
    (Fields, "CLIENT ID"),
    (Fields, "LATENCY HISTOGRAM client"),
    (Fields, "LATENCY HISTOGRAM client|id"),
    (Whole, "CONFIG SET latency-tracking no"),
    (Whole, "GET a"),
    (Fields, "LATENCY HISTOGRAM GET"),
    (Whole, "CONFIG SET latency-tracking yes"),
    (Whole, "MEMORY"),
    (Whole, "MEMORY FOO"),
    (Whole, "MEMORY DOCTOR"),
    (Whole, "MEMORY DOCTOR x"),
    (Whole, "MEMORY PURGE"),
    (Fields, "MEMORY STATS"),
    (Whole, "MEMORY STATS x"),
    (Fields, "MEMORY MALLOC-STATS"),
    (Whole, "ASKING"),
    (Whole, "READONLY"),
    (Whole, "READWRITE"),
    (Whole, "CLUSTER"),
    (Whole, "CLUSTER INFO"),
    (Whole, "CLUSTER KEYSLOT"),
    (Whole, "CLUSTER KEYSLOT a"),
    (Whole, "CLUSTER FOO"),
    (Whole, "MODULE LIST"),
    (Fields, "LASTSAVE"),
    (Whole, "ROLE"),
    (Whole, "ROLE x"),
    (Whole, "LOLWUT"),
    (Whole, "LOLWUT x"),
    (Whole, "LOLWUT VERSION x"),
    (Whole, "LOLWUT VERSION 1"),
    (Whole, "CONFIG REWRITE"),
];

/// A script that takes some time, and what LATENCY shows of it.
const SLOW_SCRIPT: &str = "local n = 0; for i = 1, 3e7 do n = n + 1 end";

fn normalized(view: View, frame: FrameRef<'_>) -> String {
    let text = |frame: FrameRef<'_>| frame.as_bytes().map(|text| text.escape_ascii().to_string());
    let items = || -> Vec<FrameRef<'_>> { frame.items().into_iter().flatten().collect() };
    match view {
        // Compared byte for byte.
        Whole => String::new(),
        Text => {
            let text = text(frame).unwrap_or_default();
            let words = text.split(|letter: char| letter.is_ascii_digit());
            words
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join("#")
        }
        Entries => {
            let entry = |entry: &FrameRef<'_>| {
                let parts: Vec<_> = entry.items().unwrap().collect();
                let kinds: Vec<_> = parts.iter().map(|part| part.kind()).collect();
                let args: Vec<_> = parts[3].items().unwrap().map(text).collect();
                format!("{kinds:?} {args:?} {:?}\n", text(parts[5]))
            };
            items().iter().map(entry).collect()
        }
        Fields => match frame.kind() {
            Kind::Array | Kind::Map => {
                // Buckets of times.
                let is_number = |item: &FrameRef<'_>| item.kind() == Kind::Integer;
                if items().first().is_some_and(is_number) {
                    return "numbers".to_owned();
                }
                let pair = |pair: &[FrameRef<'_>]| {
                    let value = pair.get(1).map(|value| normalized(Fields, *value));
                    format!(
                        "{:?}: {value:?}\n",
                        pair.first().and_then(|name| text(*name))
                    )
                };
                items().chunks(2).map(pair).collect()
            }
            kind => format!("{kind:?}"),
        },
    }
}

fn words(command: &str) -> Vec<String> {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let words = command.split(' ').map(|word| match word.split_at(1) {
        ("@", count) => (0..number(count)).map(|at| at.to_string()).collect(),
        ("#", length) => vec!["x".repeat(number(length))],
        _ => vec![word.to_owned()],
    });
    words.flatten().collect()
}

fn show(view: View, reply: Vec<u8>) -> String {
    let reply = Bytes::from(reply);
    match Decoder::new().decode_message(reply.clone()) {
        Ok(frame) if frame.kind() != Kind::SimpleError && !matches!(view, Whole) => {
            normalized(view, frame.view())
        }
        _ => reply.escape_ascii().to_string(),
    }
}

/// Compares all commands.
pub(crate) fn compare(ours: &mut Peers, theirs: &mut Peers) {
    for protocol in ["2", "3"] {
        for peers in [&mut *ours, &mut *theirs] {
            peers.run(0, &["FLUSHALL"]);
            peers.run(0, &["HELLO", protocol]);
        }
        for (view, command) in COMMANDS {
            let words = words(command);
            let ours = show(*view, ours.run(0, &words));
            let theirs = show(*view, theirs.run(0, &words));
            assert_eq!(ours, theirs, "RESP{protocol}, `{command}`");
        }
        if !cfg!(feature = "lua") {
            continue;
        }
        for (view, command) in [
            (Whole, "CONFIG SET latency-monitor-threshold 30"),
            (Whole, "LATENCY RESET nosuch"),
            (Whole, "EVAL"),
            (Fields, "LATENCY HISTORY command"),
            (Text, "LATENCY GRAPH command"),
            (Text, "LATENCY DOCTOR"),
            (Whole, "CONFIG SET slowlog-log-slower-than 1000000"),
            (Text, "LATENCY DOCTOR"),
            (Whole, "CONFIG SET slowlog-log-slower-than 10000"),
            (Text, "LATENCY DOCTOR"),
            (Fields, "LATENCY LATEST"),
            (Fields, "LATENCY RESET"),
            (Whole, "LATENCY LATEST"),
        ] {
            let words = match command {
                "EVAL" => ["EVAL", SLOW_SCRIPT, "0"].map(str::to_owned).to_vec(),
                command => words(command),
            };
            let ours = show(view, ours.run(0, &words));
            let theirs = show(view, theirs.run(0, &words));
            assert_eq!(ours, theirs, "RESP{protocol}, `{command}`");
        }
        for peers in [&mut *ours, &mut *theirs] {
            peers.run(0, &["CONFIG", "SET", "latency-monitor-threshold", "0"]);
        }
    }
}
