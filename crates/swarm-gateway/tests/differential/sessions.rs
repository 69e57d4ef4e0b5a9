//! Handwritten sequences of commands that change their connection, in transactions. A gateway in
//! front of Redis refuses them.

/// Scripts in the notation of [`scripts`](crate::scripts).
pub(crate) const ALL: &[(&str, &str)] = &[
    (
        "numbers of keys",
        "0: COMMAND GETKEYS BLMPOP 0 1.5 l1 LEFT
         0: COMMAND GETKEYS LMPOP +1 l1 LEFT
         0: COMMAND GETKEYS LMPOP 2x a b LEFT
         0: COMMAND GETKEYS LMPOP x a b LEFT
         0: COMMAND GETKEYS LMPOP -1 a b LEFT
         0: COMMAND GETKEYS LMPOP 0 a b LEFT
         0: COMMAND GETKEYS LMPOP 9 a b LEFT
         0: COMMAND GETKEYS LMPOP 01 a b LEFT
         0: COMMAND GETKEYS LMPOP 4294967297 a b LEFT
         0: COMMAND GETKEYS LMPOP 9223372036854775807 a b LEFT
         0: COMMAND GETKEYS LMPOP 9223372036854775808 a b LEFT
         0: COMMAND GETKEYS LMPOP -4294967295 a b LEFT
         0: COMMAND GETKEYS ZUNIONSTORE d 1.9 a b
         0: COMMAND GETKEYS ZUNION 2.5 a b
         0: COMMAND GETKEYS ZINTERCARD 1e1 a b
         0: COMMAND GETKEYS EVAL x 1.5 a b
         0: COMMAND GETKEYS EVAL x 0.5 a b
         0: COMMAND GETKEYS EVAL x 3 a b
         0: COMMAND GETKEYS EVAL x -1 a b
         0: COMMAND GETKEYS FCALL f 1x a b
         0: COMMAND GETKEYS SINTERCARD 1.5 a b",
    ),
    (
        "pauses",
        "1: CLIENT PAUSE 60000 WRITE
         0: GET a
         0: PING
         0: &SET a 1
         1: GET a
         2: &PUBLISH a b
         1: CLIENT UNPAUSE
         0 <
         2 <
         1: GET a
         1: CLIENT PAUSE 60000 WRITE
         0: MULTI
         0: GET a
         0: EXEC
         0: MULTI
         0: &SET a 2
         1: CLIENT PAUSE 60000 WRITE
         1: CLIENT UNPAUSE
         0 <
         0: EXEC
         0: MULTI
         0: SET a 3
         1: CLIENT PAUSE 60000 WRITE
         0: &EXEC
         2: &EVAL return 1 0
         1: SET
         1: CLIENT UNPAUSE
         0 <
         2 <
         1: CLIENT PAUSE 50
         0: GET a
         1: CLIENT PAUSE 0
         0: SET a 4
         1: CLIENT PAUSE 60000 WRITE
         1: MULTI
         1: CLIENT UNPAUSE
         1: EXEC
         0: GET a
         0: CLIENT PAUSE
         0: CLIENT PAUSE x
         0: CLIENT PAUSE x y
         0: CLIENT PAUSE -1
         0: CLIENT PAUSE 9223372036854775807
         0: CLIENT PAUSE 9223372036854775808
         0: CLIENT PAUSE 1 ALL x
         0: CLIENT UNPAUSE x
         0: CLIENT UNPAUSE",
    ),
    (
        "subscriptions in a transaction",
        "0: MULTI
         0: SUBSCRIBE a
         0: SET k v
         0: GET k
         0: EXEC
         1: PUBLISH a hello
         0 <
         0: UNSUBSCRIBE
         0: MULTI
         0: SUBSCRIBE
         0: EXEC
         0: MULTI
         0: UNSUBSCRIBE
         0: PUNSUBSCRIBE p
         0: PING
         0: EXEC
         0: MULTI
         0: PSUBSCRIBE a*
         0: UNSUBSCRIBE a
         0: SELECT 3
         0: PUNSUBSCRIBE
         0: SET here 3
         0: EXEC
         0: GET here
         0: MULTI
         0: SUBSCRIBE a b
         0: GET here
         0: UNSUBSCRIBE b a
         0: EXEC
         0 <
         0 <
         0: GET here
         0: MULTI
         0: SUBSCRIBE a
         0: DISCARD
         1: PUBLISH a nobody",
    ),
    (
        "logins in a transaction",
        "0: MULTI
         0: AUTH x
         0: AUTH default x y
         0: AUTH default x
         0: AUTH nobody x
         0: AUTH
         0: EXEC
         0: MULTI
         0: AUTH x
         0: AUTH default x y
         0: AUTH default x
         0: AUTH nobody x
         0: HELLO 9
         0: HELLO x
         0: HELLO 2 AUTH default
         0: HELLO 2 SETNAME
         0: HELLO 2 AUTH nobody x
         0: WATCH k
         0: EXEC
         0: MULTI
         0: QUIT",
    ),
    (
        "EXEC with subscriptions",
        "0: SUBSCRIBE a
         0: EXEC
         0: MULTI
         0: RESET
         0: EXEC
         0: MULTI
         0: SUBSCRIBE a
         0: EXEC
         0: EXEC
         0: DISCARD",
    ),
    (
        "sharded channels",
        "0: SSUBSCRIBE a b
         0 <
         0: SUBSCRIBE a
         0: PING
         0: PUBSUB SHARDCHANNELS a*
         1: PUBSUB SHARDCHANNELS a*
         1: PUBSUB SHARDCHANNELS b*
         1: PUBSUB SHARDCHANNELS a b
         1: PUBSUB SHARDNUMSUB
         1: PUBSUB SHARDNUMSUB a c
         1: PUBSUB CHANNELS
         1: SPUBLISH a hello
         0 <
         1: PUBLISH a hello
         0 <
         1: SPUBLISH c nobody
         1: SPUBLISH a
         0: SUNSUBSCRIBE a
         0: UNSUBSCRIBE
         0: SUNSUBSCRIBE
         0: SUNSUBSCRIBE
         0: SUNSUBSCRIBE x
         0: PING
         1: PUBSUB SHARDCHANNELS
         0: SSUBSCRIBE a
         0: RESET
         1: SPUBLISH a nobody
         0: MULTI
         0: SSUBSCRIBE a
         0: SPUBLISH a nobody
         0: SUNSUBSCRIBE
         0: EXEC
         1: MULTI
         1: SSUBSCRIBE
         1: EXEC",
    ),
];
