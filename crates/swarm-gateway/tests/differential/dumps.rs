//! Values that move between the gateway and Redis with DUMP and RESTORE.

use swarm_resp::Decoder;

use crate::generate::Generator;
use crate::peer::Peers;

/// Commands that create the value of a key, and one that shows it.
fn values() -> Vec<(Vec<String>, &'static [&'static str])> {
    let mut values = Vec::new();
    let words = |command: &str, args: Vec<String>| -> Vec<String> {
        command.split(' ').map(Into::into).chain(args).collect()
    };
    let long = "long ".repeat(1000);
    let mut numbers = Generator::new(1);
    let varied = |numbers: &mut Generator, count: usize| -> Vec<String> {
        let text = |at: usize, numbers: &mut Generator| match at % 5 {
            0 => (at * at * 7919).to_string(),
            1 => format!("-{}", at * 31),
            2 => "x".repeat(at % 90),
            3 => format!("{at}{}", numbers.float()),
            _ => format!("member {at}"),
        };
        (1..=count)
            .map(|at| format!("{at}:{}", text(at, numbers)))
            .collect()
    };
    for text in [
        "",
        "0",
        "-1",
        "12345",
        "-70000",
        "9223372036854775807",
        "007",
        "text",
        &long,
    ] {
        values.push((words("SET k", vec![text.to_owned()]), &["GET", "k"][..]));
    }
    for count in [1, 5, 200, 1500] {
        let texts = varied(&mut numbers, count);
        let integers: Vec<String> = (0..count).map(|at| (at * 40_000).to_string()).collect();
        let pairs = texts.iter().flat_map(|text| [text.clone(), text.repeat(2)]);
        let scored = (texts.iter().zip(1..))
            .flat_map(|(text, score)| [format!("{}", f64::from(score) / 4.0), text.clone()]);
        for (command, args, show) in [
            ("RPUSH k", texts.clone(), &["LRANGE", "k", "0", "-1"][..]),
            ("RPUSH k", integers.clone(), &["LRANGE", "k", "0", "-1"]),
            ("SADD k", texts.clone(), &["SORT", "k", "ALPHA"]),
            ("SADD k", integers, &["SORT", "k", "ALPHA"]),
            ("HSET k", pairs.collect(), &["HGETALL", "k"]),
            (
                "ZADD k",
                scored.collect(),
                &["ZRANGE", "k", "0", "-1", "WITHSCORES"],
            ),
        ] {
            values.push((words(command, args), show));
        }
    }
    values
}

/// Returns the elements of a reply, sorted if they are the pairs of a hash.
fn shown(peers: &mut Peers, show: &[&str]) -> Vec<Vec<u8>> {
    let reply = Decoder::new()
        .decode_message(peers.run(0, show).into())
        .unwrap();
    let Some(items) = reply.items() else {
        return vec![reply.as_bytes().unwrap().to_vec()];
    };
    let mut items: Vec<_> = items
        .map(|item| item.as_bytes().unwrap().to_vec())
        .collect();
    if show[0] == "HGETALL" {
        items = items.chunks(2).map(|pair| pair.concat()).collect();
        items.sort();
    }
    items
}

/// Copies each value from one to the other, in both directions.
pub(crate) fn move_values(ours: &mut Peers, theirs: &mut Peers) {
    for (commands, show) in values() {
        move_value(ours, theirs, &commands, show);
        move_value(theirs, ours, &commands, show);
    }
    move_streams(theirs, ours);
    move_streams(ours, theirs);
}

