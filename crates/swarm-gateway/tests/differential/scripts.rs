//! Handwritten sequences for interactions between connections: pushes and blocking reads.

use crate::peer::Peers;

/// A script with pushes that RESP2 lacks says so in its name. A line is `connection: command`, or
/// `connection <` to read one more reply or push. `&` before the command sends it and continues
/// once the server reports a blocked client.
pub(crate) const ALL: &[(&str, &str)] = &[
    (
        "channels",
        "0: SUBSCRIBE a b
         0 <
         0: PSUBSCRIBE a* b?
         0 <
         1: PUBLISH a hello
         0 <
         0 <
         1: PUBLISH none hello
         1: PUBSUB NUMPAT
         1: PUBSUB NUMSUB a b none
         0: PING
         0: PING there
         0: GET k
         0: UNSUBSCRIBE a none
         0 <
         0: PUNSUBSCRIBE a*
         0: PUNSUBSCRIBE b?
         0: UNSUBSCRIBE b
         0: UNSUBSCRIBE
         0: GET k
         0: SUBSCRIBE a
         0: RESET
         0: PING
         1: PUBLISH a hello",
    ),
    (
        "a read that waits",
        "0: &XREAD BLOCK 0 STREAMS s t $ 0-0
         1: XADD s 1-1 f v
         0 <
         0: &XREAD BLOCK 0 STREAMS s t $ 0-0
         1: XADD t 5-5 f v
         0 <
         0: &XREAD COUNT 1 BLOCK 0 STREAMS new 0-0
         1: SET new string
         1: DEL new
         1: MULTI
         1: XADD new 1-1 f v
         1: XADD new 1-2 f v
         1: EXEC
         0 <
         0: XREAD BLOCK 1 STREAMS s $
         0: MULTI
         0: XREAD BLOCK 0 STREAMS s $
         0: EXEC",
    ),
    (
        "a group read that waits",
        "0: XGROUP CREATE s g $ MKSTREAM
         0: &XREADGROUP GROUP g c BLOCK 0 STREAMS s >
         1: XADD s 1-1 f v
         0 <
         0: XPENDING s g
         0: XADD s 1-2 f v
         0: XREADGROUP GROUP g c BLOCK 0 STREAMS s >
         0: &XREADGROUP GROUP g c BLOCK 0 STREAMS s >
         1: XGROUP DESTROY s g
         0 <
         0: XGROUP CREATE s g $
         0: &XREADGROUP GROUP g c BLOCK 0 STREAMS s >
         1: DEL s
         0 <
         0: XREADGROUP GROUP g c BLOCK 1 STREAMS s >",
    ),
    (
        "handshakes",
        "0: AUTH x
         0: AUTH default x
         0: AUTH a b c
         0: HELLO abc
         0: HELLO 4
         0: HELLO 3 FOO
         0: HELLO 2 AUTH default
         0: CLIENT SETNAME me
         0: CLIENT GETNAME
         0: RESET
         0: CLIENT GETNAME
         0: RESET x
         0: QUIT",
    ),
    (
        "tracking (RESP3)",
        "0: CLIENT TRACKING ON
         0: MGET a b
         1: SET a 1
         0 <
         1: SET a 2
         1: SET b 2
         0 <
         0: GET a
         0: SET a 3
         0 <
         0: GET a
         0: GET b
         0: CLIENT TRACKING ON OPTIN
         0: CLIENT CACHING NO
         0: CLIENT CACHING MAYBE
         0: CLIENT CACHING YES
         0: GET c
         0: GET d
         1: DEL d
         1: SET c 1
         0 <
         0: CLIENT TRACKING MAYBE
         0: CLIENT TRACKING OFF
         0: CLIENT TRACKING ON OPTIN OPTOUT
         0: CLIENT TRACKING ON BCAST OPTIN
         0: CLIENT TRACKING ON PREFIX x
         0: CLIENT CACHING YES
         0: CLIENT TRACKING ON NOLOOP
         0: GET a
         0: SET a 4
         0: GET b
         1: SET b 5
         0 <",
    ),
    ("events of collections", EVENTS),
    ("tracking collections (RESP3)", INVALIDATIONS),
    (
        "a watch",
        "0: WATCH k
         1: SET k v
         0: MULTI
         0: PING
         0: EXEC
         0: WATCH k
         0: SET k w
         0: MULTI
         0: EXEC
         0: WATCH k
         1: EXPIRE k 100
         0: MULTI
         0: EXEC
         0: WATCH s
         1: XADD s 1-1 f v
         0: MULTI
         0: EXEC",
    ),
];

