//! Users and what they may do: ACL on both.

use bytes::Bytes;
use swarm_resp::{Decoder, FrameRef};

use crate::generate::Generator;
use crate::peer::Peers;

/// A script: a line is `connection: command`. The first connection is that of an administrator.
const SCRIPTS: &[&str] = &[
    "0: ACL HELP
     0: ACL
     0: ACL FOO
     0: ACL WHOAMI
     0: ACL WHOAMI x
     0: ACL USERS
     0: ACL LIST
     0: ACL GETUSER default
     0: ACL GETUSER nosuch
     0: ACL CAT
     0: ACL CAT nosuch
     0: ACL CAT a b
     0: ACL GENPASS 0
     0: ACL GENPASS 4097
     0: ACL GENPASS x
     0: ACL GENPASS 1 2
     0: ACL LOAD
     0: ACL SAVE
     0: ACL LOG x
     0: ACL LOG -1
     0: ACL LOG 1 2
     0: ACL DELUSER
     0: ACL DELUSER default
     0: ACL DELUSER nosuch
     0: ACL SETUSER
     0: ACL SETUSER a\0b
     0: ACL DRYRUN default get
     0: ACL DRYRUN default get a
     0: ACL DRYRUN nosuch get a
     0: ACL DRYRUN default nosuch a
     0: ACL DRYRUN default config nosuch a",
    "0: ACL SETUSER u on >p ~k* &c* +@all -@dangerous +get|x
     0: ACL GETUSER u
     0: ACL SETUSER u +config|get
     0: ACL SETUSER u +set|x|y
     0: ACL SETUSER u +config|nosuch
     0: ACL SETUSER u +config|get|x
     0: ACL SETUSER u +config|
     0: ACL SETUSER u +get|
     0: ACL SETUSER u -get|x
     0: ACL SETUSER u -config|get
     0: ACL SETUSER u +nosuch
     0: ACL SETUSER u -nosuch
     0: ACL SETUSER u +@nosuch
     0: ACL SETUSER u foo
     0: ACL SETUSER u #zz
     0: ACL SETUSER u !zz
     0: ACL SETUSER u <nosuch
     0: ACL SETUSER u off ~*
     0: ACL SETUSER u ~a
     0: ACL SETUSER u &* &b
     0: ACL SETUSER u %X~a
     0: ACL SETUSER u resetkeys %~a
     0: ACL SETUSER u %RR~a
     0: ACL SETUSER u %R
     0: ACL SETUSER u %r~a %W~b ~c %W~a
     0: ACL GETUSER u
     0: ACL SETUSER u (+get ~x) (+set
     0: ACL SETUSER u (+get ~x)
     0: ACL SETUSER u ( +set ~y &z )
     0: ACL SETUSER u (foo)
     0: ACL SETUSER u ()
     0: ACL SETUSER u (+@read allkeys allchannels)
     0: ACL GETUSER u
     0: ACL LIST
     0: ACL SETUSER u clearselectors nopass sanitize-payload
     0: ACL GETUSER u
     0: ACL SETUSER u skip-sanitize-payload >a >b >a <b
     0: ACL GETUSER u
     0: ACL SETUSER u reset
     0: ACL GETUSER u
     0: ACL SETUSER u ALLCOMMANDS AllKeys ON +SELECT|0
     0: ACL GETUSER u
     0: ACL SETUSER u -@all +select|0 +SELECT|9 +client
     0: ACL GETUSER u
     0: ACL USERS
     0: ACL DELUSER u x u
     0: CONFIG SET acl-pubsub-default x
     0: CONFIG SET acl-pubsub-default allchannels
     0: ACL SETUSER c1 (+get)
     0: ACL GETUSER c1
     0: ACL SETUSER c1 resetchannels reset
     0: ACL GETUSER c1
     0: CONFIG SET acl-pubsub-default resetchannels
     0: ACL SETUSER c1 reset
     0: ACL GETUSER c1
     0: ACL DELUSER c1",
    "0: ACL SETUSER v on nopass ~a %R~r %W~w +@all -config -keys resetchannels &c &d*
     1: AUTH v x
     1: ACL WHOAMI
     1: GET a
     1: GET b
     1: GET r
     1: SET r 1
     1: SET r 1 GET
     1: SET w 1
     1: SET w 1 GET
     1: APPEND w 1
     1: INCR w
     1: GET w
     1: STRLEN w
     1: STRLEN b
     1: TYPE b
     1: EXISTS w a
     1: COPY r w
     1: COPY w r
     1: RENAME w a
     1: RENAME a w
     1: LPUSH a 1 2 3
     1: LMOVE a w LEFT LEFT
     1: LMOVE w a LEFT LEFT
     1: SORT a STORE w
     1: SORT a STORE r
     1: SORT a BY x_*
     1: SORT a BY nosort
     1: SORT a GET x_*
     1: SORT_RO a GET #
     1: SUNIONSTORE w r
     1: SUNIONSTORE w w
     1: ZUNIONSTORE w 2 r w
     1: BITFIELD r GET u8 0
     1: BITFIELD w SET u8 0 1
     1: XREADGROUP GROUP g c STREAMS r >
     1: XREADGROUP GROUP g c STREAMS w >
     1: MGET a r
     1: MGET a w
     1: EVAL return(1) 1 b
     1: EVAL return(1) 1 r
     1: SUBSCRIBE e
     1: SUBSCRIBE c dx
     1 <
     1: UNSUBSCRIBE c dx
     1 <
     1: PSUBSCRIBE c*
     1: PSUBSCRIBE d*
     1: PUNSUBSCRIBE
     1: PUBLISH e x
     1: PUBLISH c x
     1: SPUBLISH e x
     1: SSUBSCRIBE e
     1: CONFIG GET maxmemory
     1: KEYS *
     1: SELECT 1
     1: MULTI
     1: CONFIG GET maxmemory
     1: GET b
     1: EXEC
     1: MULTI
     1: GET a
     1: GET r
     1: PUBLISH c x
     1: INCR r2
     1: DISCARD
     1: SELECT 0
     1: MULTI
     1: GET a
     1: GET r
     1: PUBLISH c x
     0: ACL SETUSER v -get resetchannels
     1: EXEC
     0: ACL SETUSER v +get resetkeys
     1: MULTI
     1: PING
     1: EXEC
     1: AUTH nosuch x
     1: AUTH x
     1: AUTH a b c
     1: HELLO 2 AUTH v2 x
     1: RESET
     1: ACL WHOAMI
     1: AUTH v y
     1: HELLO 2 AUTH default y
     1: ACL WHOAMI
     0: ACL LOG
     0: ACL LOG 2
     0: ACL LOG RESET
     0: ACL LOG
     0: ACL SETUSER v off
     1: AUTH v x
     0: ACL LOG
     0: ACL LOG RESET
     0: ACL DRYRUN v get a
     0: ACL SETUSER v ~x* &y*
     0: ACL DRYRUN v get a
     0: ACL DRYRUN v get x1
     0: ACL DRYRUN v publish a b
     0: ACL DRYRUN v config get x
     0: ACL DRYRUN v subscribe y1 z
     0: ACL SETUSER v on
     1: AUTH v x
     0: CLIENT KILL USER nosuch
     0: CLIENT KILL USER v
     1 <
     2: AUTH v x
     2: SUBSCRIBE y1
     0: ACL SETUSER v &z
     2: PING
     0: ACL SETUSER v resetchannels &z
     2 <
     3: AUTH v x
     0: ACL DELUSER v
     3 <
     0: ACL SETUSER v on nopass +acl
     4: AUTH v x
     4: ACL DELUSER v
     4 <",
    "0: ACL SETUSER default >secret
     0: GET a
     4: GET a
     4: AUTH x
     4: AUTH secret
     4: GET a
     0: ACL SETUSER default resetpass >secret
     4: RESET
     4: GET a
     4: PING
     4: HELLO 3
     4: HELLO 3 AUTH default x
     4: HELLO 3 AUTH default secret
     4: AUTH default x
     4: AUTH secret
     4: ACL WHOAMI
     0: ACL SETUSER default nopass
     4: RESET
     4: ACL WHOAMI
     0: ACL LOG RESET",
    "0: ACL SETUSER v on nopass ~a +get +eval +eval_ro +multi +exec
     1: AUTH v x
     1: EVAL return(redis.call('set','a','b')) 0
     1: EVAL return(redis.pcall('get','b')) 0
     1: EVAL return(redis.call('get','a')) 0
     1: EVAL return(redis.pcall('config','get','a')) 0
     1: MULTI
     1: EVAL return(redis.pcall('get','b')) 0
     0: ACL SETUSER v -eval
     1: EXEC
     0: ACL SETUSER v +eval +config|get
     1: EVAL return(redis.acl_check_cmd('get','a')) 0
     1: EVAL return(redis.acl_check_cmd('get','b')) 0
     1: EVAL return(redis.acl_check_cmd('set','a','b')) 0
     1: EVAL return(redis.acl_check_cmd('config','get','x')) 0
     1: EVAL return(redis.acl_check_cmd('config','set','x')) 0
     1: EVAL return(redis.acl_check_cmd('nosuch')) 0
     0: ACL LOG
     0: ACL LOG RESET
     0: ACL DELUSER v
     1 <",
];

/// Names of commands, and of categories, for random rules.
const RULES: &[&str] = &[
    "+@read",
    "-@read",
    "+@write",
    "-@write",
    "+@fast",
    "-@fast",
    "+@slow",
    "-@slow",
    "+@admin",
    "-@admin",
    "+@dangerous",
    "-@dangerous",
    "+@string",
    "-@keyspace",
    "+@hash",
    "+@connection",
    "-@connection",
    "+@pubsub",
    "-@scripting",
    "+@all",
    "-@all",
    "+@transaction",
    "-@blocking",
    "+get",
    "-get",
    "+set",
    "-set",
    "+config",
    "-config",
    "+config|get",
    "-config|set",
    "+client",
    "-client|kill",
    "+eval",
    "-object|help",
    "+xinfo",
    "+@stream",
    "-xadd",
    "+select|1",
    "+acl",
    "-acl|log",
    "+@geo",
    "-@list",
    "+@bitmap",
    "+hset",
    "-debug",
    "+debug|sleep",
];

/// Whether the elements of a reply are texts whose order is undefined, or which contain such rules.
fn text(frame: FrameRef<'_>) -> String {
    let Some(items) = frame.items() else {
        let text = frame.as_bytes().unwrap_or_default();
        let text = text.escape_ascii().to_string();
        if text.starts_with("id=") {
            let fields = text.split(' ').filter(|field| {
                let kept = ["name=", "flags=", "db=", "user=", "cmd="];
                kept.iter().any(|start| field.starts_with(start))
            });
            return fields.collect::<Vec<_>>().join(" ");
        }
        if text.contains("@all") {
            let mut words: Vec<_> = text.split(' ').collect();
            let at = words.iter().position(|word| word.contains("@all")).unwrap();
            // Redis shows single commands in the order of a hash table.
            if !text.contains('(') {
                words[at..].sort_by_key(|word| (!word.contains('@'), word.contains('|')));
                let single = words.iter().position(|word| {
                    let is_command = word.starts_with(['+', '-']);
                    is_command && !word.contains('@')
                });
                let single = single.unwrap_or(words.len());
                words[single..].sort_unstable();
            }
            return words.join(" ");
        }
        return format!("{:?} {text} {:?}", frame.kind(), frame.as_integer());
    };
    let mut is_age = false;
    let items = items.map(|item| {
        let skipped = std::mem::replace(&mut is_age, item.as_bytes() == Some(b"age-seconds"));
        if skipped {
            "age".to_owned()
        } else {
            text(item)
        }
    });
    format!(
        "{:?} [{}]",
        frame.kind(),
        items.collect::<Vec<_>>().join(", ")
    )
}

fn show(reply: &[u8]) -> String {
    match Decoder::new().decode_message(Bytes::copy_from_slice(reply)) {
        // HELLO names the server.
        Ok(frame) if text(frame.view()).contains("standalone") => "greeting".to_owned(),
        Ok(frame) if frame.items().is_some() => text(frame.view()),
        _ => reply.escape_ascii().to_string(),
    }
}

fn run(peers: &mut Peers, line: &str) -> String {
    let connection: usize = line[..1].parse().unwrap();
    if let Some(command) = line[1..].strip_prefix(": ") {
        let command = command.replace("\\0", "\0");
        let words: Vec<&str> = command.split(' ').collect();
        peers.send(connection, &words);
    }
    show(&peers.receive(connection))
}

pub(crate) fn compare(connect: impl Fn() -> (Peers, Peers)) {
    for protocol in ["2", "3"] {
        for script in SCRIPTS {
            let (mut ours, mut theirs) = connect();
            if script.contains("EVAL") && !cfg!(feature = "lua") {
                continue;
            }
            for peers in [&mut ours, &mut theirs] {
                peers.run(0, &["HELLO", protocol]);
                peers.run(0, &["FLUSHALL"]);
            }
            for line in script.lines().map(str::trim) {
                let (ours, theirs) = (run(&mut ours, line), run(&mut theirs, line));
                assert_eq!(ours, theirs, "RESP{protocol}, `{line}`");
            }
        }
    }
    let (mut ours, mut theirs) = connect();
    let mut generator = Generator::new(3);
    for _ in 0..300 {
        let count = 1 + generator.below(6);
        let mut line = "0: ACL SETUSER r reset".to_owned();
        for _ in 0..count {
            line.push(' ');
            line.push_str(generator.pick(RULES));
        }
        for line in [line.as_str(), "0: ACL GETUSER r"] {
            let (ours, theirs) = (run(&mut ours, line), run(&mut theirs, line));
            assert_eq!(ours, theirs, "`{line}`");
        }
        for command in [
            "get a",
            "xinfo stream a",
            "config get x",
            "select 1",
            "acl log",
        ] {
            let line = format!("0: ACL DRYRUN r {command}");
            let (ours, theirs) = (run(&mut ours, &line), run(&mut theirs, &line));
            assert_eq!(ours, theirs, "`{line}`");
        }
    }
}
