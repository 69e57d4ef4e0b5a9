//! CLIENT REPLY and MONITOR, where commands and replies do not alternate.

use crate::peer::Peers;

/// Commands of one connection, and others, which begin with a `1:`, of another one. In EXEC, Redis
/// sends the size of the array of replies, but leaves out the replies.
const SILENT: &[&[&str]] = &[
    &["CLIENT REPLY SKIP", "SET a b", "GET a"],
    &["CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "GET a", "GET a"],
    &[
        "CLIENT REPLY SKIP",
        "NOSUCH",
        "GET",
        "CLIENT REPLY SKIP",
        "GET",
        "PING",
    ],
    &[
        "CLIENT REPLY OFF",
        "SET a c",
        "NOSUCH",
        "CLIENT REPLY SKIP",
        "GET a",
    ],
    &[
        "CLIENT REPLY OFF",
        "CLIENT REPLY x",
        "CLIENT REPLY ON",
        "CLIENT REPLY ON",
        "PING",
    ],
    &["CLIENT REPLY OFF", "RESET", "PING"],
    &[
        "CLIENT REPLY OFF",
        "MULTI",
        "SET a d",
        "EXEC",
        "AUTH x",
        "HELLO 2",
        "HELLO 9",
    ],
    &[
        "CLIENT REPLY x",
        "CLIENT REPLY",
        "CLIENT REPLY ON x",
        "CLIENT REPLY on",
    ],
    &[
        "CLIENT REPLY OFF",
        "SUBSCRIBE c",
        "1:PUBLISH c m",
        "UNSUBSCRIBE c",
    ],
    &[
        "CLIENT REPLY OFF",
        "BLPOP none 0.01",
        "PING",
        "CLIENT REPLY ON",
        "BLPOP none 0.01",
    ],
];

const MONITORED: &[&str] = &[
    "SET a \"b\\n\u{1}\u{e9}\t\u{7}\u{8}",
    "NOSUCH",
    "GET",
    "set a 12",
    "MULTI",
    "SET a 13",
    "GET a",
    "EXEC",
    "MULTI",
    "SET",
    "exec",
    "WATCH a",
    "CONFIG GET maxmemory",
    "CLIENT SETNAME x",
    "CLIENT KILL ID 999999",
    "SLOWLOG LEN",
    "SELECT 3",
    "GET a",
    "BLPOP none 0.01",
    "MONITOR x",
    "SUBSCRIBE c",
    "UNSUBSCRIBE c",
    "RESET",
    "PING",
];

#[cfg(feature = "lua")]
const MONITORED_SCRIPTS: &[&[&str]] = &[
    &[
        "EVAL",
        "redis.call('set', KEYS[1], 'x'); return redis.call('ping')",
        "1",
        "k",
    ],
    &["EVAL", "nonsense", "0"],
    &["EVAL_RO", "return redis.pcall('set', 'a', 'b')", "0"],
];
#[cfg(not(feature = "lua"))]
const MONITORED_SCRIPTS: &[&[&str]] = &[];

fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// Returns what a connection receives until the reply to a last command.
fn received(peers: &mut Peers, commands: &[&str]) -> String {
    for command in commands {
        match command.strip_prefix("1:") {
            Some(command) => {
                // Once all earlier commands have run.
                let waits = |peers: &mut Peers| peers.run(2, &["PUBSUB", "NUMSUB", "c"]);
                while waits(peers).ends_with(b":0\r\n") {}
                peers.run(1, &words(command));
            }
            None => peers.send(0, &words(command)),
        }
    }
    for last in [&["CLIENT", "REPLY", "ON"][..], &["ECHO", "the end"]] {
        peers.send(0, last);
    }
    until(peers, "the end").concat()
}

/// Returns all replies of the first connection up to one with a text.
fn until(peers: &mut Peers, end: &str) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let reply = peers.receive(0).escape_ascii().to_string();
        let is_last = reply.contains(end) || reply.starts_with('(');
        all.push(reply);
        if is_last {
            return all;
        }
    }
}

/// Removes the time and the address.
fn line(line: &str) -> String {
    let Some((time, rest)) = line.split_once(" [") else {
        return line.to_owned();
    };
    assert_eq!(time.len(), "+1700000000.000000".len(), "{line}");
    let (caller, command) = rest.split_once(']').unwrap();
    let (database, caller) = caller.split_once(' ').unwrap();
    let caller = if caller.starts_with("127.0.0.1:") {
        "address"
    } else {
        caller
    };
    format!("{database} {caller} {command}")
}

fn monitored(peers: &mut Peers) -> Vec<String> {
    let mut lines = Vec::new();
    peers.send(0, &["MONITOR"]);
    lines.push(peers.receive(0).escape_ascii().to_string());
    for command in MONITORED {
        peers.run(1, &words(command));
    }
    for script in MONITORED_SCRIPTS {
        peers.run(1, script);
    }
    for command in [
        &["PING"][..],
        &["GET", "a"],
        &["PUBLISH", "a", "b"],
        &["MONITOR"],
        &["MULTI"],
        &["SET", "a", "b"],
        &["EXEC"],
        &["RESET"],
        &["ECHO", "the end"],
    ] {
        peers.send(0, command);
    }
    lines.extend(until(peers, "the end"));
    peers.run(1, &["SET", "a", "unseen"]);
    for command in [
        &["MULTI"][..],
        &["MONITOR"],
        &["EXEC"],
        &["ECHO", "the end"],
    ] {
        peers.send(0, command);
    }
    lines.extend(until(peers, "the end"));
    lines.iter().map(|text| line(text)).collect()
}

pub(crate) fn compare(ours: &mut Peers, theirs: &mut Peers) {
    for protocol in ["2", "3"] {
        for commands in SILENT {
            let [ours, theirs] = [&mut *ours, &mut *theirs].map(|peers| {
                peers.run(0, &["FLUSHALL"]);
                peers.run(0, &["HELLO", protocol]);
                received(peers, commands)
            });
            assert_eq!(ours, theirs, "RESP{protocol}, {commands:?}");
        }
        let [ours, theirs] = [&mut *ours, &mut *theirs].map(|peers| {
            peers.run(0, &["HELLO", protocol]);
            monitored(peers)
        });
        assert_eq!(ours, theirs, "RESP{protocol}");
    }
}
