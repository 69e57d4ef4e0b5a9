//! The table of command facts against the COMMAND reply of a Redis server.

use std::collections::BTreeSet;

use swarm_keydb::{Client, FrameRef};
use swarm_resp::Request;
use swarm_tests::{Redis, within};
use swarm_transport::facts::{Access, Blocking, Order, Place, all, named};

/// Commands that this version of Redis does not flag as blocking, although they wait for replicas
/// or for the disk.
const WAITING: &[&str] = &["WAIT", "WAITAOF"];

/// Commands that write although Redis does not say so: scripts, whatever they do, and EXEC.
const UNFLAGGED_WRITES: &[&str] = &["EVAL", "EVALSHA", "FCALL", "EXEC"];

/// What Redis says about one command.
struct Said {
    name: String,
    flags: Vec<String>,
    places: Vec<Place>,
    /// Redis does not describe all of its keys.
    incomplete: bool,
}

#[tokio::test]
async fn the_facts_are_those_of_redis() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url().as_str())).await.unwrap();
    let reply = within(client.raw("COMMAND", ())).await.unwrap();
    let mut commands = Vec::new();
    for command in reply.view().items().unwrap() {
        describe(command, &mut commands);
    }
    assert!(commands.len() > 300, "the reply is read wrongly");
    let (mut compared, mut barriers) = (0, 0);
    for said in &commands {
        let (first, second) = said.name.split_once(' ').unwrap_or((&said.name, ""));
        let facts = named(first.as_bytes(), second.as_bytes());
        assert!(facts.is_known(), "{} is not in the table", said.name);
        if facts.words.1.is_empty() && has_subcommands(first) && second.is_empty() {
            // The row for unknown subcommands is more cautious.
            continue;
        }
        assert_eq!(facts.words, (first, second), "{} has no row", said.name);
        let says = |flag: &str| said.flags.iter().any(|other| other == flag);
        let name = said.name.as_str();
        if !UNFLAGGED_WRITES.contains(&name) {
            assert_eq!(
                facts.access == Access::Write,
                says("write") || name.starts_with("PF") && says("write"),
                "{name}"
            );
        }
        if says("readonly") {
            assert_eq!(facts.access, Access::Read, "{name}");
        }
        if says("write") && said.places.is_empty() && !said.incomplete {
            let order = facts.order(&Request::new(name, ()).view().args());
            assert_eq!(order, Order::Everything, "{name}");
            barriers += 1;
        }
        let blocks = facts.blocking != Blocking::Never;
        assert_eq!(
            blocks,
            says("blocking") || WAITING.contains(&name),
            "{name}"
        );
        if said.incomplete {
            let known = |place| facts.key_places().contains(place);
            assert!(said.places.iter().all(known), "{name}: {:?}", said.places);
        } else {
            assert_eq!(facts.key_places(), said.places, "{name}");
        }
        compared += 1;
    }
    let methods = all().iter().filter(|row| !row.words.0.is_empty()).count();
    assert!(
        compared > 300 && compared < methods,
        "{compared} of {methods}"
    );
    assert!(barriers > 5, "{barriers} commands write without a key");
}

/// The keys that Redis finds in whole commands are those that the table finds.
#[tokio::test]
async fn the_keys_of_a_command_are_those_that_redis_finds() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url().as_str())).await.unwrap();
    for words in [
        "GET a",
        "MSET a 1 b 2",
        "DEL a b c",
        "BLPOP a b 0",
        "EVAL s 2 a b x",
        "EVALSHA s 1 a x",
        "ZUNIONSTORE to 2 a b WEIGHTS 1 2",
        "BZMPOP 0 2 a b MIN",
        "BITOP AND to a b",
        "XREAD COUNT 1 BLOCK 0 STREAMS a b 0 0",
        "XREADGROUP GROUP streams c COUNT 1 STREAMS a b > >",
        "XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS a >",
        "SORT a BY w LIMIT 0 1 GET x STORE to",
        "GEORADIUS a 1 2 3 km STORE to",
        "MIGRATE h 1 a 0 9",
        "XGROUP CREATE a g $",
        "OBJECT ENCODING a",
        "SINTERCARD 2 a b",
        "LMOVE a b LEFT LEFT",
        "SET a v EX 9",
        "HSET a f v g w",
        "LINSERT a BEFORE p e",
        "LMPOP 2 a b LEFT COUNT 3",
        "BLMPOP 0 2 a b LEFT",
        "BLMOVE a b LEFT RIGHT 0",
        "BRPOP a b 0",
        "SMOVE a b m",
        "SDIFFSTORE to a b",
        "ZADD a NX INCR 1 m",
        "ZDIFFSTORE to 2 a b",
        "ZINTER 2 a b WEIGHTS 1 2 WITHSCORES",
        "ZINTERCARD 2 a b LIMIT 3",
        "ZMPOP 1 a MIN",
        "ZRANGESTORE to a 0 -1",
        "BZPOPMIN a b 0",
        "COPY a b DB 1",
        "TOUCH a b",
        "SORT a",
        "SORT_RO a BY w GET x",
        "LCS a b IDX",
        "BITOP NOT to a",
        "BITFIELD a GET u8 0",
        "PFMERGE to a b",
        "PFCOUNT a b",
        "GEOADD a 1 2 m",
        "GEOSEARCHSTORE to a FROMMEMBER m BYRADIUS 1 m",
        "MEMORY USAGE a",
        "FCALL f 2 a b x",
        "EVAL_RO s 1 a x",
    ] {
        let request = Request::new(words, ());
        let args = request.view().args();
        let facts = swarm_transport::facts::facts(&args);
        let mut ours: Vec<_> = facts
            .keys(&args)
            .iter()
            .filter_map(|at| args.clone().nth(at))
            .map(<[u8]>::to_vec)
            .collect();
        let list: Vec<_> = words.split(' ').collect();
        let reply = within(client.raw("COMMAND GETKEYS", list)).await.unwrap();
        let keys = reply.view().items().unwrap();
        let mut theirs: Vec<_> = keys.map(|key| key.as_bytes().unwrap().to_vec()).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{words}");
    }
}