/// Events of hashes, sets, sorted sets, and geospatial indexes.
const EVENTS: &str = "1: CONFIG SET notify-keyspace-events EAn
         0: PSUBSCRIBE __keyevent@0__:*
         1: HSET h f 1
         0 <
         0 <
         1: HSETNX h g 1
         0 <
         1: HINCRBY h f 1
         0 <
         1: HINCRBYFLOAT h f 0.5
         0 <
         1: HDEL h f none
         0 <
         1: HDEL h g
         0 <
         0 <
         1: HDEL h g
         1: SADD e 1 2 3
         0 <
         0 <
         1: SADD e 1
         1: SREM e 3
         0 <
         1: SMOVE e e2 1
         0 <
         0 <
         0 <
         1: SMOVE e e2 2
         0 <
         0 <
         0 <
         1: SINTERSTORE e3 e2 e2
         0 <
         0 <
         1: SDIFFSTORE e3 e2 e2
         0 <
         1: SUNIONSTORE e3 e e2
         0 <
         0 <
         1: SDIFFSTORE none e2 e2
         1: SPOP e3 5
         0 <
         0 <
         1: SPOP e2 0
         1: ZADD z 1 a 2 b 3 c 4 d
         0 <
         0 <
         1: ZADD z 1 a
         1: ZADD z XX 2 a
         0 <
         1: ZINCRBY z 1 a
         0 <
         1: ZADD z INCR 1 a
         0 <
         1: ZREM z a
         0 <
         1: ZRANGESTORE z2 z 0 -1
         0 <
         0 <
         1: ZREMRANGEBYRANK z2 0 0
         0 <
         1: ZREMRANGEBYSCORE z2 3 3
         0 <
         1: ZREMRANGEBYLEX z2 - +
         0 <
         0 <
         1: ZUNIONSTORE z2 1 z
         0 <
         0 <
         1: ZINTERSTORE z2 2 z none
         0 <
         1: ZDIFFSTORE z3 1 z
         0 <
         0 <
         1: ZPOPMIN z3
         0 <
         1: ZMPOP 1 z3 MAX COUNT 5
         0 <
         0 <
         1: ZPOPMAX z
         0 <
         1: GEOADD o 13.361389 38.115556 p
         0 <
         0 <
         1: GEOSEARCHSTORE o2 o FROMMEMBER p BYRADIUS 1 km
         0 <
         0 <
         1: GEORADIUS o 13 38 500 km STORE o2
         0 <
         1: GEORADIUS o 0 0 1 km STORE o2
         0 <
         1: CONFIG SET notify-keyspace-events ";

/// Invalidations of hashes, sets, sorted sets, and geospatial indexes.
const INVALIDATIONS: &str = "0: CLIENT TRACKING ON
         0: HGET h f
         1: HSET h f 1
         0 <
         0: SINTERCARD 2 e e2 LIMIT 1
         1: SADD e2 1
         0 <
         1: SADD e 1
         0 <
         0: SMEMBERS e
         1: SADD e 1
         1: SREM e 1
         0 <
         0: ZUNION 2 z z2 WITHSCORES
         1: ZADD z 1 a
         0 <
         1: ZADD z2 1 a
         0 <
         0: ZRANGE z 0 -1
         1: ZADD z 1 a
         1: ZADD z 2 a
         0 <
         0: ZSCORE z a
         1: ZPOPMIN z
         0 <
         0: GEOPOS o p
         1: GEOADD o 13 38 p
         0 <
         0: GEOSEARCH o FROMMEMBER p BYRADIUS 1 km
         1: GEORADIUS o 13 38 1 km STORE o
         0 <
         0: HGETALL h
         1: HSETNX h f 2
         1: HINCRBY h f 1
         0 <";
/// Returns the number of blocked clients.
fn blocked(peers: &mut Peers, connection: usize) -> usize {
    let info = peers.run(connection, &["INFO", "clients"]);
    let info = String::from_utf8(info).unwrap();
    let count = info
        .lines()
        .find_map(|line| line.strip_prefix("blocked_clients:"));
    count.unwrap().parse().unwrap()
}

/// Runs a script on new connections and an empty store, and returns the output of each line.
pub(crate) fn play(peers: &mut Peers, protocol: &str, script: &str) -> Vec<(String, String)> {
    peers.run(0, &["FLUSHALL"]);
    for connection in 0..crate::peer::CONNECTIONS {
        peers.run(connection, &["HELLO", protocol]);
    }
    let mut replies = Vec::new();
    for line in script.lines() {
        let line = line.trim();
        let connection: usize = line[..1].parse().unwrap();
        if &line[1..] == " <<" {
            // The end of what has been pushed.
            let marker = "__keyend";
            let other = crate::peer::CONNECTIONS - 1;
            peers.run(other, &["PUBLISH", marker, marker]);
            loop {
                let push = peers.receive(connection).escape_ascii().to_string();
                let is_last = push.contains(marker) || push.starts_with('(');
                replies.push((line.to_owned(), push));
                if is_last {
                    break;
                }
            }
            continue;
        }
        if let Some(command) = line[1..].strip_prefix(": ") {
            let words = |text: &str| -> Vec<String> { text.split(' ').map(Into::into).collect() };
            if let Some(command) = command.strip_prefix('&') {
                // The last connection takes no part.
                let other = crate::peer::CONNECTIONS - 1;
                let before = blocked(peers, other);
                peers.send(connection, &words(command));
                while blocked(peers, other) == before {}
                continue;
            }
            peers.send(connection, &words(command));
        }
        let reply = peers.receive(connection);
        replies.push((line.to_owned(), reply.escape_ascii().to_string()));
    }
    replies
}
