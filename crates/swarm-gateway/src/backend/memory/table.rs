//! The command table: names, numbers of arguments, and what runs.

use bytes::Bytes;

use super::call::{Call, Reply};
use super::reject::Reject;
use super::{connection, expire, keys, strings};

/// One command.
#[derive(Debug)]
pub(super) struct Spec {
    /// In capitals.
    name: &'static str,
    /// How many arguments, the name included; negative for at least as many.
    arity: i8,
    pub(super) run: fn(&mut Call<'_>) -> Reply,
}

const fn spec(name: &'static str, arity: i8, run: fn(&mut Call<'_>) -> Reply) -> Spec {
    Spec { name, arity, run }
}

/// Sorted by name.
#[rustfmt::skip]
const TABLE: &[Spec] = &[
    spec("DECR", 2, strings::decr),
    spec("DECRBY", 3, strings::decrby),
    spec("DEL", -2, keys::del),
    spec("ECHO", 2, connection::echo),
    spec("EXISTS", -2, keys::exists),
    spec("EXPIRE", -3, expire::expire),
    spec("EXPIREAT", -3, expire::expireat),
    spec("EXPIRETIME", 2, expire::expiretime),
    spec("GET", 2, strings::get),
    spec("INCR", 2, strings::incr),
    spec("INCRBY", 3, strings::incrby),
    spec("MGET", -2, strings::mget),
    spec("MSET", -3, strings::mset),
    spec("PERSIST", 2, expire::persist),
    spec("PEXPIRE", -3, expire::pexpire),
    spec("PEXPIREAT", -3, expire::pexpireat),
    spec("PEXPIRETIME", 2, expire::pexpiretime),
    spec("PING", -1, connection::ping),
    spec("PTTL", 2, expire::pttl),
    spec("SET", -3, strings::set),
    spec("TTL", 2, expire::ttl),
];

/// The command that `args` call, whose name in capitals is `name`.
pub(super) fn find(name: &str, args: &[Bytes]) -> Result<&'static Spec, Reject> {
    let found = TABLE.binary_search_by(|spec| spec.name.cmp(name));
    let spec = (found.ok().and_then(|at| TABLE.get(at))).ok_or_else(|| Reject::unknown(args))?;
    let least = usize::from(spec.arity.unsigned_abs());
    let fits = if spec.arity < 0 {
        args.len() >= least
    } else {
        args.len() == least
    };
    if fits {
        Ok(spec)
    } else {
        Err(Reject::arity(&name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
    }
}
