//! List commands of the command table.

use super::super::table::{Reads, Spec, data};

#[rustfmt::skip]
pub(in super::super) static COMMANDS: &[Spec] = &[
    data("BLMOVE", 6, super::blmove),
    data("BLMPOP", -5, super::blmpop),
    data("BLPOP", -3, super::blpop),
    data("BRPOP", -3, super::brpop),
    data("BRPOPLPUSH", 4, super::brpoplpush),
    data("LINDEX", 3, super::lindex).reads(Reads::First),
    data("LINSERT", 5, super::linsert),
    data("LLEN", 2, super::llen).reads(Reads::First),
    data("LMOVE", 5, super::lmove),
    data("LMPOP", -4, super::lmpop),
    data("LPOP", -2, super::lpop),
    data("LPOS", -3, super::lpos).reads(Reads::First),
    data("LPUSH", -3, super::lpush),
    data("LPUSHX", -3, super::lpushx),
    data("LRANGE", 4, super::lrange).reads(Reads::First),
    data("LREM", 4, super::lrem),
    data("LSET", 4, super::lset),
    data("LTRIM", 4, super::ltrim),
    data("RPOP", -2, super::rpop),
    data("RPOPLPUSH", 3, super::rpoplpush),
    data("RPUSH", -3, super::rpush),
    data("RPUSHX", -3, super::rpushx),
];
