//! Write queue cost of a command, estimated from its arguments.

use bytes::Bytes;

/// Returns the number of writes that a command makes, 0 if it only reads. `name` is in upper case.
pub(super) fn writes(name: &str, args: &[Bytes]) -> usize {
    let rest = args.len().saturating_sub(1);
    let expires = |arg: &Bytes| {
        [&b"EX"[..], b"PX", b"EXAT", b"PXAT"]
            .iter()
            .any(|option| arg.eq_ignore_ascii_case(option))
    };
    match name {
        "SORT" if args.iter().any(|arg| arg.eq_ignore_ascii_case(b"STORE")) => 1,
        "DEL" | "MDEL" | "UNLINK" => rest,
        "MSET" | "MSETNX" => rest / 2,
        "SETEX" | "PSETEX" => 2,
        "BLMOVE" | "BRPOPLPUSH" | "LMOVE" | "MOVE" | "RPOPLPUSH" | "SMOVE" => 2,
        "SET" if args.iter().skip(3).any(expires) => 2,
        "BITFIELD" | "BITOP" | "BLMPOP" | "BLPOP" | "BRPOP" | "LINSERT" | "LMPOP" | "LPOP"
        | "LPUSH" | "RESTORE" | "BZMPOP" | "BZPOPMAX" | "BZPOPMIN" | "LPUSHX" | "LREM" | "LSET"
        | "LTRIM" | "PFADD" | "PFMERGE" | "RPOP" | "RPUSH" | "RPUSHX" | "SETBIT" | "SWAPDB" => 1,
        "APPEND" | "COPY" | "DECR" | "DECRBY" | "EVAL" | "EVALSHA" | "EXPIRE" | "EXPIREAT"
        | "FLUSHALL" | "FLUSHDB" | "GEOADD" | "GEORADIUS" | "GEORADIUSBYMEMBER"
        | "GEOSEARCHSTORE" | "GETDEL" | "GETEX" | "GETSET" | "HDEL" | "HINCRBY"
        | "HINCRBYFLOAT" | "HMSET" | "HSET" | "HSETNX" | "INCR" | "INCRBY" | "INCRBYFLOAT"
        | "PERSIST" | "PEXPIRE" | "PEXPIREAT" | "RENAME" | "RENAMENX" | "RESTOREDB" | "SADD"
        | "SDIFFSTORE" | "SET" | "SETNX" | "SETRANGE" | "SINTERSTORE" | "SPOP" | "SREM"
        | "SUNIONSTORE" | "XACK" | "XADD" | "XAUTOCLAIM" | "XCLAIM" | "XDEL" | "XGROUP"
        | "XREADGROUP" | "XSETID" | "XTRIM" | "ZADD" | "ZDIFFSTORE" | "ZINCRBY" | "ZINTERSTORE"
        | "ZMPOP" | "ZPOPMAX" | "ZPOPMIN" | "ZRANGESTORE" | "ZREM" | "ZREMRANGEBYLEX"
        | "ZREMRANGEBYRANK" | "ZREMRANGEBYSCORE" | "ZUNIONSTORE" => 1,
        _ => 0,
    }
}

/// Returns whether a writing command runs alone on the whole server.
pub(super) fn is_serial(name: &str) -> bool {
    matches!(name, "MSET" | "MSETNX") || name.starts_with('X')
}

#[cfg(test)]
mod tests {
    use super::writes;

    #[test]
    fn each_key_and_each_time_to_live_is_a_write() {
        for (command, expected) in [
            ("GET k", 0),
            ("SET k EX", 1),
            ("SET k v ex 10", 2),
            ("SETEX k 10 v", 2),
            ("DEL a b c", 3),
            ("MSET a 1 b 2", 2),
            ("XREAD STREAMS s 0-0", 0),
            ("XACK s g 1-1 1-2", 1),
        ] {
            let args: Vec<_> = command
                .split(' ')
                .map(|arg| arg.to_owned().into())
                .collect();
            let name = command.split(' ').next().unwrap();
            assert_eq!(writes(name, &args), expected, "{command}");
        }
    }
}
