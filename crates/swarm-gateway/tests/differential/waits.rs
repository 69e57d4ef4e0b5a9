//! Handwritten sequences of commands that wait for elements, and of key events.

/// Scripts in the notation of [`scripts`](crate::scripts).
pub(crate) const ALL: &[(&str, &str)] = &[
    (
        "pops that wait",
        "0: &BLPOP a b 0
         1: &BRPOP b 0
         2: &BLPOP b 0
         3: RPUSH b 1 2 3 4
         0 <
         1 <
         2 <
         3: LRANGE b 0 -1
         3: DEL b
         0: &BLPOP a b 0
         3: MULTI
         3: RPUSH b x
         3: RPUSH a y
         3: EXEC
         0 <
         3: LRANGE a 0 -1
         3: DEL a
         0: &BLPOP a 0
         1: &BLMPOP 0 2 b a RIGHT COUNT 2
         3: SET a string
         3: DEL a
         3: SADD a member
         3: MULTI
         3: DEL a
         3: RPUSH a 1 2 3 4
         3: EXEC
         0 <
         1 <
         3: LRANGE a 0 -1
         3: MULTI
         3: BLPOP none 0
         3: BLMOVE none a LEFT LEFT 0
         3: BRPOPLPUSH none a 0
         3: BLMPOP 0 1 none LEFT
         3: BZPOPMIN none 0
         3: EXEC
         3: BLPOP none 0.001
         3: BLMOVE none a LEFT LEFT 0.001
         3: BRPOPLPUSH none a 0.001",
    ),
    (
        "chains of moves that wait",
        "0: &BLMOVE a b LEFT RIGHT 0
         1: &BLMOVE b c LEFT RIGHT 0
         2: &BLPOP c 0
         3: RPUSH a element
         0 <
         1 <
         2 <
         3: EXISTS a b c
         0: &BRPOPLPUSH a a 0
         1: &BLPOP a 0
         3: RPUSH a x
         0 <
         1 <
         0: &BLMOVE a wrong LEFT LEFT 0
         1: &BLPOP a 0
         3: SET wrong type
         3: RPUSH a x
         0 <
         1 <
         3: EXISTS a
         0: &BLPOP a 0
         1: &BLPOP a 0
         3: MULTI
         3: RPUSH a 1
         3: DEL a
         3: RPUSH a 2
         3: EXEC
         0 <
         3: RPUSH a 3
         1 <",
    ),
    (
        "sorted sets that are waited for",
        "0: &BZPOPMIN y z 0
         1: &BZPOPMAX z 0
         2: &BZMPOP 0 2 y z MAX COUNT 9
         3: ZADD z 1 a 2 b 3 c 4 d
         0 <
         1 <
         2 <
         3: EXISTS z
         0: &BZPOPMIN z 0
         1: &BLPOP z 0
         3: RPUSH z element
         1 <
         3: ZADD z 1.5 m
         0 <
         3: ZADD y 1 only
         3: BZPOPMIN z y 0
         3: BZMPOP 0.001 1 y MIN
         3: SET y string
         3: BZPOPMIN z y 0",
    ),
    (
        "databases that are waited in",
        "0: SELECT 1
         0: &BLPOP a 0
         1: &BLPOP a 0
         3: RPUSH a zero
         1 <
         3: SELECT 1
         3: RPUSH a one
         0 <
         0: &BLPOP a 0
         3: SELECT 2
         3: RPUSH a two
         3: SWAPDB 1 2
         0 <
         3: EXISTS a
         0: &BLPOP m 0
         3: RPUSH m moved
         3: MOVE m 1
         0 <
         0: &BLPOP m 0
         3: RPUSH n copied
         3: COPY n m DB 1
         0 <
         0: &BLPOP r 0
         3: SELECT 1
         3: RPUSH q renamed
         3: RENAME q r
         0 <",
    ),
    (
        "clients that are unblocked",
        "0: CLIENT UNBLOCK 999999
         0: CLIENT UNBLOCK x
         0: CLIENT UNBLOCK 1 MAYBE
         0: CLIENT UNBLOCK 1 TIMEOUT more
         0: EVAL return(1) 0",
    ),
    (
        "clients that are killed",
        "0: CLIENT KILL 127.0.0.1:1
         0: CLIENT KILL ID 0
         0: CLIENT KILL ID x
         0: CLIENT KILL ID 99999999
         0: CLIENT KILL TYPE MAYBE
         0: CLIENT KILL TYPE replica
         0: CLIENT KILL USER nobody
         0: CLIENT KILL SKIPME MAYBE
         0: CLIENT KILL ID
         0: CLIENT KILL FOO 1
         1: SUBSCRIBE a
         0: CLIENT KILL TYPE pubsub
         1: PING
         2: &BLPOP a 0
         0: CLIENT KILL TYPE normal
         0: RPUSH a element
         2: PING
         0: LLEN a
         0: CLIENT KILL TYPE normal SKIPME no
         0: PING",
    ),
    (
        "waits for replicas",
        "0: WAIT 0 0
         0: WAIT 1 1
         0: WAIT x 1
         0: WAIT 1 x
         0: WAIT 1 -1
         0: WAIT -1 0
         0: MULTI
         0: WAIT 1 0
         0: EXEC",
    ),
    (
        "key events (RESP3)",
        "1: CONFIG SET notify-keyspace-events KEAn
         0: PSUBSCRIBE __key*
         1: SET k v EX 100
         0 <<
         1: INCR n
         0 <<
         1: SELECT 1
         1: RPUSH l a b
         0 <<
         1: LMOVE l m LEFT RIGHT
         0 <<
         1: LPOP l 5
         0 <<
         1: SADD s a
         0 <<
         1: SREM s a
         0 <<
         1: SORT m STORE t
         0 <<
         1: CONFIG SET notify-keyspace-events Kgm
         1: RENAME t u
         0 <<
         1: PERSIST u
         1: EXPIRE u 100
         0 <<
         1: PERSIST u
         0 <<
         1: GET none
         0 <<
         1: UNLINK u m
         0 <<
         1: CONFIG SET notify-keyspace-events E$
         1: MSET a 1 b 2
         0 <<
         1: APPEND a x
         0 <<
         1: SETRANGE a 1 y
         0 <<
         1: SETBIT a 1 1
         0 <<
         1: GETDEL a
         1: SETBIT b 6 0
         1: INCRBYFLOAT c 1.5
         0 <<
         1: PFADD h a
         0 <<
         1: BITOP NOT d b
         0 <<
         1: CONFIG SET notify-keyspace-events K",
    ),
];