/// Commands that create a stream, one on each line.
const STREAMS: &[&str] = &[
    "XADD k 1-1 f v",
    "XADD k 1-1 f v
     XADD k 1-2 g v f 12 h -5000
     XADD k 5-0 f 123456789012
     XADD k 5-1 f v
     XADD k 18446744073709551615-7 f v
     XDEL k 1-2",
    "XGROUP CREATE k g $ MKSTREAM
     XGROUP CREATE k h 5-5 ENTRIESREAD 7",
    "XADD k 1-1 f v
     XADD k 1-2 f v
     XADD k 1-3 f v
     XGROUP CREATE k g 0
     XGROUP CREATE k h 1-2
     XREADGROUP GROUP g c COUNT 2 STREAMS k >
     XREADGROUP GROUP g d STREAMS k >
     XREADGROUP GROUP h c STREAMS k >
     XCLAIM k g d 0 1-1 RETRYCOUNT 300
     XGROUP CREATECONSUMER k g none
     XDEL k 1-3
     XACK k g 1-2",
    "XADD k 1-1 f v
     XDEL k 1-1
     XSETID k 9-9 ENTRIESADDED 70000 MAXDELETEDID 8-8",
];

/// What shows all of a stream: times are part of the payload.
const SHOW: &[&[&str]] = &[
    &["XINFO", "STREAM", "k", "FULL", "COUNT", "0"],
    &["XRANGE", "k", "-", "+"],
    &["OBJECT", "ENCODING", "k"],
];

fn move_streams(source: &mut Peers, target: &mut Peers) {
    let mut streams: Vec<Vec<Vec<String>>> = Vec::new();
    for commands in STREAMS {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        streams.push(commands.lines().map(words).collect());
    }
    // Several nodes, with entries of all sizes.
    let mut numbers = Generator::new(7);
    let mut large = Vec::new();
    for at in 1..400_usize {
        let value = match at % 6 {
            0 => "x".repeat(at * 40 % 70_000),
            1 => "y".repeat(at % 70),
            2 => (at * at * at * at).to_string(),
            3 => format!("-{}", at * 97),
            _ => numbers.float(),
        };
        let mut command: Vec<String> = (["XADD", "k"].map(str::to_owned)).to_vec();
        command.extend([format!("{}-{at}", at * at), "f".to_owned(), value]);
        if at % 50 > 40 {
            command.extend(["g".to_owned(), at.to_string()]);
        }
        large.push(command);
    }
    streams.push(large);
    for commands in &streams {
        for peers in [&mut *source, &mut *target] {
            peers.run(0, &["FLUSHALL"]);
        }
        for command in commands {
            let created = source.run(0, command);
            assert!(
                !created.starts_with(b"-"),
                "{command:?}: {}",
                created.escape_ascii()
            );
        }
        let dumped = source.run(0, &["DUMP", "k"]);
        let payload = Decoder::new().decode_message(dumped.into()).unwrap();
        let payload = payload.as_bytes().unwrap().to_vec();
        let restored = target.run(0, &[&b"RESTORE"[..], b"k", b"0", &payload]);
        assert_eq!(
            restored,
            b"+OK\r\n",
            "{commands:?}: {}",
            restored.escape_ascii()
        );
        for show in SHOW {
            let shown = [&mut *source, &mut *target].map(|peers| {
                let shown = peers.run(0, show);
                shown.escape_ascii().to_string()
            });
            assert_eq!(shown[0], shown[1], "{commands:?}, {show:?}");
        }
    }
}

fn move_value(source: &mut Peers, target: &mut Peers, command: &[String], show: &[&str]) {
    for peers in [&mut *source, &mut *target] {
        peers.run(0, &["FLUSHALL"]);
    }
    let created = source.run(0, command);
    assert!(!created.starts_with(b"-"), "{}", created.escape_ascii());
    let dumped = source.run(0, &["DUMP", "k"]);
    let payload = Decoder::new().decode_message(dumped.into()).unwrap();
    let payload = payload.as_bytes().unwrap().to_vec();
    let name = &command[0];
    let restored = target.run(0, &[&b"RESTORE"[..], b"k", b"0", &payload]);
    assert_eq!(restored, b"+OK\r\n", "{name}: {}", restored.escape_ascii());
    assert_eq!(shown(source, show), shown(target, show), "{name}");
    let encoding = ["OBJECT", "ENCODING", "k"];
    assert_eq!(source.run(0, &encoding), target.run(0, &encoding), "{name}");
}
