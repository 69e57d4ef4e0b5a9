//! Handwritten sequences of what changes how Redis encodes a value.

/// Scripts in the notation of [`scripts`](crate::scripts).
pub(crate) const ALL: &[(&str, &str)] = &[
    (
        "SORT makes a sorted set a skip list",
        "0: ZADD z 2 1 1 2
     0: OBJECT ENCODING z
     0: SORT z FOO
     0: SORT z LIMIT 0
     0: OBJECT ENCODING z
     0: WATCH z
     0: SORT z BY nosort
     0: OBJECT ENCODING z
     0: MULTI
     0: PING
     0: EXEC
     0: ZADD z -0 zero
     0: ZSCORE z zero
     0: COPY z y
     0: OBJECT ENCODING y
     0: RENAME z x
     0: OBJECT ENCODING x
     0: DEL x
     0: ZADD x 1 a
     0: OBJECT ENCODING x
     0: SORT_RO x
     0: OBJECT ENCODING x
     0: SADD s 1 2
     0: SORT s BY nosort
     0: OBJECT ENCODING s
     0: RPUSH l 1 2
     0: SORT l
     0: OBJECT ENCODING l",
    ),
    (
        "numbers at the ends of their ranges",
        "0: SCAN -1
     0: SCAN -1 COUNT 5
     0: SCAN +0
     0: SCAN -9223372036854775808
     0: SCAN 18446744073709551615
     0: SCAN 18446744073709551616
     0: SCAN 1x
     0: SET k v
     0: PEXPIREAT k 9223372036854775807
     0: EXPIRETIME k
     0: PEXPIRETIME k
     0: PEXPIREAT k 9223372036854775300
     0: EXPIRETIME k
     0: PEXPIREAT k 9223372036854774500
     0: EXPIRETIME k
     0: EXPIREAT k 9223372036854775
     0: EXPIRETIME k
     0: EXPIREAT k 9223372036854776
     0: PEXPIRE k 9223372036854775807
         0: SET bits 1e3
         0: SETBIT bits 7 1
         0: OBJECT ENCODING bits
         0: COMMAND GETKEYS LMPOP 10 l3 l2 LEFT
         0: COMMAND GETKEYS LMPOP 3 l3 l2 LEFT
         0: COMMAND GETKEYS LMPOP x l3 l2 LEFT
         0: COMMAND GETKEYS ZUNIONSTORE d 10 a b
         0: COMMAND GETKEYS EVAL x 2 a
         0: COMMAND GETKEYS EVAL x -1 a
         0: COMMAND GETKEYS EVAL x 1 a",
    ),
];