/// The page of the guide that lists all commands.
const PAGE: &str = include_str!("../../crates/swarm-keydb/src/guide/commands.md");

/// Every command of Redis has a method, or a reason why it has none.
#[tokio::test]
async fn every_command_of_redis_is_typed_or_says_why_not() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url().as_str())).await.unwrap();
    let (table, reasons) = PAGE.split_once("# Not typed").expect("the list is there");
    let names = |text: &'static str, column: usize, cells: std::ops::Range<usize>| {
        let rows = text.lines().map(|line| line.split('|').collect::<Vec<_>>());
        let rows = rows.filter(move |row| cells.contains(&row.len()));
        let names = rows.flat_map(move |row| row[column].split(','));
        let names = names.map(str::trim).filter(|name| !name.starts_with("---"));
        names.collect::<BTreeSet<_>>()
    };
    let (typed, untyped) = (names(table, 1, 10..99), names(reasons, 2, 4..5));
    let both: Vec<_> = typed.intersection(&untyped).collect();
    assert!(both.is_empty(), "typed, and not typed: {both:?}");
    let mut known = 0;
    for name in within(client.command_list()).await.unwrap() {
        let name = name.to_ascii_uppercase().replace('|', " ");
        if has_subcommands(&name) {
            continue;
        }
        let is_known = typed.contains(name.as_str()) || untyped.contains(name.as_str());
        assert!(is_known, "{name} has no method and no reason");
        known += 1;
    }
    assert!(known > 300, "{known} commands only");
}

fn has_subcommands(first: &str) -> bool {
    all()
        .iter()
        .any(|row| row.words.0 == first && !row.words.1.is_empty())
}

/// Reads one entry of COMMAND and those of its subcommands.
fn describe(command: FrameRef<'_>, commands: &mut Vec<Said>) {
    let parts: Vec<_> = command.items().unwrap().collect();
    let name = parts[0]
        .as_str()
        .unwrap()
        .to_ascii_uppercase()
        .replace('|', " ");
    let flags = parts[2].items().unwrap();
    let mut said = Said {
        name,
        flags: flags
            .map(|flag| flag.as_str().unwrap().to_owned())
            .collect(),
        places: Vec::new(),
        incomplete: false,
    };
    for spec in parts[8].items().unwrap() {
        match place(spec) {
            Some(place) => said.places.push(place),
            None => said.incomplete = true,
        }
    }
    commands.push(said);
    for subcommand in parts[9].items().unwrap() {
        describe(subcommand, commands);
    }
}

/// Where a key specification says that keys are. `None` for one that begins nowhere in particular.
fn place(spec: FrameRef<'_>) -> Option<Place> {
    let begin = field(spec, "begin_search")?;
    let find = field(spec, "find_keys")?;
    let (begin_spec, find_spec) = (field(begin, "spec")?, field(find, "spec")?);
    let number = |map, name| field(map, name).and_then(FrameRef::as_integer);
    if field(begin, "type")?.as_str()? == "keyword" {
        let known = ["STREAMS", "STORE", "STOREDIST", "KEYS"];
        let keyword = field(begin_spec, "keyword")?;
        let keyword = known
            .into_iter()
            .find(|word| keyword.as_str() == Some(word))?;
        let all = number(find_spec, "lastkey")? == -1;
        return Some(match number(find_spec, "limit")? {
            2 => Place::HalfAfter(keyword),
            _ => Place::After(keyword, if all { u8::MAX } else { 1 }),
        });
    }
    let first = u8::try_from(number(begin_spec, "index")?).ok()?;
    Some(match field(find, "type")?.as_str()? {
        "keynum" => Place::Counted(first),
        _ => {
            let last = number(find_spec, "lastkey")?;
            let last = if last < 0 {
                last
            } else {
                i64::from(first) + last
            };
            Place::Range {
                first,
                last: i8::try_from(last).ok()?,
                step: u8::try_from(number(find_spec, "keystep")?).ok()?,
            }
        }
    })
}

/// A field of a map, which is a flat list in RESP2.
fn field<'a>(map: FrameRef<'a>, name: &str) -> Option<FrameRef<'a>> {
    let items: Vec<_> = map.items()?.collect();
    let pair = items
        .chunks_exact(2)
        .find(|pair| pair[0].as_str() == Some(name))?;
    Some(pair[1])
}
